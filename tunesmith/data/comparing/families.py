"""Divide a cluster of near copies into families: rows and the copies of them.

A cluster holds every row that a chain of similar texts leads to. Within it rows are taken in order,
and each joins the family of the earliest row that it is a copy of: whose text is near, and that
differs in nothing but edits (`differing`). So a family depends on no later row. Rows that share
a template and ask something else are in one cluster and in families of their own.

Copies are looked for among all earlier rows of a cluster of up to `FEW`. In a larger one, where
thousands of rows may share a template and no two be copies, each row is compared with the first few
and with those earlier ones that hold its rarest words; a copy that shares none of them is missed.
"""

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations

from tunesmith.data.comparing.differing import Difference, Parts, difference
from tunesmith.data.comparing.near_duplicates import Clusters
from tunesmith.data.comparing.sketches import Collection
from tunesmith.data.comparing.small_words import SMALL

FEW = 256
"""Rows of a cluster that are all compared with one another, if need be."""

_ALWAYS = 8
_RAREST = 4
_COMMON = 256
_COMPARED = 32


class Families:
    """The families of all clusters.

    Args:
        collection: The sketches of the rows.
        clusters: Of their texts.
        threshold: Similarity from which texts are near.

    Attributes:
        firsts: For each row the first of its family; itself where it has no copies.
        same_questions: Pairs of a row and an earlier one whose whole texts are near and whose
            questions are the same, but whose answers are not; of first rows of families alone.
        touching: The first rows of those families that may hold copies of one another's rows.
    """

    def __init__(self, collection: Collection, clusters: Clusters, threshold: float) -> None:
        self._collection, self._clusters, self._threshold = collection, clusters, threshold
        self.firsts = array("q", range(len(collection)))
        self.same_questions: list[tuple[int, int]] = []
        self.touching: set[int] = set()
        self._parts: dict[int, Parts] = {}

    def divide(self, positions: Sequence[int]) -> list[list[int]]:
        """Divide a cluster, whose rows are given in order."""
        self._parts = {}
        earlier = _Earlier(len(positions) > FEW)
        family_of: dict[int, list[int]] = {}
        known: dict[int, int] = {}
        for at in positions:
            # The same text is a copy of what it was a copy of before, and is not looked up again.
            copied = known.get(self._clusters.text(at))
            if copied is None:
                parts = self._of(at)
                copied = self._earliest(at, earlier.like(parts))
                earlier.add(at, parts)
                known[self._clusters.text(at)] = at
            family = [] if copied is None else family_of[copied]
            family.append(at)
            family_of[at] = family
            self.firsts[at] = family[0]
        families = [family for at, family in family_of.items() if family[0] == at]
        self.touching |= self._touching(families)
        return families

    def _earliest(self, at: int, earlier: Iterable[int]) -> int | None:
        same_question = None
        for other in earlier:
            found = self._compared(at, other)
            if not found:
                return other
            if found == "answer" and same_question is None:
                same_question = other
        if same_question is not None:
            self.same_questions.append((at, same_question))
        return None

    def _touching(self, families: Sequence[Sequence[int]]) -> set[int]:
        """Find the families of a cluster that touch; all where there are too many rows to tell."""
        if len(families) > 1 and sum(map(len, families)) > FEW:
            return {family[0] for family in families}
        found: set[int] = set()
        for one, other in combinations(families, 2):
            ends = {one[0], other[0]}
            if not ends <= found and any(not self._compared(at, to) for at in one for to in other):
                found |= ends
        return found

    def linked(
        self, families: Sequence[Sequence[int]], starts: Iterable[int]
    ) -> Iterator[tuple[int, int]]:
        """Yield the rows that chains of copies lead to from some rows of a cluster, with those.

        Members of a family are linked, and families by the copies that they hold.
        """
        family_of = {at: family for family in families for at in family}
        everyone = _Earlier(len(family_of) > FEW)
        for at in family_of:
            everyone.add(at, self._of(at))
        reached = set(starts)
        looked_up: set[int] = set()
        waiting = deque((at, at) for at in sorted(reached))
        while waiting:
            at, start = waiting.popleft()
            copies: Iterable[int] = ()
            if self._clusters.text(at) not in looked_up:
                looked_up.add(self._clusters.text(at))
                copies = everyone.like(self._of(at))
            for other in chain(family_of[at], copies):
                if other not in reached and (
                    family_of[other] is family_of[at] or not self._compared(at, other)
                ):
                    reached.add(other)
                    waiting.append((other, start))
                    yield other, start

    def _of(self, at: int) -> Parts:
        if at not in self._parts:
            self._parts[at] = self._collection.parts(at)
        return self._parts[at]

    def _compared(self, at: int, other: int) -> Difference:
        """Say in what two rows differ; texts that are not even near are other questions."""
        if self._clusters.same(at, other):
            return ""
        one, two = self._of(at), self._of(other)
        # Rows that share a template are told apart sooner by what they say than by their texts.
        found = difference(one, two)
        if found == "question" or self._clusters.similarity(at, other) < self._threshold:
            return "question"
        return found


class _Earlier:
    """The rows of a cluster that were added, to look up those like another.

    Args:
        many: Whether to return but some of them.
    """

    def __init__(self, many: bool) -> None:
        self._many = many
        self._rows: list[int] = []
        self._holding: dict[str, list[int]] = {}

    def add(self, at: int, parts: Parts) -> None:
        """Add a row; a word that so many hold is common, and no longer looked for."""
        self._rows.append(at)
        if self._many:
            for word in parts.words - SMALL:
                holding = self._holding.setdefault(word, [])
                if len(holding) < _COMMON:
                    holding.append(at)

    def like(self, parts: Parts) -> Iterable[int]:
        """Return those to compare with a row, in the order in which they were added."""
        if not self._many:
            return self._rows
        # A copy holds the whole subject, so one word of it is enough to look for.
        found = Counter(self._rows[:_ALWAYS])
        for word in self._rarest(parts.subject, 1) or self._rarest(parts.words - SMALL, _RAREST):
            found.update(self._holding.get(word, ()))
        ranked = sorted(found, key=lambda at: (-found[at], at))
        return sorted(ranked[:_COMPARED])

    def _rarest(self, words: Iterable[str], count: int) -> list[str]:
        sizes = sorted((len(self._holding.get(word, ())), word) for word in words)
        return [word for size, word in sizes[:count] if size < _COMMON]
