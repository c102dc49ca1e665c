"""Score each example by simple checks, and drop what does not reach the minimum.

Reads `Examples` and the base model's tokenizer, writes the kept rows in order with their
`quality`: the weights of the checks they pass, over the weights of all. A check named in
`required` drops a row alone. The reason of a drop is the name of the check that weighed most.

| check | a row passes when |
|---|---|
| system_prompt | it has a system message |
| length | the answer has `min_tokens` to `max_tokens` tokens of the base's tokenizer |
| markers | the answer has none of the marker phrases |
| format | the start of the answer matches the pattern `format` (passes when there is none) |
| grounding | every number, date, id and name of the answer is in what precedes it |
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

import msgspec
from pydantic import Field, ValidationInfo, field_validator

from tunesmith.artifacts import Base, Examples
from tunesmith.data.grounding import ungrounded
from tunesmith.data.markers import PHRASES, find_marker
from tunesmith.draft import Draft
from tunesmith.patterns import Phrase, valid_pattern
from tunesmith.records import ChatExample, Dropped
from tunesmith.stage import Params, Stage

Check = Literal["system_prompt", "length", "markers", "format", "grounding"]
CHECKS: tuple[Check, ...] = get_args(Check)


class ScoreParams(Params):
    """Which checks weigh how much."""

    weights: dict[Check, float] = Field(
        {"system_prompt": 0.2, "length": 0.3, "markers": 0.3, "format": 0.2, "grounding": 0.0},
        description="Weight of each check in the quality score.",
    )
    required: tuple[Check, ...] = Field(
        ("grounding",), description="Checks that drop a row whatever its score."
    )
    minimum: float = Field(0.75, ge=0, le=1, description="Lowest quality that is kept.")
    format: str | None = Field(
        None, description="Regular expression that the start of an answer must match."
    )
    min_tokens: int = Field(50, ge=1, description="Fewest tokens of an answer.")
    max_tokens: int = Field(1000, ge=1, description="Most tokens of an answer.")
    phrases: tuple[Phrase, ...] = Field(PHRASES, min_length=1, description="Marker phrases.")

    _pattern = field_validator("format")(valid_pattern)

    @field_validator("max_tokens")
    @classmethod
    def _some_length(cls, most: int, info: ValidationInfo) -> int:
        if most < info.data.get("min_tokens", 1):
            raise ValueError(f"no answer has at least min_tokens and at most {most} tokens")
        return most

    @field_validator("weights")
    @classmethod
    def _some_weight(cls, weights: dict[Check, float]) -> dict[Check, float]:
        if min(weights.values(), default=0) < 0 or sum(weights.values()) <= 0:
            raise ValueError("weights must not be negative, and one must be above 0")
        return weights


def score(
    rows: Iterable[ChatExample], params: ScoreParams, count_tokens: Callable[[str], int]
) -> Iterator[ChatExample | Dropped]:
    """Give each row its quality, or mark it dropped."""
    whole = sum(params.weights.values())
    for row in rows:
        failed = check(row, params, count_tokens)
        lost = sum(params.weights.get(name, 0) for name in failed)
        quality = round(1 - lost / whole, 6)
        required = [name for name in params.required if name in failed]
        if required or quality < params.minimum:
            reason = (
                required[0] if required else max(failed, key=lambda n: params.weights.get(n, 0))
            )
            others = [name for name in failed if name != reason]
            detail = failed[reason] + (f" (also {', '.join(others)})" if others else "")
            yield Dropped(
                source=row.source,
                reason=reason,
                detail=f"{detail}; quality {quality:g}",
                row=row,
            )
        else:
            yield msgspec.structs.replace(row, quality=quality)


def check(
    row: ChatExample, params: ScoreParams, count_tokens: Callable[[str], int]
) -> dict[Check, str]:
    """Return the checks that a row fails, each with what was found."""
    failed: dict[Check, str] = {}
    if not any(message.role == "system" for message in row.messages):
        failed["system_prompt"] = "there is no system message"
    tokens = count_tokens(row.answer)
    if not params.min_tokens <= tokens <= params.max_tokens:
        failed["length"] = (
            f"the answer has {tokens} tokens; expected {params.min_tokens} to {params.max_tokens}"
        )
    marker = find_marker(row.answer, params.phrases)
    if marker:
        failed["markers"] = f"the answer says {marker!r}"
    if params.format and not re.match(params.format, row.answer):
        failed["format"] = "the answer does not match the format"
    missing = ungrounded(row.answer, row.input_text)
    if missing:
        named = ", ".join(f"{entity.kind} {entity.text!r}" for entity in missing)
        failed["grounding"] = f"not in the input: {named}"
    return failed


def token_counter(model: Path) -> Callable[[str], int]:
    """Return a function that counts tokens with a base model's own tokenizer."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _write(params: ScoreParams, draft: Draft, source: Examples, base: Base) -> Examples:
    count_tokens = token_counter(draft.path(base))
    return draft.seal_examples(score(draft.rows(source), params, count_tokens))


STAGE = Stage("score", version=1, produces=Examples, body=_write)
