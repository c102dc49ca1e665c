class CompletionOutput:
    def __init__(self, index, text, token_ids, cumulative_logprob, logprobs):
        self.token_ids, self.finish_reason = token_ids, None


class RequestOutput:
    def __init__(
        self, request_id, prompt, prompt_token_ids, prompt_logprobs, outputs, finished
    ):  # fmt: skip
        self.outputs = outputs
