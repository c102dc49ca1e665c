"""The words that example tickets and e-mails are made of, read from `words/*.txt`.

A file has sections that begin with `= name`; lines with `#` are comments. People, products and
problems come in two sides, `tickets` and `heldout`, that have no entry in common.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Formatter
from typing import Literal

from tunesmith.example_data.dice import Dice

Side = Literal["tickets", "heldout"]

_CHOICE = re.compile(r"\[([^\[\]|]*(?:\|[^\[\]|]*)+)\]")


@dataclass(frozen=True)
class Product:
    """A product: its name with its noun, the noun alone, and its family."""

    name: str
    noun: str
    family: str


@dataclass(frozen=True)
class Problem:
    """What can go wrong with products of some families, in templates."""

    name: str
    families: tuple[str, ...]
    topic: tuple[str, ...]
    says: tuple[str, ...]
    did: tuple[str, ...]
    tells: tuple[str, ...]

    def befalls(self, product: Product) -> bool:
        """Whether the product can have this problem."""
        return "any" in self.families or product.family in self.families


@dataclass(frozen=True)
class Vocabulary:
    """One side's people, products and problems."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    products: tuple[Product, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Sentences:
    """The templates that fit every problem; both sides share them."""

    layout: tuple[str, ...]
    subject: tuple[str, ...]
    greeting: tuple[str, ...]
    opener: tuple[str, ...]
    closer: tuple[str, ...]


@cache
def vocabulary(side: Side) -> Vocabulary:
    """Return the people, products and problems of one side."""
    people = _sections("people.txt")
    return Vocabulary(
        first_names=_items(people[f"{side} first"]),
        last_names=_items(people[f"{side} last"]),
        products=tuple(
            Product(name, name.split(" ", 1)[1], title.split(" ", 1)[1])
            for title, lines in _sections("products.txt").items()
            if title.startswith(f"{side} ")
            for name in _items(lines)
        ),
        problems=tuple(
            _problem(title, lines)
            for title, lines in _sections("problems.txt").items()
            if title.startswith(f"{side} ")
        ),
    )


@cache
def sentences() -> Sentences:
    """Return the templates of layouts, subjects, greetings, openers and closers."""
    found = {
        title: tuple(line.replace("\\n", "\n") for line in lines)
        for title, lines in _sections("sentences.txt").items()
    }
    return Sentences(**found)


def choose(template: str, dice: Dice) -> str:
    """Settle every `[a|b]` of a template; fields in braces stay."""
    return _CHOICE.sub(lambda match: dice.pick(match.group(1).split("|")), template)


def fields(template: str) -> list[str]:
    """The names of the fields in braces, in order, each one time."""
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(template) if name))


def _sections(name: str) -> dict[str, list[str]]:
    text = resources.files(__package__).joinpath("words", name).read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("= "):
            title = line.removeprefix("= ")
            found[title] = []
        elif line and not line.startswith("#"):
            found[title].append(line)
    return found


def _items(lines: list[str]) -> tuple[str, ...]:
    return tuple(item.strip() for item in " ".join(lines).replace(",", "\n").splitlines() if item)


def _problem(title: str, lines: list[str]) -> Problem:
    head, families = title.split(": ")
    parts: dict[str, list[str]] = {"topic": [], "says": [], "did": [], "tells": []}
    for line in lines:
        kind, template = line.split(": ", 1)
        parts[kind].append(template)
    return Problem(
        name=head.split(" ", 1)[1],
        families=tuple(families.split(", ")),
        **{kind: tuple(templates) for kind, templates in parts.items()},
    )
