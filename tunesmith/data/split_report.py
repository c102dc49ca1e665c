"""What a split tells about its sides, gathered in the one pass that makes it."""

import datetime
import hashlib
from array import array
from collections import Counter
from typing import Any

from tunesmith.data.surveys.identities import Identities
from tunesmith.data.surveys.shift import FEWEST, LARGEST, distance
from tunesmith.records import Example
from tunesmith.sampling import Largest, fraction
from tunesmith.wording import counted

WEAK = 0.8
"""Power below which a margin is called too narrow for its test set."""
ASSUMED_DISCORDANCE = 0.1
"""Share of examples on which champion and candidate differ, where nothing is known yet."""
_COUNTED = 10_000
"""Values of a reported field that are told apart."""
_SHOWN = 50
_SETTLED = 5_000
"""Examples above which power is that of so many: it is 1, and takes minutes to say so."""


class SideReport:
    """Rows, groups, mean lengths in characters, origins and reported fields of one side."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._groups = array("Q")
        self._prompt = self._answer = self._reviewed = 0
        self._ids = Identities()
        self._origins: Counter[str] = Counter()
        self._fields: dict[str, Counter[str]] = {name: Counter() for name in fields}

    def add(self, row: Example) -> None:
        """Count a row."""
        hashed = hashlib.blake2b(row.group_id.encode("utf-8", "surrogatepass"), digest_size=8)
        self._groups.append(int.from_bytes(hashed.digest(), "little"))
        self._ids.note(row.row_id)
        self._prompt += len(row.input_text)
        self._answer += len(row.answer)
        self._reviewed += bool(row.reviewed_by)
        self._origins[row.origin] += 1
        for name, counts in self._fields.items():
            value = str(row.metadata.get(name))
            if value in counts or len(counts) < _COUNTED:
                counts[value] += 1

    def document(self) -> dict[str, Any]:
        """Return the account of the side."""
        import numpy as np

        rows = len(self._groups)
        return {
            "rows": rows,
            "groups": len(np.unique(np.frombuffer(self._groups, dtype=np.uint64))) if rows else 0,
            "prompt_chars": round(self._prompt / max(rows, 1), 1),
            "answer_chars": round(self._answer / max(rows, 1), 1),
            "origin": dict(sorted(self._origins.items())),
            "reviewed": self._reviewed,
            **self._ids.document(),
            "fields": {
                name: dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN])
                for name, counts in self._fields.items()
            },
        }


class Watch:
    """Compares the train and test sides with the newest rows from production.

    One row a group: rows of one conversation are more alike than any two others, which the test
    would take for a shift.
    """

    def __init__(self) -> None:
        self._newest: Largest[tuple[str, str]] = Largest(2 * LARGEST)
        self._samples: dict[str, Largest[tuple[str, str]]] = {
            name: Largest(3 * LARGEST) for name in ("train", "test")
        }
        self._shifts: dict[str, dict[str, Any]] = {}

    def add(self, where: str, row: Example) -> None:
        """Look at a row."""
        written = _moment(row.written) if row.origin == "production" else None
        if written is not None and self._newest.wants((written, row.row_id)):
            self._newest.add((written, row.row_id), (row.group_id, row.input_text))
        sample = self._samples.get(where)
        key = (-fraction(row.row_id, "watch"), row.row_id)
        if sample is not None and sample.wants(key):
            sample.add(key, (row.group_id, row.input_text))

    def document(self) -> dict[str, Any]:
        """Return the distances of both sides from recent production, as far as there is any."""
        recent = _one_a_group(self._newest.items(), set())
        for name, sample in self._samples.items():
            texts = _one_a_group(sample.items(), set(recent))
            few = min(len(recent), len(texts))
            if few < FEWEST:
                self._shifts[name] = {
                    "untested": f"{counted(len(recent), 'recent production group')} and "
                    f"{len(texts):,} of other rows; {FEWEST} of each are needed"
                }
            else:
                measured = distance(list(texts.values()), list(recent.values()))
                self._shifts[name] = measured
        return dict(self._shifts)

    def warnings(self) -> list[str]:
        """Warn of a side that is further from recent production than chance takes it."""
        return [
            f"split: the {name} side is unlike recent production: distance "
            f"{found['distance']:.3f}, and without a shift it is under "
            f"{found['no_shift_quantile']:.3f} in 95% of cases. What does well on it may do worse "
            "in production; add recent rows"
            for name, found in self._shifts.items()
            if found.get("shifted")
        ]


def _one_a_group(items: list[tuple[str, str]], others: set[str]) -> dict[str, str]:
    """Return the first text of each group that is not among others, at most `LARGEST`."""
    found: dict[str, str] = {}
    for group, text in items:
        if group not in others and len(found) < LARGEST:
            found.setdefault(group, text)
    return found


def _moment(written: str | None) -> float | None:
    """Return a time as seconds; one without a zone is taken for UTC, and none for no time."""
    if not written:
        return None
    try:
        moment = datetime.datetime.fromisoformat(written)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()


def power_document(groups: int, margin: float, alpha: float) -> dict[str, Any]:
    """Return how likely a test side of so many groups settles the margin, with its warnings."""
    from tunesmith.statistics.power import pairs_needed, power_not_worse

    chance = power_not_worse(min(max(groups, 1), _SETTLED), margin, ASSUMED_DISCORDANCE, alpha)
    needed = pairs_needed(-margin, 0.0, ASSUMED_DISCORDANCE, alpha, power=WEAK)
    told = []
    if chance < WEAK:
        told.append(
            f"split: {groups} test groups show a candidate as good as the champion to be not "
            f"worse by {margin:g} in {chance:.0%} of cases; about {needed} are needed for "
            f"{WEAK:.0%}"
        )
    return {
        "groups": groups,
        "margin": margin,
        "alpha": alpha,
        "discordance": ASSUMED_DISCORDANCE,
        "power": round(chance, 4),
        "needed": needed,
        "warnings": told,
    }
