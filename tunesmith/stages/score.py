"""Look at each example by itself: drop or flag what is wrong with it, and give it its quality.

Reads `Examples` and the base model's tokenizer, writes the kept rows in order with their `quality`
and their `flags`. First the checks of `tunesmith.data.checks`, each of which drops, flags or rests
as the recipe says:

| check | finds | by default |
|---|---|---|
| personal | e-mail, phone, IBAN, card, social security number, IP address in any message | flag |
| too_long | more tokens than the model is trained on | drop |
| refusal | an answer that refuses in its first 200 characters | flag |
| truncated | an answer that stops inside a sentence, a code fence or brackets | drop |
| turn_marker | an answer with "Human:", "### Response:" or a chat template's token in it | drop |
| degenerate | an answer that repeats itself | drop |
| language | an answer in another language than its prompt, or than expected | flag |
| toxicity | insults, slurs, threats | flag |
| sycophancy | an answer that turns round under pressure | flag |
| context | a whole set whose answers state facts that their inputs lack | refuse the set |

Then the quality: the weights of the simple checks that a row passes, over the weights of all that
apply to it. A check named in `required` drops a row alone. The reason of a drop is the first
required check that fails, else the one that weighed most, else the first check above.

| check | weight | a row passes when |
|---|---|---|
| system_prompt | 0.2 | it has a system message |
| length | 0.3 | the answer has `min_tokens` to `max_tokens` tokens of the base's tokenizer |
| markers | 0.3 | the answer has none of the marker phrases |
| format | 0.2 | the start of the answer matches the pattern `format` (passes when there is none) |
| grounding | 0, required | every number, date, id and name of the answer is in what precedes it |

The weights say how sure each sign is, not how often it is right in your data: with a few hundred
rows that somebody called good or bad, `tunesmith.data.calibration` fits them. None of the five
applies to a label, and the last four not to an answer that is a tool call alone.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

import msgspec
from pydantic import Field, ValidationInfo, field_validator

from tunesmith.artifacts import Base, Examples
from tunesmith.data.checks.params import Checks
from tunesmith.data.checks.row import Looked, has_text, look, said_to
from tunesmith.data.grounding import ungrounded
from tunesmith.data.markers import PHRASES, find_marker
from tunesmith.data.tokenizer import Tokenizer, tokenizer
from tunesmith.patterns import Phrase, valid_pattern
from tunesmith.records import Dropped, Example, Extra, LabelExample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft
from tunesmith.wording import counted

Check = Literal["system_prompt", "length", "markers", "format", "grounding"]
CHECKS: tuple[Check, ...] = get_args(Check)


class ScoreParams(Params):
    """Which checks do what, and which weigh how much."""

    checks: Checks = Field(Checks(), description="What each check does with what it finds.")
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
    min_tokens: int = Field(
        1, ge=1, description="Fewest tokens of an answer; the task knows what is too short."
    )
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

    def asks_for(self, name: Check) -> bool:
        """Whether a check of the quality weighs anything or is required."""
        return name in self.required or self.weights.get(name, 0) > 0


@dataclass(frozen=True)
class Scoring:
    """The work of the stage on a batch of rows; carries the text of the tokenizer."""

    params: ScoreParams
    tokenizer: str

    def __call__(self, rows: list[Example]) -> Iterator[Example | Dropped | Extra]:
        """Pass each row on with its quality and flags, or mark it dropped."""
        return score(rows, self.params, tokenizer(self.tokenizer))


def score(
    rows: Iterable[Example], params: ScoreParams, tokens: Tokenizer
) -> Iterator[Example | Dropped | Extra]:
    """Pass each row on with its quality and flags, or mark it dropped, in order.

    What a row was divided into comes after its first piece, as `Extra`.
    """
    for row in rows:
        first, *others = (_judge(one, params, tokens) for one in look(row, params.checks, tokens))
        yield first
        for other in others:
            yield Extra(cast(Example, other))


def _judge(looked: Looked, params: ScoreParams, tokens: Tokenizer) -> Example | Dropped:
    row, drops, flags = looked
    failed = check(row, params, tokens)
    whole = sum(params.weights.get(name, 0) for name in applicable(row))
    lost = sum(params.weights.get(name, 0) for name in failed)
    quality = round(1 - lost / whole, 6) if whole else 1.0
    required = [name for name in params.required if name in failed]
    if not (required or quality < params.minimum or drops):
        if "grounding" in failed and params.checks.context.action != "off":
            flags = {**flags, "context": failed["grounding"]}
        named = dict.fromkeys((*row.flags, *flags))
        return msgspec.structs.replace(row, quality=quality, flags=tuple(named))
    reason: str
    if required:
        reason = required[0]
    elif quality < params.minimum:
        reason = max(failed, key=lambda name: params.weights.get(name, 0))
    else:
        reason = next(iter(drops))
    found: dict[str, str] = {str(name): what for name, what in failed.items()} | drops
    others = [name for name in found if name != reason]
    detail = found[reason] + (f" (also {', '.join(others)})" if others else "")
    return Dropped(
        source=row.source, reason=reason, detail=f"{detail}; quality {quality:g}", row=row
    )


def applicable(row: Example) -> tuple[Check, ...]:
    """Return the checks of the quality that say anything about a kind of row."""
    if isinstance(row, LabelExample):
        return ()
    return CHECKS if has_text(row) else ("system_prompt",)


def check(row: Example, params: ScoreParams, tokens: Tokenizer) -> dict[Check, str]:
    """Return the checks of the quality that a row fails, each with what was found."""
    failed: dict[Check, str] = {}
    names = applicable(row)
    if names and not any(message.role == "system" for message in row.messages):
        failed["system_prompt"] = "there is no system message"
    if "length" not in names:
        return failed
    if params.asks_for("length"):
        found = tokens.count(row.answer)
        if not params.min_tokens <= found <= params.max_tokens:
            failed["length"] = (
                f"the answer has {counted(found, 'token')}; expected {params.min_tokens} to "
                f"{params.max_tokens}"
            )
    marker = find_marker(row.answer, params.phrases, said_to(row))
    if marker:
        failed["markers"] = f"the answer says {marker!r}"
    if params.format and not re.match(params.format, row.answer):
        failed["format"] = "the answer does not match the format"
    if params.asks_for("grounding") or params.checks.context.action != "off":
        missing = ungrounded(row.answer, row.input_text)
        if missing:
            named = ", ".join(dict.fromkeys(f"{item.kind} {item.text!r}" for item in missing))
            failed["grounding"] = f"not in the input: {named}"
    return failed


class _Kept(msgspec.Struct):
    """What the account of the kept rows needs of each."""

    flags: tuple[str, ...] = ()


def _write(params: ScoreParams, draft: Draft, source: Examples, base: Base) -> Examples:
    text = (draft.path(base) / "tokenizer.json").read_text("utf-8")
    ref = draft.transform(source, Scoring(params, text))
    flags: Counter[str] = Counter()
    for row in draft.peek(ref, _Kept):
        flags.update(row.flags)
    draft.notes["flags"] = dict(sorted(flags.items()))
    return ref


STAGE = Stage("score", version=5, produces=Examples, body=_write)
