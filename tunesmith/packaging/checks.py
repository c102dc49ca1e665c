"""Is the model served as it was trained: template, stop token, and what merging changed.

A fine-tune that was trained with one chat template and is served with another, or that never
learned to stop, scores well offline and fails in production. So the packaged folder is loaded as
a server loads it, by `generate` of the transformers library with the folder's own configuration,
and compared with what was evaluated.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.training.template import Tool, Turn, answer_ids, prompt_ids

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from tunesmith.evaluation.generation import LoadedModel


class Prompt(NamedTuple):
    """Messages up to the answer, and what the model is offered with them."""

    turns: Sequence[Turn]
    tools: Sequence[Tool] = ()


class Finding(NamedTuple):
    """What a check found; `figures` are for the record."""

    check: str
    passed: bool
    found: str
    figures: dict[str, float]


def check_template(
    trained: "PreTrainedTokenizerBase", served: "PreTrainedTokenizerBase", prompts: Sequence[Prompt]
) -> Finding:
    """Compare the tokens of each prompt as training wrote them with those that a server makes.

    A server asks the tokenizer of the packaged folder to apply its template and to encode, in one
    call, and appends nothing.
    """
    different = 0
    first = ""
    for number, prompt in enumerate(prompts, 1):
        ours = prompt_ids(trained, prompt.turns, prompt.tools)
        theirs = _as_server(served, prompt)
        if ours != theirs:
            different += 1
            first = first or _first_difference(trained, ours, theirs, number)
    found = first or f"the same tokens for all {len(prompts)} prompts"
    figures = {"prompts": float(len(prompts)), "different": float(different)}
    return Finding("template", not different, found, figures)


def _as_server(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> list[int]:
    encoded: Any = tokenizer.apply_chat_template(
        [dict(turn) for turn in prompt.turns],
        tools=[dict(tool) for tool in prompt.tools] or None,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
    )
    return list(encoded)


def _first_difference(
    tokenizer: "PreTrainedTokenizerBase", ours: list[int], theirs: list[int], number: int
) -> str:
    both = zip(ours, theirs, strict=False)
    at = next((at for at, (one, other) in enumerate(both) if one != other), None)
    if at is None:
        at = min(len(ours), len(theirs))
    shown = [tokenizer.decode(ids[at : at + 8]) for ids in (ours, theirs)]
    return (
        f"prompt {number} differs from token {at + 1} on: {shown[0]!r} in training, {shown[1]!r} "
        "when served; serve the chat template that the package holds"
    )


def check_stops(reasons: Sequence[str], required: float) -> Finding:
    """Count the answers that ended by themselves; the others ran on until they were cut off.

    Args:
        reasons: The finish reason of each answer.
        required: Least share that must have ended by a stop token, 0 to 1.
    """
    share = sum(reason == "stop" for reason in reasons) / len(reasons)
    found = f"{share:.0%} of {len(reasons)} answers ended by a stop token"
    if share < required:
        found += (
            f"; expected {required:.0%}. Either the model did not learn to stop (is the end of the "
            "turn among the tokens that training scores?), or predict.max_new_tokens is too small"
        )
    return Finding("stop_token", share >= required, found, {"share": share})


def check_agreement(
    adapter: "LoadedModel",
    merged: "LoadedModel",
    prompts: Sequence[Prompt],
    answers: Sequence[str],
    required: float,
) -> Finding:
    """Let the base with its adapter and the merged model read the same answers, and compare.

    At each token of an answer, both say which token should come next. That is compared at every
    place by itself: one near tie would else change all that follows it.

    Args:
        adapter: The base with the adapter, as it was evaluated.
        merged: The packaged model.
        prompts: What was asked.
        answers: What the adapter answered.
        required: Least share of places where both say the same.
    """
    import torch

    places = same = 0
    distance = 0.0
    with torch.inference_mode():
        for prompt, answer in zip(prompts, answers, strict=True):
            ids = prompt_ids(adapter.tokenizer, prompt.turns, prompt.tools)
            tail = answer_ids(adapter.tokenizer, prompt.turns, answer, prompt.tools)
            one, other = (_logits(model, ids, tail) for model in (adapter, merged))
            places += len(tail)
            same += int((one.argmax(-1) == other.argmax(-1)).sum())
            distance = max(distance, float((one - other).abs().max()))
    share = same / max(places, 1)
    found = (
        f"the same next token at {share:.2%} of {places} places, logits at most {distance:.2g} "
        "apart"
    )
    if share < required:
        found += (
            f"; expected {required:.2%}. Serve the adapter on its base instead of the merged model"
        )
    figures = {"places": float(places), "same": share, "logit_distance": distance}
    return Finding("agreement", share >= required, found, figures)


def _logits(model: "LoadedModel", prompt: list[int], answer: list[int]) -> "torch.Tensor":
    """Return what a model expects at each token of an answer: float32 [tokens, vocabulary]."""
    import torch

    ids = torch.tensor([[*prompt, *answer]], device=model.device.kind)
    result = model.model(input_ids=ids[:, :-1], logits_to_keep=len(answer))
    logits: torch.Tensor = result.logits[0].float().cpu()
    return logits


def check_serving(
    folder: Path,
    prompts: Sequence[Prompt],
    answers: Sequence[str],
    max_new_tokens: int,
    required: float,
) -> Finding:
    """Load the packaged folder as a server does, let it answer, and compare the answers.

    Nothing but the folder is used: its tokenizer, its template, its end tokens.

    Args:
        folder: The packaged model.
        prompts: What is asked.
        answers: What was answered when the model was evaluated.
        max_new_tokens: Longest answer in tokens.
        required: Least share of answers that are the same, word for word.
    """
    import torch

    from tunesmith.training.device import pick
    from tunesmith.training.loading import load_base, load_tokenizer

    device = pick()
    tokenizer = load_tokenizer(folder)
    model = load_base(folder, device.dtype).to(device.kind).eval()
    same = 0
    first = ""
    for prompt, expected in zip(prompts, answers, strict=True):
        ids = torch.tensor([_as_server(tokenizer, prompt)], device=device.kind)
        with torch.inference_mode():
            whole = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        text = str(tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True))
        same += text == expected
        if text != expected:
            first = first or f"; the first that differs: {text[:80]!r} instead of {expected[:80]!r}"
    share = same / len(prompts)
    found = f"{share:.0%} of {len(prompts)} answers are those that were evaluated"
    if share < required:
        found += f", expected {required:.0%}{first}"
    return Finding("serving", share >= required, found, {"share": share})


def check_files(folder: Path) -> Finding:
    """See that weights are safetensors alone; loading a pickle can run any code."""
    kinds = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py")
    found = sorted(path.name for path in folder.rglob("*") if path.suffix in kinds)
    told = f"found {', '.join(found)}" if found else "weights in safetensors alone, no code"
    return Finding("safetensors", not found, told, {"files": float(len(found))})
