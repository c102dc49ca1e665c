"""The items of the capability set: what is asked, and what a right answer is.

One JSONL file a skill lies in `sets/`. All text is the project's own. An item's `check` says how
an answer is scored, without a judge and without running anything that a model wrote.
"""

from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

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
    folder, decoder = files(__package__) / "sets", msgspec.json.Decoder(Item)
    return tuple(
        item
        for skill in skills
        for item in decoder.decode_lines((folder / f"{skill}.jsonl").read_bytes())
    )
