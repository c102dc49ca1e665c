"""Every check on one row: what to do with it, and what was found.

A row with personal data is masked before anything else may keep its text, and a row that is too
long is shortened before the others look at it. A check that says nothing about a kind of row (the
end of a label, the answer of a bare tool call) finds nothing in it.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tunesmith.data.checks.languages import find_wrong_language
from tunesmith.data.checks.lengths import chunk, cut_input, is_too_long
from tunesmith.data.checks.params import Checks
from tunesmith.data.checks.personal import Kind, Masker
from tunesmith.data.checks.refusals import find_refusal
from tunesmith.data.checks.repetition import find_repetition
from tunesmith.data.checks.sycophancy import sycophancy
from tunesmith.data.checks.toxicity import toxicity
from tunesmith.data.checks.truncation import find_truncation
from tunesmith.data.checks.turn_markers import find_turn_marker
from tunesmith.data.identity import rewritten
from tunesmith.data.tokenizer import Tokenizer
from tunesmith.records import ChatExample, Example, LabelExample, Message, PreferenceExample


class Looked(NamedTuple):
    """A row after its checks: what drops it and what only flags it, each with what was found."""

    row: Example
    drops: dict[str, str]
    flags: dict[str, str]


def look(row: Example, checks: Checks, tokens: Tokenizer) -> list[Looked]:
    """Check a row; several come back where it was divided."""
    flags: dict[str, str] = {}
    if checks.personal.action != "off":
        masked, kinds = without_personal(row, checks.personal.salt)
        found = f"contains {', '.join(kinds)}"
        if kinds and checks.personal.action == "drop":
            return [Looked(masked, {"personal": found}, {})]
        if kinds:
            flags["personal"] = found
            row = masked if checks.personal.action == "mask" else row
    length = checks.too_long
    size = None if length.action == "off" else is_too_long(row, length.tokens, tokens)
    if size is None:
        return [_judge(row, checks, flags)]
    found = f"the row has {size} tokens; at most {length.tokens} fit"
    if length.action == "flag":
        return [_judge(row, checks, {**flags, "too_long": found})]
    shorter = _shorten(row, checks, tokens)
    if not shorter:
        return [Looked(row, {"too_long": found}, flags)]
    return [_judge(piece, checks, {**flags, "too_long": found}) for piece in shorter]


def _shorten(row: Example, checks: Checks, tokens: Tokenizer) -> list[Example]:
    if checks.too_long.action == "chunk":
        return chunk(row, checks.too_long.tokens, tokens) or []
    if checks.too_long.action == "cut_input":
        cut = cut_input(row, checks.too_long.tokens, tokens)
        return [] if cut is None else [cut]
    return []


def _judge(row: Example, checks: Checks, flags: dict[str, str]) -> Looked:
    """Let the checks of the answer look at a row."""
    drops: dict[str, str] = {}
    flags = {**flags}
    for name, found in _findings(row, checks):
        action = getattr(checks, name).action
        (drops if action == "drop" else flags)[name] = found
    return Looked(row, drops, flags)


def _findings(row: Example, checks: Checks) -> Iterator[tuple[str, str]]:
    if not has_text(row):
        return
    answer = row.answer
    for name, find in (("refusal", find_refusal), ("truncated", find_truncation)):
        found = None if getattr(checks, name).action == "off" else find(answer)
        if found:
            yield name, f"the answer says {found!r}" if name == "refusal" else found
    if checks.turn_marker.action != "off":
        found = find_turn_marker(answer, said_to(row))
        if found:
            yield "turn_marker", f"another turn begins with {found!r}"
    degenerate, language = checks.degenerate, checks.language
    if degenerate.action != "off":
        found = find_repetition(answer, degenerate.lines, degenerate.phrases)
        if found:
            yield "degenerate", found
    if language.action != "off":
        found = find_wrong_language(answer, _asked(row), language.expected, language.confidence)
        if found:
            yield "language", found
    if checks.toxicity.action != "off":
        score = toxicity(answer)
        if score >= checks.toxicity.score:
            yield "toxicity", f"score {score:g}"
    if checks.sycophancy.action != "off":
        score = sycophancy(row.messages)
        if score >= checks.sycophancy.score:
            yield "sycophancy", f"the answer turns round under pressure, score {score:g}"


def has_text(row: Example) -> bool:
    """Whether a row has an answer in words: not a label, and not tool calls alone."""
    return not isinstance(row, LabelExample) and bool(row.answer.strip())


def said_to(row: Example) -> list[str]:
    """What the system and the user said before the answer, in order."""
    return [message.content for message in row.prompt if message.role in ("system", "user")]


def _asked(row: Example) -> str:
    """What the user said last; without words of theirs, all that precedes the answer."""
    for message in reversed(row.prompt):
        if message.role == "user" and message.content.strip():
            return message.content
    return row.input_text


def without_personal(row: Example, salt: str) -> tuple[Example, list[Kind]]:
    """Return the row with pseudonyms for personal data, and the kinds that were found."""
    masker = Masker(salt)
    changed: Example
    if isinstance(row, LabelExample):
        changed = msgspec.structs.replace(row, text=masker.mask(row.text))
    elif isinstance(row, PreferenceExample):
        changed = msgspec.structs.replace(
            row,
            prompt=tuple(_masked(message, masker) for message in row.prompt),
            chosen=masker.mask(row.chosen),
            rejected=masker.mask(row.rejected),
        )
    else:
        changed = _masked_chat(row, masker)
    if not masker.kinds:
        return row, []
    # No model sees the metadata; but who masks a row wants no copy of the datum beside it.
    kinds = sorted(masker.kinds)
    return rewritten(changed, metadata=_masked_value(row.metadata, masker)), kinds


def _masked_value(value: Any, masker: Masker) -> Any:
    if isinstance(value, str):
        return masker.mask(value)
    if isinstance(value, dict):
        return {name: _masked_value(item, masker) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked_value(item, masker) for item in value]
    return value


def _masked_chat(row: ChatExample, masker: Masker) -> ChatExample:
    messages = tuple(_masked(message, masker) for message in row.messages)
    return msgspec.structs.replace(row, messages=messages)


def _masked(message: Message, masker: Masker) -> Message:
    content = masker.mask(message.content)
    calls = tuple(
        msgspec.structs.replace(call, arguments=masker.mask(call.arguments))
        for call in message.tool_calls
    )
    if content == message.content and calls == message.tool_calls:
        return message
    return msgspec.structs.replace(message, content=content, tool_calls=calls)
