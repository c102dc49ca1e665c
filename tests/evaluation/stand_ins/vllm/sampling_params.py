class StructuredOutputsParams:
    def __init__(self, json=None):
        self.json = json


class SamplingParams:
    def __init__(
        self, *, temperature=1.0, top_p=1.0, seed=None, stop_token_ids=None, ignore_eos=False,
        max_tokens=16, detokenize=True, structured_outputs=None,
    ):  # fmt: skip
        if not 0 < top_p <= 1 or not 0 <= temperature <= 2 or max_tokens < 1:
            raise ValueError("refused by vLLM")
        self.max_tokens, self.stop_token_ids = max_tokens, stop_token_ids
        self.given = {
            "temperature": temperature, "top_p": top_p, "seed": seed, "ignore_eos": ignore_eos,
            "stop_token_ids": stop_token_ids, "max_tokens": max_tokens, "detokenize": detokenize,
            "schema": structured_outputs and structured_outputs.json,
        }  # fmt: skip
