"""Decide which rows of a collection stay: fence, contradictions, families of copies.

Only the rows that do not simply stay are held, as numbers: what is said of each is put together
when it is written.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from tunesmith.data.comparing.contradictions import Contradiction, Kind, contradictions
from tunesmith.data.comparing.families import Families
from tunesmith.data.comparing.links import links
from tunesmith.data.comparing.near_duplicates import Clusters
from tunesmith.data.comparing.sketches import Collection
from tunesmith.data.normal_text import normalise
from tunesmith.records import Dropped, Example

FLAG = "contradiction"

Keep = Literal["best", "newest", "first"]
Action = Literal["drop", "flag", "off"]

_KEPT, _LEAK, _LINKED, _CONTRADICTS, _COPY_OF_THAT, _COPY = range(6)
_NOTED = 20


class Rules(NamedTuple):
    """What to do with copies and contradictions; see the parameters of the stage `dedup`."""

    threshold: float
    keep: Keep
    actions: dict[Kind, Action]


class Judgement:
    """What becomes of each row of a collection.

    Args:
        collection: The sketches of the rows, in order.
        rules: What to do.
    """

    def __init__(self, collection: Collection, rules: Rules) -> None:
        self._collection, self._rules = collection, rules
        self._verdicts = bytearray(len(collection))
        self._others = array("q", range(len(collection)))
        """The row that a verdict refers to; of a kept one, the one whose group it takes."""
        self._clusters = Clusters(collection.texts, rules.threshold)
        self._conflicts: dict[int, Contradiction] = {}
        for at in collection.leaks:
            self._set(at, _LEAK, at)
        self._families = Families(collection, self._clusters, rules.threshold)
        clusters = [self._families.divide(each) for each in self._clusters_of_many()]
        for families in clusters:
            self._link(families)
        self._find_conflicts()
        for families in clusters:
            self._settle(families)
        for at, found in self._conflicts.items():
            if self._verdicts[at] == _KEPT and self._drops(at):
                self._set(at, _CONTRADICTS, found.other)
        self._links = self._join()

    def apply(self, rows: Iterable[Example]) -> Iterator[Example | Dropped]:
        """Pass each row on, or mark it dropped, in order: the rows that were sketched."""
        for at, row in enumerate(rows):
            if self._verdicts[at] != _KEPT:
                reason, detail = self._say(at)
                yield Dropped(source=row.source, reason=reason, detail=detail, row=row)
                continue
            first = self._others[at]
            if first != at:
                row = msgspec.structs.replace(row, group_id=self._collection.group_id(first))
            if at in self._conflicts and FLAG not in row.flags:
                row = msgspec.structs.replace(row, flags=(*row.flags, FLAG))
            yield row

    def notes(self) -> dict[str, Any]:
        """Return how many rows contradict others, by kind, and some of them with the reason."""
        source = self._collection.source
        counts = Counter(self._collection.kind(at) for at in self._conflicts)
        some = sorted(self._conflicts.values())[:_NOTED]
        return {
            "rows": dict(sorted(counts.items())),
            "examples": [[source(at), source(other), why] for at, other, why in some],
        }

    def links(self) -> dict[str, int]:
        """Return how many groups and kept rows went into another for a shared input.

        `apart` is how often an input still stands in two groups.
        """
        return self._links

    def _set(self, at: int, verdict: int, other: int) -> None:
        self._verdicts[at] = verdict
        self._others[at] = other

    def _clusters_of_many(self) -> Iterator[list[int]]:
        numbers = self._clusters.numbers
        order = np.argsort(numbers, kind="stable")
        breaks = np.flatnonzero(np.diff(numbers[order])) + 1
        bounds = [0, *breaks.tolist(), len(order)]
        for begin, end in pairwise(bounds):
            if end - begin > 1:
                yield order[begin:end].tolist()

    # The fence

    def _link(self, families: list[list[int]]) -> None:
        """Drop what chains of copies lead to from a row that leaks."""
        leaks = [at for family in families for at in family if self._verdicts[at] == _LEAK]
        if leaks:
            for at, leak in self._families.linked(families, leaks):
                self._set(at, _LINKED, leak)

    # Contradictions

    def _find_conflicts(self) -> None:
        for positions in self._collection.same_inputs():
            kind = self._collection.kind(positions[0])
            if self._rules.actions[kind] == "off":
                continue
            unfenced = [at for at in positions if self._verdicts[at] == _KEPT]
            if len(unfenced) > 1:
                answers = [self._collection.answer(at) for at in unfenced]
                self._conflicts.update((one.row, one) for one in contradictions(answers, kind))

    def _drops(self, at: int) -> bool:
        conflicts = at in self._conflicts
        return conflicts and self._rules.actions[self._collection.kind(at)] == "drop"

    # Copies

    def _settle(self, families: list[list[int]]) -> None:
        """Choose what stays of the families of a cluster."""
        for family in families:
            if self._verdicts[family[0]] != _KEPT:
                continue
            dropping = next((at for at in family if self._drops(at)), None)
            if dropping is not None:
                for at in family:
                    self._set(at, _COPY_OF_THAT, dropping)
                    if self._drops(at):
                        self._set(at, _CONTRADICTS, self._conflicts[at].other)
                continue
            # Where families touch, only their first rows are known to be apart from one another.
            single = family[0] not in self._families.touching
            best = max(family, key=self._rank) if single else family[0]
            stay = {best} | (self._variants(family, best) if single else set())
            for at in family:
                self._set(at, *((_KEPT, family[0]) if at in stay else (_COPY, best)))

    def _rank(self, at: int) -> tuple[float, int]:
        by = {"best": self._collection.quality, "newest": self._collection.written}
        return (by[self._rules.keep][at] if self._rules.keep in by else 0.0), -at

    def _variants(self, family: list[int], best: int) -> set[int]:
        """Return the best row of each answer that contradicts another and is only flagged.

        Such rows are near copies of one another and yet do not say the same.
        """
        chosen = {self._said(best): best}
        for at in sorted((at for at in family if at in self._conflicts), key=self._rank)[::-1]:
            chosen.setdefault(self._said(at), at)
        return set(chosen.values())

    def _said(self, at: int) -> tuple[str, str]:
        answer = self._collection.answer(at)
        return normalise(answer.text), normalise(answer.rejected)

    # Groups

    def _join(self) -> dict[str, int]:
        """Put rows that ask the same into one group."""
        firsts, leaks = self._families.firsts, self._collection.leaks
        found = links(self._collection, firsts, leaks, self._families.same_questions)
        moved = 0
        for at, to in zip(found.rows.tolist(), found.to.tolist(), strict=True):
            if self._verdicts[at] == _KEPT:
                self._others[at] = to
                moved += 1
        return {"groups": found.groups, "rows": moved, "apart": found.apart}

    # Words

    def _say(self, at: int) -> tuple[str, str]:
        """Return the reason and the detail of a dropped row."""
        verdict, other = self._verdicts[at], self._others[at]
        source = self._collection.source
        if verdict == _LEAK:
            return "fence", self._collection.leak(at)
        if verdict == _LINKED:
            return "fence", f"linked by near copies to {source(other)}, which is dropped for it"
        if verdict == _CONTRADICTS:
            return "contradiction", f"{self._conflicts[at].why} of {source(other)}"
        if verdict == _COPY_OF_THAT:
            against = source(self._conflicts[other].other)
            return "contradiction", f"near copy of {source(other)}, which contradicts {against}"
        if self._same(at, other):
            return "exact_copy", f"same text as {source(other)}"
        return "near_copy", f"near copy of {source(other)}"

    def _same(self, at: int, other: int) -> bool:
        texts = self._collection.texts
        if not self._clusters.same(at, other) or texts[at].split() != texts[other].split():
            return False
        return self._collection.label(at) == self._collection.label(other)
