"""Label balance: how often each class stands in the training side.

The entropy of the classes over that of as many equal ones (Shannon's evenness; Pielou, "The
measurement of diversity in different types of biological collections", 1966) is 1 where all are
equally frequent and 0 where there is one. He and Garcia, "Learning from Imbalanced Data" (2009),
review why the smallest class is learned worst.
"""

import math
from collections import Counter
from typing import Any

from tunesmith.data.surveys import Seen, per_cent
from tunesmith.records import LabelExample

EVEN = 0.7
"""Evenness under which a person should look."""
SMALLEST = 10
"""Rows under which a class is hardly learned, and not measured at all."""
MOST = 1_000
"""Classes above which it is no label set."""
_SHORT = 5
_TOP = 50


class Labels:
    """Counts of labels, or of short answers where chats are used to classify."""

    def __init__(self) -> None:
        self.rows = self.labelled = 0
        self.counts: Counter[str] = Counter()
        self.too_many = False

    def add(self, seen: Seen) -> None:
        """Count a row's label; a chat's is its answer, if that is short."""
        self.rows += 1
        row = seen.row
        if isinstance(row, LabelExample):
            label = row.label
        elif len(row.answer) <= 80 and 0 < len(row.answer.split()) <= _SHORT:
            label = row.answer
        else:
            return
        self.labelled += 1
        if not self.too_many:
            self.counts[label] += 1
            self._bound()

    def merge(self, other: "Labels") -> None:
        """Add what another process counted."""
        self.rows += other.rows
        self.labelled += other.labelled
        self.too_many = self.too_many or other.too_many
        self.counts.update(other.counts)
        self._bound()

    def _bound(self) -> None:
        # The same whoever counted what: more than so many anywhere are more than so many together.
        self.too_many = self.too_many or len(self.counts) > MOST
        if self.too_many:
            self.counts.clear()

    @property
    def are_labels(self) -> bool:
        """Whether nearly all rows have one of a few labels."""
        return (
            not self.too_many
            and self.labelled > 0
            and self.labelled >= 0.95 * self.rows
            and (len(self.counts) <= 2 or len(self.counts) <= self.labelled / 5)
        )

    @property
    def evenness(self) -> float:
        """The entropy over that of as many equal classes, 0 to 1."""
        if len(self.counts) < 2:
            return 0.0
        shares = [count / self.labelled for _, count in sorted(self.counts.items())]
        return -sum(share * math.log(share) for share in shares) / math.log(len(shares))

    def document(self) -> dict[str, Any]:
        """Return the classes with their shares; empty where the rows have none."""
        if not self.are_labels:
            return {}
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return {
            "classes": len(ranked),
            "evenness": round(self.evenness, 4),
            "smallest": {"label": ranked[-1][0], "rows": ranked[-1][1]},
            "shares": {label: round(count / self.labelled, 5) for label, count in ranked[:_TOP]},
        }

    def warnings(self) -> list[str]:
        """Warn of a class that is too small, of very uneven ones, and of only one."""
        if not self.are_labels:
            return []
        ranked = sorted(self.counts.items(), key=lambda item: (item[1], item[0]))
        if len(ranked) == 1:
            return [f"labels: every row has the label {ranked[0][0]!r}; there is nothing to learn"]
        told = []
        small = [label for label, count in ranked if count < SMALLEST]
        if small:
            label, count = ranked[0]
            told.append(
                f"labels: {len(small)} of {len(ranked)} classes have fewer than {SMALLEST} rows, "
                f"too few to learn and to measure; {label!r} has {count}"
            )
        if self.evenness < EVEN:
            label, count = ranked[-1]
            told.append(
                f"labels: very uneven (evenness {self.evenness:.2f}): {label!r} is "
                f"{per_cent(count / self.labelled)} of the rows. mix.weights can even them out "
                "by source"
            )
        return told
