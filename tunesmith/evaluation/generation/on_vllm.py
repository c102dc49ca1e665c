"""Answer by way of vLLM, on a GPU.

vLLM gets the tokens that training would write, not messages, and ends an answer where we would;
so both runtimes ask the same and differ in rounding alone. Only where an answer is held to a schema
they differ more: here its JSON has no white space. Written against vLLM 0.33.

The engine runs in a process of its own, so that its memory is free again when it ends, and with
its scheduler inside that process, the one way in which vLLM's order of work is the same each time
(https://docs.vllm.ai/en/latest/usage/reproducibility.html). That process ends when this one does,
also when this one is killed. What the engine has cached is forgotten after each planned batch, so
that a run that goes on computes what an undisturbed one does.
"""

import gc
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tunesmith.errors import InputError
from tunesmith.evaluation.generation.runtime import Runtime
from tunesmith.evaluation.generation.work import Answered, Decode, Work
from tunesmith.training.device import Device
from tunesmith.training.loading import ADAPTER_CONFIG, check_adapter, load_tokenizer
from tunesmith.training.template import end_ids

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLANNED = 512
"""Prompts in a planned batch at least: vLLM has hundreds under way, and keeps to its memory."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of an adapter for which vLLM can make room."""
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}


class Setup(NamedTuple):
    """What the engine's process needs to start: arguments of `vllm.LLM`, and the adapter."""

    engine: dict[str, Any]
    adapter: str | None
    ends: list[int]
    schema: str | None


class Request(NamedTuple):
    """One prompt as tokens, and how it is answered; greedily at temperature 0."""

    ids: list[int]
    limit: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True)
class VllmModel:
    """A model that vLLM will load when there is work."""

    model_dir: Path
    adapter_dir: Path | None
    tokenizer: "PreTrainedTokenizerBase"
    device: Device
    ends: frozenset[int]
    context: int | None
    runtime: ClassVar[Runtime] = "vllm"

    def planned(self, batch_size: int) -> int:
        """Return how many prompts go together when so many are asked for."""
        return max(batch_size, PLANNED)

    @contextmanager
    def decoding(
        self, work: Work, timings: dict[str, float], notes: dict[str, Any]
    ) -> Iterator[Decode]:
        """Yield what answers a planned batch; the engine lives as long.

        Raises:
            InputError: vLLM cannot load the model, or gave up on a batch.
        """
        _free_memory()
        start = time.perf_counter()
        with _started(self._setup(work)) as engine:
            notes["runtime_version"] = _receive(engine)
            timings.update(start=time.perf_counter() - start, decode=0.0)

            def decode(places: Sequence[int]) -> list[Answered]:
                begun = time.perf_counter()
                engine.connection.send([_request(work, place) for place in places])
                found: list[Answered] = _receive(engine)
                timings["decode"] += time.perf_counter() - begun
                return found

            yield decode

    def _setup(self, work: Work) -> Setup:
        room = max(len(ids) + limit for ids, limit in zip(work.ids, work.limits, strict=True))
        engine: dict[str, Any] = {
            "model": str(self.model_dir),
            "dtype": "bfloat16" if self.device.precision == "bf16" else "float32",
            "load_format": "safetensors",
            "max_model_len": room,
            "seed": 0,
            # Not the model's own defaults: what the recipe does not say is not done.
            "generation_config": "vllm",
        }
        if work.schema is not None:
            # What also keeps the answers of transformers to a schema. Here it knows no bound of
            # white space but none, and the tiny model of the tests filled its answers with it.
            engine["structured_outputs_config"] = {
                "backend": "guidance",
                "disable_any_whitespace": True,
            }
        if self.adapter_dir is not None:
            engine |= {
                "enable_lora": True,
                "max_loras": 1,
                "max_lora_rank": _rank(self.adapter_dir),
            }
        adapter = str(self.adapter_dir) if self.adapter_dir else None
        return Setup(engine, adapter, sorted(self.ends), work.schema)


def open_model(model_dir: Path, adapter_dir: Path | None, device: Device) -> VllmModel:
    """Read what is needed to ask a model; its weights are loaded when there is work.

    Raises:
        InputError: one of the folders is damaged or incomplete.
    """
    from transformers import AutoConfig

    if adapter_dir is not None:
        check_adapter(adapter_dir)
    tokenizer = load_tokenizer(model_dir)
    config = AutoConfig.from_pretrained(model_dir, local_files_only=True).get_text_config()
    context = getattr(config, "max_position_embeddings", None)
    return VllmModel(model_dir, adapter_dir, tokenizer, device, end_ids(tokenizer), context)


def _rank(adapter_dir: Path) -> int:
    config = json.loads((adapter_dir / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    rank = max([config["r"], *(config.get("rank_pattern") or {}).values()])
    if rank > RANKS[-1]:
        raise InputError(
            f"{adapter_dir / ADAPTER_CONFIG}: r is {rank}; vLLM takes at most {RANKS[-1]}. Set "
            "predict.runtime: transformers"
        )
    return next(room for room in RANKS if room >= rank)


def _request(work: Work, place: int) -> Request:
    ids, limit = list(work.ids[place]), work.limits[place]
    if work.draws is None:
        return Request(ids, limit)
    return Request(ids, limit, work.draws.temperature, work.draws.top_p, work.draws.seeds[place])


def _free_memory() -> None:
    """Give back what torch keeps of the GPU in this process: the engine wants most of it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


class _Engine(NamedTuple):
    process: multiprocessing.process.BaseProcess
    connection: "Connection[Any, Any]"


@contextmanager
def _started(setup: Setup) -> Iterator[_Engine]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, setup), name="tunesmith-vllm")
    process.start()
    theirs.close()
    try:
        yield _Engine(process, ours)
    finally:
        ours.close()  # the engine's process takes it for the end
        process.join(30)
        process.kill()
        process.join()


def _receive(engine: _Engine) -> Any:
    try:
        return engine.connection.recv()
    except (EOFError, ConnectionError) as error:
        engine.process.join()
        raise InputError(
            f"vLLM ended with exit code {engine.process.exitcode} before it answered; its own "
            "message stands above. Mend what it names, or set predict.runtime: transformers"
        ) from error


def serve(connection: "Connection[Any, Any]", setup: Setup) -> None:
    """Load the model and answer lists of `Request` until the other side is gone.

    Runs in the engine's process. An error ends it, with vLLM's own traceback on its stderr.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import vllm
    from vllm.lora.request import LoRARequest

    engine = vllm.LLM(**setup.engine)
    adapter = LoRARequest("adapter", 1, setup.adapter) if setup.adapter else None
    connection.send(vllm.__version__)
    while True:
        try:
            requests = connection.recv()
        except EOFError:
            return
        outputs = engine.generate(
            [{"prompt_token_ids": request.ids} for request in requests],
            [_sampling(request, setup) for request in requests],
            use_tqdm=False,
            lora_request=adapter,
        )
        engine.reset_prefix_cache()
        connection.send([_answered(output.outputs[0]) for output in outputs])


def _sampling(request: Request, setup: Setup) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    return SamplingParams(
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        max_tokens=request.limit,
        ignore_eos=True,  # the tokens that end an answer are ours to name
        stop_token_ids=setup.ends,
        detokenize=False,
        structured_outputs=StructuredOutputsParams(json=setup.schema) if setup.schema else None,
    )


def _answered(completion: Any) -> Answered:
    if completion.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM gave up on a prompt: {completion.finish_reason}")
    return Answered(list(completion.token_ids), completion.finish_reason == "stop")
