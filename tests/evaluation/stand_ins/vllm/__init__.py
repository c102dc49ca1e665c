"""What `tunesmith.evaluation.generation.on_vllm` uses of vLLM 0.33.0, without a model.

Classes, parameters and their kinds are those of the real package; what is not used is left out, so
that a wrong name fails. It writes what it is given to the file that STAND_IN_LOG names. An answer
is the first token of its prompt, as often as the second token says and the limit allows, and then
the first of the tokens that stop it.
"""

import json
import os
from pathlib import Path

from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import SamplingParams

__version__ = "0.33.0"
__all__ = ["LLM", "SamplingParams"]


def log(what, **facts):
    with Path(os.environ["STAND_IN_LOG"]).open("a") as file:
        file.write(json.dumps({"what": what, **facts}) + "\n")


class LLM:
    def __init__(
        self, model, *, dtype="auto", seed=0, structured_outputs_config=None, load_format="auto",
        max_model_len=None, generation_config="auto", enable_lora=False, max_loras=1,
        max_lora_rank=16,
    ):  # fmt: skip
        given = {name: value for name, value in locals().items() if name != "self"}
        environment = {name: os.environ[name] for name in os.environ if name.startswith("VLLM_")}
        log("LLM", **given, environment=environment, pid=os.getpid())
        if max_lora_rank not in (1, 8, 16, 32, 64, 128, 256, 320, 512):
            raise ValueError("max_lora_rank")
        if "refused" in model:
            raise ValueError("this architecture is not supported")
        self._lora, self._room = enable_lora, max_model_len

    def generate(
        self, prompts, sampling_params=None, *, use_tqdm=True, lora_request=None, priority=None,
        tokenization_kwargs=None, mm_processor_kwargs=None,
    ):  # fmt: skip
        if lora_request is not None and not self._lora:
            raise ValueError("LoRA is not enabled")
        adapter = lora_request.lora_path if lora_request else None
        prompts = [prompt["prompt_token_ids"] for prompt in prompts]
        log("generate", prompts=len(prompts), adapter=adapter, use_tqdm=use_tqdm)
        return [
            self._answer(ids, params) for ids, params in zip(prompts, sampling_params, strict=True)
        ]

    def _answer(self, ids, params):
        assert len(ids) + params.max_tokens <= self._room
        log("asked", ids=list(ids), **params.given)
        tokens = [ids[0]] * ids[1]
        stops = len(tokens) < params.max_tokens
        tokens = [*tokens, params.stop_token_ids[0]] if stops else tokens[: params.max_tokens]
        completion = CompletionOutput(0, "", tokens, None, None)
        completion.finish_reason = "stop" if stops else "length"
        return RequestOutput("0", None, ids, None, [completion], True)

    def reset_prefix_cache(self, reset_running_requests=False, reset_connector=False):
        log("reset_prefix_cache")
        return True
