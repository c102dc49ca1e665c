"""All surveys in one pass over a side, batch by batch, on any engine."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from tunesmith.data.comparing.fence import Fence, Fenced
from tunesmith.data.source_files import matches
from tunesmith.data.surveys import Seen, Survey
from tunesmith.data.surveys.formats import Formats
from tunesmith.data.surveys.identities import Identities
from tunesmith.data.surveys.labels import Labels
from tunesmith.data.surveys.lengths import Lengths
from tunesmith.data.surveys.names import Names
from tunesmith.data.surveys.schema import Schema
from tunesmith.data.surveys.systems import Systems
from tunesmith.data.token_counts import Tokens, count_rows
from tunesmith.records import Example
from tunesmith.sampling import copies, fraction

SAMPLED = 50_000
"""Rows that are looked at closely, where there are more."""

LEAKS_TOLD = 20
"""Rows behind the fence that are named."""

Weights = tuple[tuple[str, float], ...]
Origin = tuple[str, str]
"""A source file and an origin."""


@dataclass
class Amount:
    """What goes into the mixture from one place."""

    rows: int = 0
    """Rows that stand there."""
    copies: int = 0
    """Rows that go in, each as often as it does."""
    repeated: int = 0
    """Of those, second and further copies."""
    tokens: int = 0
    """Tokens of the rows that go in."""

    def add(self, other: "Amount") -> None:
        """Add another amount."""
        self.rows += other.rows
        self.copies += other.copies
        self.repeated += other.repeated
        self.tokens += other.tokens


@dataclass
class Counts:
    """What was counted of some rows."""

    surveys: dict[str, Survey]
    amounts: dict[Origin, Amount] = field(default_factory=dict)
    tokens: int = 0
    """Tokens of all rows, each once."""
    leaks: list[str] = field(default_factory=list)
    """The first rows that stand behind the fence, and how."""
    leaked: int = 0
    answer_tokens: list[int] = field(default_factory=list)
    """Of each row in order, where they are asked for; not merged."""

    def merge(self, other: "Counts") -> None:
        """Add what was counted of other rows."""
        for name, survey in self.surveys.items():
            survey.merge(other.surveys[name])
        for place, amount in other.amounts.items():
            self.amounts.setdefault(place, Amount()).add(amount)
        self.tokens += other.tokens
        self.leaked += other.leaked
        self.leaks = [*self.leaks, *other.leaks][:LEAKS_TOLD]

    def total(self) -> Amount:
        """Return the amounts of all places together."""
        whole = Amount()
        for amount in self.amounts.values():
            whole.add(amount)
        return whole

    def document(self) -> dict[str, Any]:
        """Return every survey's account."""
        return {name: survey.document() for name, survey in self.surveys.items()}

    def warnings(self) -> list[str]:
        """Return every survey's warnings."""
        return [text for survey in self.surveys.values() for text in survey.warnings()]


def surveys(served: str | None = None) -> dict[str, Survey]:
    """Return all surveys, empty; `served` is the system prompt that serving uses."""
    return {
        "schema": Schema(),
        "lengths": Lengths(),
        "labels": Labels(),
        "formats": Formats(),
        "systems": Systems(served),
        "names": Names(),
        "identities": Identities(),
    }


class Behind(NamedTuple):
    """What stands behind a fence, and how near is too near; as for `Fence`."""

    rows: tuple[Fenced, ...]
    threshold: float
    overlap: float


@lru_cache(maxsize=1)
def _fence(behind: Behind) -> Fence:
    return Fence(behind.rows, behind.threshold, behind.overlap)


@dataclass(frozen=True)
class Look:
    """Counts a batch of rows.

    Attributes:
        tokenizer: The content of the base's `tokenizer.json`.
        weights: Copies of a row by pattern of its source file; the first that matches counts.
        weight: Copies of a row where no pattern matches.
        salt: Key of the hash that turns a fraction of a copy into a copy or none.
        share: Share of the rows to look at closely.
        served: The system prompt that serving uses.
        lengths: Whether to return the answers' lengths, in order.
        behind: The fence that every row that goes in must be on this side of.
    """

    tokenizer: str
    weights: Weights = ()
    weight: float = 1.0
    salt: str = ""
    share: float = 1.0
    served: str | None = None
    lengths: bool = False
    behind: "Behind | None" = None

    def __call__(self, rows: list[Example]) -> Counts:
        """Count the rows."""
        counts = Counts(surveys(self.served))
        found: dict[str, float] = {}
        for row, tokens in zip(rows, count_rows(self.tokenizer, rows), strict=True):
            name = file_of(row.source)
            if name not in found:
                found[name] = weight_of(name, self.weights, self.weight)
            self._add(counts, row, tokens, name, found[name])
        self._check(counts, rows, found)
        return counts

    def _check(self, counts: Counts, rows: list[Example], weights: dict[str, float]) -> None:
        if self.behind is None:
            return
        going = [row for row in rows if copies(row.row_id, weights[file_of(row.source)], self.salt)]
        for row, leak in zip(going, _fence(self.behind).leaks(going), strict=True):
            if leak is not None:
                counts.leaked += 1
                if len(counts.leaks) < LEAKS_TOLD:
                    counts.leaks.append(f"{row.source}: {leak}")

    def _add(self, counts: Counts, row: Example, tokens: Tokens, name: str, weight: float) -> None:
        times = copies(row.row_id, weight, self.salt)
        amount = Amount(1, times, max(times - 1, 0), times * tokens.all)
        counts.amounts.setdefault((name, row.origin), Amount()).add(amount)
        counts.tokens += tokens.all
        if self.lengths:
            counts.answer_tokens.append(tokens.answer)
        if times:  # what does not go in is not surveyed, and what goes in twice is one row
            seen = Seen(row, tokens, fraction(row.row_id, "survey") < self.share)
            for survey in counts.surveys.values():
                survey.add(seen)


@dataclass(frozen=True)
class CountTokens:
    """Counts the tokens of a batch of rows."""

    tokenizer: str

    def __call__(self, rows: list[Example]) -> int:
        """Return the tokens of all rows together."""
        return sum(tokens.all for tokens in count_rows(self.tokenizer, rows))


def merged(found: Iterable[Counts], served: str | None = None) -> Counts:
    """Add up the counts of batches."""
    whole = Counts(surveys(served))
    for counts in found:
        whole.merge(counts)
    return whole


def file_of(source: str) -> str:
    """Return the file of a row's source."""
    return source.rsplit(":", 1)[0]


def weight_of(name: str, weights: Weights, otherwise: float = 1.0) -> float:
    """Return how many copies of a file's rows to take."""
    return next((weight for pattern, weight in weights if matches(name, pattern)), otherwise)


def tokens_by_reason(tokenizer: str, dropped: Iterable[Any], batch: int = 512) -> Counter[str]:
    """Count the tokens of dropped rows by reason; lines that never were rows have none."""
    found: Counter[str] = Counter()
    held: list[tuple[str, Example]] = []

    def flush() -> None:
        for (reason, _), tokens in zip(
            held, count_rows(tokenizer, [row for _, row in held]), strict=True
        ):
            found[reason] += tokens.all
        held.clear()

    for item in dropped:
        if isinstance(item.row, str):
            found[item.reason] += 0
            continue
        held.append((item.reason, item.row))
        if len(held) >= batch:
            flush()
    flush()
    return found
