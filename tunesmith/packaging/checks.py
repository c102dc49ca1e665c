"""Is the model served as it was trained: template, stop token, and what merging changed.

A fine-tune that was trained with one chat template and is served with another, or that never
learned to stop, scores well offline and fails in production. So the packaged folder is loaded as
a server loads it, by `generate` of the transformers library with the folder's own configuration,
and compared with what was evaluated.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tunesmith.errors import InputError
from tunesmith.packaging.serving import GENERATION_CONFIG, Prompt, Served, as_server
from tunesmith.training.model_folder import (
    CONFIG,
    TEMPLATE,
    TOKENIZER_CONFIG,
    read_header,
)
from tunesmith.training.template import answer_ids, end_ids, prompt_ids

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from tunesmith.evaluation.generation import LoadedModel


LICENCES = ("LICENSE", "LICENCE", "LICENSE.txt", "LICENCE.txt", "LICENSE.md", "NOTICE")
TEXTS = (TEMPLATE, "merges.txt", "tokenizer.model", "README.md", *LICENCES)
"""Files of a served folder that are neither weights nor JSON; nothing in them is run."""


class Finding(NamedTuple):
    """What a check found; `figures` are for the record."""

    check: str
    passed: bool
    found: str
    figures: dict[str, float]


def check_template(
    trained: "PreTrainedTokenizerBase", served: Served, prompts: Sequence[Prompt]
) -> Finding:
    """Compare the tokens of each prompt as training wrote them with those that a server makes."""
    different = 0
    first = _second_template(served.folder)
    for number, prompt in enumerate(prompts, 1):
        ours = prompt_ids(trained, prompt.turns, prompt.tools)
        theirs = as_server(served.tokenizer, prompt)
        if ours != theirs:
            different += 1
            first = first or _first_difference(trained, ours, theirs, number)
    found = first or f"the same tokens for all {len(prompts)} prompts"
    figures = {"prompts": float(len(prompts)), "different": float(different)}
    return Finding("template", not first, found, figures)


def _second_template(folder: Path) -> str:
    """Say that a folder holds two templates, of which some servers read one and some the other."""
    beside = json.loads((folder / TOKENIZER_CONFIG).read_bytes()).get("chat_template")
    alone = folder / TEMPLATE
    if not isinstance(beside, str) or not alone.is_file() or beside == alone.read_text("utf-8"):
        return ""
    return (
        f"{TEMPLATE} and the chat_template of {TOKENIZER_CONFIG} differ, and servers read one or "
        "the other; take the one that is not trained with out of the base's folder"
    )


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


def check_stops(
    trained: "PreTrainedTokenizerBase", served: Served, reasons: Sequence[str], required: float
) -> Finding:
    """See that answers end by themselves, and that a server stops where training taught to end.

    Args:
        trained: The tokenizer of training.
        served: The packaged form, with its own end tokens.
        reasons: The finish reason of each answer; the others ran on until they were cut off.
        required: Least share that must have ended by a stop token, 0 to 1.
    """
    share = sum(reason == "stop" for reason in reasons) / len(reasons)
    found = f"{share:.0%} of {len(reasons)} answers ended by a stop token"
    taught = _end_of_turn(trained)
    if taught not in served.ends:
        known = ", ".join(repr(trained.decode([token])) for token in sorted(served.ends)) or "none"
        found = (
            f"training ends answers with {trained.decode([taught])!r}, which is not among the end "
            f"tokens of {GENERATION_CONFIG} ({known}); a server would not stop there. Serve the "
            "merged model, whose file has it"
        )
    elif share < required:
        found += (
            f"; expected {required:.0%}. Either the model did not learn to stop (is the end of the "
            "turn among the tokens that training scores?), or predict.max_new_tokens is too small"
        )
    passed = share >= required and taught in served.ends
    return Finding("stop_token", passed, found, {"share": share})


def _end_of_turn(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Return the token that training puts after an answer."""
    turn = {"role": "user", "content": "x"}
    ends = end_ids(tokenizer)
    return next(token for token in answer_ids(tokenizer, [turn], "x") if token in ends)


def check_agreement(
    adapter: "LoadedModel",
    merged: Served,
    prompts: Sequence[Prompt],
    answers: Sequence[str],
    required: float,
    allowed: float,
) -> Finding:
    """Let the base with its adapter and the merged model read the same answers, and compare.

    At each token of an answer, both say which token should come next. That is compared at every
    place by itself: one near tie would else change all that follows it. So are the logits: how far
    apart they are, as a share of how far they spread, both without their means, which change no
    probability. Honest merges are 0.02 apart in bfloat16, and those that apply a quarter more of
    the adapter 0.11 (SmolLM2 135M).

    Args:
        adapter: The base with the adapter, as it was evaluated.
        merged: The packaged model.
        prompts: What was asked.
        answers: What the adapter answered.
        required: Least share of places where both say the same.
        allowed: Largest mean distance of the logits.
    """
    import torch

    places = same = 0
    distances = 0.0
    with torch.inference_mode():
        for prompt, answer in zip(prompts, answers, strict=True):
            ids = prompt_ids(adapter.tokenizer, prompt.turns, prompt.tools)
            tail = answer_ids(adapter.tokenizer, prompt.turns, answer, prompt.tools)
            one, other = (_logits(model, ids, tail) for model in (adapter, merged))
            places += len(tail)
            same += int((one.argmax(-1) == other.argmax(-1)).sum())
            one, other = (logits - logits.mean(-1, keepdim=True) for logits in (one, other))
            distances += float(((one - other).norm(dim=-1) / one.norm(dim=-1)).sum())
    share, distance = same / max(places, 1), distances / max(places, 1)
    found = f"the same next token at {share:.2%} of {places} places, logits {distance:.2g} apart"
    passed = share >= required and distance <= allowed
    if not passed:
        found += (
            f"; expected {required:.2%} and at most {allowed:g}. Serve the adapter on its base "
            "instead of the merged model"
        )
    figures = {"places": float(places), "same": share, "logit_distance": distance}
    return Finding("agreement", passed, found, figures)


def _logits(model: "LoadedModel | Served", prompt: list[int], answer: list[int]) -> "torch.Tensor":
    """Return what a model expects at each token of an answer: float32 [tokens, vocabulary]."""
    import torch

    ids = torch.tensor([[*prompt, *answer]], device=model.device.kind)
    result = model.model(input_ids=ids[:, :-1], logits_to_keep=len(answer))
    logits: torch.Tensor = result.logits[0].float().cpu()
    return logits


def check_serving(
    adapter: "LoadedModel",
    served: Served,
    prompts: Sequence[Prompt],
    answers: Sequence[str],
    max_new_tokens: int,
    required: float,
) -> Finding:
    """Let the packaged form answer as a server does, and ask the evaluated model what it thinks.

    At each token of a served answer: is it the one that the evaluated model would have chosen
    there? A near tie that turns in bfloat16 changes one place, and with it all words that follow;
    another template, other weights or an end that is not seen change most places. How many answers
    are word for word those that were evaluated is told too, and judged by nobody: 96 tokens, of
    which 99.3 % agree, survive whole in half of the cases.

    Args:
        adapter: The base with the adapter, as it was evaluated.
        served: The merged model, or the adapter on its base, with nothing but what is in its
            folders: its tokenizer, its template, its end tokens.
        prompts: What is asked.
        answers: What was answered when the model was evaluated.
        max_new_tokens: Longest answer in tokens.
        required: Least share of tokens that the evaluated model would have chosen.
    """
    import torch

    places = alike = whole = 0
    first = ""
    for prompt, expected in zip(prompts, answers, strict=True):
        text = served.answer(prompt, max_new_tokens).text
        whole += text == expected
        ids = prompt_ids(adapter.tokenizer, prompt.turns, prompt.tools)
        tail = answer_ids(adapter.tokenizer, prompt.turns, text, prompt.tools)
        with torch.inference_mode():
            chosen = _logits(adapter, ids, tail).argmax(-1)
        agreed = int((chosen == torch.tensor(tail)).sum())
        places, alike = places + len(tail), alike + agreed
        if agreed < required * len(tail):
            first = first or f"; such as {text[:80]!r} instead of {expected[:80]!r}"
    share, same = alike / max(places, 1), whole / len(prompts)
    found = (
        f"{share:.2%} of {places} tokens are those that the evaluated model chooses, "
        f"{same:.0%} of {len(prompts)} answers word for word"
    )
    if share < required:
        found += f"; expected {required:.0%} of the tokens{first}"
    return Finding("serving", share >= required, found, {"share": share, "whole": same})


def check_files(folders: Mapping[str, Path]) -> Finding:
    """See that weights are safetensors alone; loading a pickle can run any code.

    What is not known to be harmless is told, whatever it is called.

    Args:
        folders: What is served, by what people call it.
    """
    odd = [
        f"{name}/{path.relative_to(folder).as_posix()}: {why}"
        for name, folder in folders.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (why := _not_harmless(path))
    ]
    more = f", and {len(odd) - 1} more" if odd[1:] else ""
    told = f"found {odd[0]}{more}" if odd else "weights in safetensors alone, no code"
    return Finding("safetensors", not odd, told, {"files": float(len(odd))})


def _not_harmless(path: Path) -> str:
    """Say what is wrong with a file of a served folder; empty if nothing is."""
    if path.suffix == ".safetensors":
        try:
            read_header(path)
        except InputError as error:
            return str(error).removeprefix(f"{path}: ")
        return ""
    if path.name not in TEXTS and path.suffix not in (".json", ".jsonl"):
        known = ", ".join(name for name in TEXTS if name not in LICENCES)
        return f"expected weights in safetensors; of other files only JSON, {known} and licences"
    if path.name in (CONFIG, TOKENIZER_CONFIG):
        try:
            asks = "auto_map" in json.loads(path.read_bytes())
        except ValueError as error:
            return f"not JSON: {error}"
        return "auto_map asks to run Python code from the folder" if asks else ""
    return ""
