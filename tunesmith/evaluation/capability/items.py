"""The items of the capability set: what is asked, and what a right answer is.

One JSONL file a skill lies in `sets/`. All text is the project's own. An item's `check` says how
an answer is scored, without a judge and without running anything that a model wrote.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from tunesmith.canonical import digest
from tunesmith.errors import InputError
from tunesmith.evaluation.capability.rules import Rule

Skill = Literal[
    "arithmetic",
    "reasoning",
    "instruction_following",
    "reading",
    "rewriting",
    "refusal",
    "code",
]
SKILLS: tuple[Skill, ...] = get_args(Skill)

Some = Annotated[tuple[str, ...], Meta(min_length=1)]


class Number(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="number"):
    """The last number of the answer equals `value`, a decimal."""

    value: Annotated[str, Meta(pattern=r"^-?\d+(\.\d+)?$")]


class Choice(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="choice"):
    """The answer names one option, by its letter or its own words."""

    options: Annotated[tuple[str, ...], Meta(min_length=2, max_length=6)]
    answer: Annotated[str, Meta(pattern="^[A-F]$")]


class Phrase(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="phrase"):
    """A short answer names one of `answers`, as whole words, and none of `rivals` before it."""

    answers: Some
    rivals: tuple[str, ...] = ()
    most_words: Annotated[int, Meta(ge=1, le=25)] = 15


class Text(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="text"):
    """The answer has the words of one of `answers` and no others; case and punctuation are free."""

    answers: Some


class Verbatim(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="verbatim"):
    """The answer is one of `answers` to the letter, but for white space, a fence, quotes around."""

    answers: Some


class Form(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="form"):
    """All rules hold, and the number of words is in bounds; `sample` is an answer that passes."""

    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    sample: str
    least_words: Annotated[int, Meta(ge=1)] = 1
    most_words: Annotated[int, Meta(ge=1, le=120)] = 60


class Refuse(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="refuse"):
    """The answer refuses near its start, does not then go on, and holds none of `absent`."""

    absent: tuple[str, ...] = ()


class Reply(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="reply"):
    """The answer does not refuse and says one of `any_of`, none of which the prompt says."""

    any_of: Some
    most_words: Annotated[int, Meta(ge=1, le=120)] = 100


Check = Number | Choice | Phrase | Text | Verbatim | Form | Refuse | Reply


class Item(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question.

    `difficulty` is 1 (a very small model may know), 2 or 3. `system` is a system prompt. `proof`
    is what a test computes the answer from: arithmetic, or the program that the item shows.
    """

    id: Annotated[str, Meta(min_length=1)]
    skill: Skill
    topic: Annotated[str, Meta(min_length=1)]
    difficulty: Literal[1, 2, 3]
    prompt: Annotated[str, Meta(min_length=1)]
    check: Check
    system: str | None = None
    proof: str | None = None


def load(skills: Iterable[Skill] = SKILLS) -> tuple[Item, ...]:
    """Return the project's own items of some skills, in the order of the files."""
    folder = files(__package__) / "sets"
    found: list[Item] = []
    for skill in skills:
        name = f"{skill}.jsonl"
        found += _parse((folder / name).read_text(encoding="utf-8"), name)
    return tuple(found)


def read(path: Path) -> tuple[Item, ...]:
    """Return the items of a file of one's own, a JSON object a line.

    Raises:
        InputError: the file cannot be read, or a line is no item.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}; expected a JSONL file") from error
    return tuple(_parse(text, str(path)))


def set_digest(items: Sequence[Item]) -> str:
    """Name a set by its content: what was asked and what counted as right."""
    return digest(msgspec.to_builtins(items))


def _parse(text: str, name: str) -> list[Item]:
    decoder = msgspec.json.Decoder(Item)
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            item = decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InputError(
                f"{name} line {number}: {error}; expected an object with the fields of"
                " tunesmith.evaluation.capability.items.Item"
            ) from error
        if (
            isinstance(item.check, Choice)
            and item.check.answer not in "ABCDEF"[: len(item.check.options)]
        ):
            raise InputError(
                f"{name} line {number}: check.answer: {item.check.answer!r} of"
                f" {len(item.check.options)} options; expected the letter of one of them"
            )
        found.append(item)
    return found
