"""Clean rows: a ticket with its facts, and the e-mail that states some of them.

A `Wording` holds the sentences with their fields still open, so that the same row can be
rendered again with other facts: that is how near misses and ungrounded e-mails are made.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from tunesmith.example_data.dice import Dice
from tunesmith.example_data.vocabulary import (
    Problem,
    Product,
    Side,
    choose,
    fields,
    sentences,
    vocabulary,
)

Facts = dict[str, str]
"""The values of a ticket by field name: id, first, last, product, noun, opened, due, …"""

SIGN_OFF = "Kind regards,\nBrightline Support"

_SHARE_SECOND_TICKET = 0.1

_LONGEST = 76
"""Most `pieces` of an e-mail: at most 95 tokens of SmolLM2's tokenizer, 86 on average."""

_LISTED = frozenset({"order", "label", "amount", "due"})
"""Facts that speak for themselves in a list; a bare number does not."""

_SENTENCE = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")
"""The letter that a sentence begins with, where a fact was left open and no capital stands."""

_PIECES = re.compile(r"\d|[^\W\d]+|[^\w\s]|\n\n")

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Wording:
    """The sentences of a row, with open fields."""

    layout: str
    says: str
    did: str
    subject: str
    greeting: str
    body: str
    listed: tuple[str, ...]
    """Names of the facts that the e-mail lists before its body."""

    def ticket(self, facts: Facts) -> str:
        """The ticket with these facts."""
        inner = {"says": self.says.format(**facts), "did": self.did.format(**facts)}
        return self.layout.format(**facts, **inner)

    def email(self, facts: Facts) -> str:
        """The e-mail with these facts."""
        title = self.subject.format(**facts)
        return "\n\n".join(
            (
                f"Subject: [{facts['id']}] {title[0].upper()}{title[1:]}",
                self.greeting.format(**facts),
                f"In short: {', '.join(facts[name] for name in self.listed)}.",
                _SENTENCE.sub(lambda start: start.group().upper(), self.body.format(**facts)),
                SIGN_OFF,
            )
        )

    def stated(self) -> set[str]:
        """The names of the facts that the e-mail states."""
        parts = (self.subject, self.greeting, self.body)
        return {"id", *self.listed}.union(*(fields(part) for part in parts))


@dataclass(frozen=True)
class Row:
    """A ticket and its e-mail."""

    conversation: str
    problem: str
    facts: Facts
    wording: Wording
    user: str = field(init=False)
    assistant: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "user", self.wording.ticket(self.facts))
        object.__setattr__(self, "assistant", self.wording.email(self.facts))

    def with_facts(self, **changed: str) -> "Row":
        """The same wording with some facts changed, in ticket and e-mail alike."""
        return replace(self, facts={**self.facts, **changed})


class Tickets:
    """A source of clean rows of one side."""

    def __init__(self, side: Side, dice: Dice, ids: Iterator[int]) -> None:
        self._side, self._dice, self._ids = side, dice, ids
        self._words = vocabulary(side)
        self._last: tuple[str, Facts, Product] | None = None
        self._conversations = 0

    def next(self) -> Row:
        """A new row; now and then the second ticket of the customer before."""
        dice = self._dice
        if self._last and dice.chance(_SHARE_SECOND_TICKET):
            conversation, customer, product = self._last
            self._last = None
        else:
            self._conversations += 1
            conversation = f"{self._side[0].upper()}{self._conversations:05d}"
            product = dice.pick(self._words.products)
            customer = {
                "first": dice.pick(self._words.first_names),
                "last": dice.pick(self._words.last_names),
            }
            self._last = conversation, customer, product
        number = next(self._ids)
        problem = dice.pick([item for item in self._words.problems if item.befalls(product)])
        while True:
            facts = {**new_facts(dice), **customer, "id": f"TK-{number}"}
            facts |= {"product": product.name, "noun": product.noun}
            row = Row(conversation, problem.name, facts, _wording(problem, dice))
            if pieces(row.assistant) <= _LONGEST:
                return row


def new_facts(dice: Dice) -> Facts:
    """Dates, sums and numbers for one ticket; its two counts differ, so each has one source."""
    opened = date(2026, 1, 1) + timedelta(days=dice.number(0, 330))
    due = opened + timedelta(days=dice.number(3, 21))
    day_first = dice.chance(0.5)
    count, count_b = dice.sample(range(2, 10), 2)
    return {
        "opened": _day(opened, day_first),
        "due": _day(due, day_first),
        "amount": amount(dice, dice.pick("$€£")),
        "order": f"SO-{dice.number(1000, 9999)}",
        "label": f"RL-{dice.number(1000, 9999)}",
        "version": f"{dice.number(1, 9)}.{dice.number(10, 99)}",
        "count": str(count),
        "count_b": str(count_b),
        "rate": str(dice.number(32, 480)),
        "pin": str(dice.number(1000, 9999)),
    }


def amount(dice: Dice, currency: str) -> str:
    """A sum of money with cents."""
    return f"{currency}{dice.number(11, 99)}.{dice.number(10, 99)}"


def _day(day: date, day_first: bool) -> str:
    month = _MONTHS[day.month - 1]  # strftime would follow the locale
    return f"{day.day} {month}" if day_first else f"{month} {day.day}"


def _wording(problem: Problem, dice: Dice) -> Wording:
    parts = sentences()
    topic = choose(dice.pick(problem.topic), dice)
    tells = choose(dice.pick(problem.tells), dice)
    opener, closer = choose(dice.pick(parts.opener), dice), choose(dice.pick(parts.closer), dice)
    named = [name for name in fields(tells) if name in _LISTED]
    bodies = (f"{opener} {tells}", f"{tells} {closer}", tells)
    return Wording(
        layout=choose(dice.pick(parts.layout), dice),
        says=choose(dice.pick(problem.says), dice),
        did=choose(dice.pick(problem.did), dice),
        subject=choose(dice.pick(parts.subject), dice).replace("{topic}", topic),
        greeting=choose(dice.pick(parts.greeting), dice),
        body=dice.pick(bodies),
        listed=("product", "opened", *named),
    )


def pieces(text: str) -> int:
    """Words, digits, signs and paragraph breaks: 8 to 20 fewer than the tokens of an e-mail."""
    return len(_PIECES.findall(text))


def grams(*texts: str) -> frozenset[str]:
    """The set of word 3-grams of the texts together, lower-cased."""
    words = re.findall(r"\w+", " ".join(texts).lower())
    return frozenset(" ".join(words[at : at + 3]) for at in range(len(words) - 2))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of two sets that they have in common, 0 to 1."""
    common = len(one & other)
    return common / max(1, len(one) + len(other) - common)
