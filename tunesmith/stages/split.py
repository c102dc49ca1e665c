"""Put each group of rows on one side: train, validation or test.

Reads `Examples` in one pass, writes a `Split`. The side is a keyed hash of the group id, with the
recipe's name as the salt, so adding rows moves none (Kohavi et al., "Online Experimentation at
Microsoft", 2009, assign users the same way). Otherwise next quarter's test set would have been
this quarter's training set.

Two options look at earlier rows as well, and at no later one, so what is appended still moves
nothing. `stratify` keeps the shares of each stratum: a hash alone gives a small stratum its share
only on average, whether or not the stratum is part of its key. So a group goes where its hash
says unless its stratum, as far as it has been read, is then off by more than `BALANCE` groups
(the big stick design: Soares and Wu, "Some restricted randomization rules in sequential
designs", 1983). The price is told here: where an earlier group is taken out, in one of five
strata of 400 groups, about 12 of the 2,000 groups move; without strata none ever does. The
stratum of a group is that of its first row.

`test_from: production_reviewed` tests on reviewed rows from production alone. A review comes
later than its row, and a row that was trained on must never be tested on. So of the groups that
begin in production the hash sets some aside for test before anybody reviewed them: their reviewed
rows are the test side, and the others wait, dropped as `awaiting_review`.
"""

import bisect
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from tunesmith.artifacts import Examples, Scores, Split
from tunesmith.data.split_report import SideReport, Watch, power_document
from tunesmith.errors import Unready
from tunesmith.evaluation.metrics import Metric
from tunesmith.records import Dropped, Example, Score
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")
AWAITING = "awaiting_review"
DIFFICULTY = "difficulty"
BALANCE = 3
"""Groups by which a side of a stratum may be off before the hash is overruled."""
_FIRST_SCORES = 1_000
_STRATA_TOLD = 50


class SplitParams(Params):
    """How large the sides are, and what they are made of."""

    test: float = Field(0.15, gt=0, lt=0.5, description="Share of groups that go to test.")
    validation: float = Field(
        0.10, gt=0, lt=0.5, description="Share of groups that go to validation."
    )
    salt: str = Field("", description="Key of the hash; the recipe's name by default.")
    report: tuple[str, ...] = Field(
        (), description="Extra keys of a line whose distribution over the sides is reported."
    )
    stratify: str | None = Field(
        None,
        description=(
            "Extra key of a line whose every value has its share on each side; `difficulty` "
            "stands for thirds of the base model's score, for which the base answers every row."
        ),
    )
    difficulty: Metric = Field(
        "overlap", description="The metric of that score, among evaluate.metrics; high is easy."
    )
    test_from: Literal["any", "production_reviewed"] = Field(
        "any",
        description=(
            "What the test side is made of: any rows, or reviewed rows from production alone. "
            "Unreviewed ones that are set aside for it wait, dropped as awaiting_review."
        ),
    )
    margin: float = Field(
        0.05, gt=0, lt=1, description="Margin whose power is reported; `gate.margin` by default."
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error at which it is; `gate.alpha` by default."
    )


def side(group_id: str, params: SplitParams) -> Side:
    """Return the side of a group by its hash; it depends on nothing else."""
    hashed = hashlib.blake2b(group_id.encode(), key=params.salt.encode()[:64], digest_size=8)
    position = int.from_bytes(hashed.digest(), "big") / 2**64
    if position < params.test:
        return "test"
    return "validation" if position < params.test + params.validation else "train"


class Placing:
    """Places rows one after the other.

    Args:
        params: How.
        scores: The base's score by row id, where difficulty makes the strata.
    """

    def __init__(self, params: SplitParams, scores: Mapping[str, float] | None = None) -> None:
        self._params = params
        self._scores = scores or {}
        self._first: list[float] = []
        # Groups are only remembered where their side may hang on more than their hash.
        self._remembers = params.stratify is not None or params.test_from != "any"
        self._places: dict[str, tuple[Side, bool]] = {}
        self.strata: dict[str, Counter[Side]] = {}

    def place(self, row: Example) -> tuple[Side, Example | Dropped]:
        """Return the side of a row, and the row, or its drop if it must wait there."""
        if not self._remembers:
            return side(row.group_id, self._params), row
        known = self._places.get(row.group_id)
        if known is None:
            known = self._places[row.group_id] = self._choose(row)
        where, waits = known
        if waits and not (row.origin == "production" and row.reviewed_by):
            detail = "its group is set aside for test, which takes reviewed production rows alone"
            return where, Dropped(source=row.source, reason=AWAITING, detail=detail, row=row)
        return where, row

    def _choose(self, row: Example) -> tuple[Side, bool]:
        where = side(row.group_id, self._params)
        if self._params.stratify is not None:
            here = self.strata.setdefault(self.stratum(row), Counter())
            where = _balanced(where, here, self._params)
            here[where] += 1
        if where != "test" or self._params.test_from == "any":
            return where, False
        # What a group begins with never changes, so no later review can move it.
        return ("test", True) if row.origin == "production" else ("train", False)

    def stratum(self, row: Example) -> str:
        """Return the stratum of the next row."""
        if self._params.stratify != DIFFICULTY:
            return str(row.metadata.get(self._params.stratify or ""))
        score = self._scores.get(row.row_id)
        if score is None:
            return "no score"
        if len(self._first) < _FIRST_SCORES:
            bisect.insort(self._first, score)
        hard, easy = thirds(self._first)
        return "hard" if score <= hard else "medium" if score <= easy else "easy"


def _balanced(where: Side, here: Mapping[Side, int], params: SplitParams) -> Side:
    """Overrule the hash where the stratum would be off by more than `BALANCE` groups."""
    groups = sum(here.values()) + 1
    wanted: tuple[tuple[Side, float], ...] = (
        ("test", params.test * groups),
        ("validation", params.validation * groups),
    )
    for name, share in wanted:
        if share - here.get(name, 0) > BALANCE:
            return name
    for name, share in wanted:
        if name == where and here.get(name, 0) + 1 - share > BALANCE:
            return "train"
    return where


def thirds(ordered: Sequence[float]) -> tuple[float, float]:
    """Return the scores that divide these, in ascending order, into thirds.

    They are asked of the first thousand scores alone: those of a whole data set move as it grows,
    and rows would move with them.
    """
    return ordered[(len(ordered) - 1) // 3], ordered[2 * (len(ordered) - 1) // 3]


def _scores(params: SplitParams, draft: Draft, scores: Scores | None) -> dict[str, float] | None:
    if params.stratify != DIFFICULTY:
        return None
    if scores is None:
        raise Unready(
            "split.stratify is difficulty, but the base has not been scored on the rows. Run the "
            "whole recipe with evaluate.metrics, or name an extra key to stratify by"
        )
    found = {row.row_id: row.values.get(params.difficulty) for row in draft.peek(scores, Score)}
    return {row_id: value for row_id, value in found.items() if value is not None}


def _write(params: SplitParams, draft: Draft, source: Examples, scores: Scores | None) -> Split:
    placing = Placing(params, _scores(params, draft, scores))
    reports = {name: SideReport(params.report) for name in SIDES}
    watch = Watch()

    def placed() -> Iterator[tuple[str, Example | Dropped]]:
        for row in draft.rows(source):
            where, made = placing.place(row)
            if not isinstance(made, Dropped):
                reports[where].add(made)
                watch.add(where, made)
            yield where, made

    sides = draft.seal_parts(placed(), SIDES)
    described = {name: report.document() for name, report in reports.items()}
    _refuse_empty(params, sides, sum(report["groups"] for report in described.values()))
    power = power_document(described["test"]["groups"], params.margin, params.alpha)
    shifts = watch.document()
    warnings = [*_strata_warnings(params, placing.strata), *power["warnings"], *watch.warnings()]
    draft.notes["warnings"] = warnings
    document = {
        "parts": {name: sides[name].digest for name in SIDES},
        "sides": described,
        "strata": _strata(params, placing.strata),
        "test_from": params.test_from,
        "power": power,
        "shift": shifts,
        "warnings": warnings,
    }
    return draft.seal_json(Split, "split.json", document, **sides)


def _refuse_empty(params: SplitParams, sides: Mapping[str, Examples], groups: int) -> None:
    empty = [name for name in SIDES if sides[name].rows == 0]
    if not empty:
        return
    rows = sum(part.rows + part.dropped for part in sides.values())
    waiting = sides["test"].dropped
    if empty == ["test"] and params.test_from == "production_reviewed":
        raise Unready(
            f"no row went to test: split.test_from asks for reviewed production rows, and of "
            f"{rows} rows {waiting} are set aside for it that nobody has reviewed. Review them, or "
            "set split.test_from to any",
            (sides["test"].short, AWAITING) if waiting else None,
        )
    raise Unready(
        f"no row went to {', '.join(empty)}: {rows} rows in {groups} groups are too few to split. "
        "Add data, or group it more finely (ingest.group_by)"
    )


def _strata(params: SplitParams, strata: Mapping[str, Counter[Side]]) -> dict[str, Any]:
    """Return the groups of each stratum by side, the largest strata first."""
    if params.stratify is None:
        return {}
    ranked = sorted(strata.items(), key=lambda item: (-item[1].total(), item[0]))
    return {
        "by": params.stratify,
        "count": len(ranked),
        "groups": {
            name: {where: counts[where] for where in SIDES}
            for name, counts in ranked[:_STRATA_TOLD]
        },
    }


def _strata_warnings(params: SplitParams, strata: Mapping[str, Counter[Side]]) -> list[str]:
    if params.stratify is None:
        return []
    told = []
    untested = sorted(name for name, counts in strata.items() if not counts["test"])
    if untested:
        told.append(
            f"split: {len(untested)} of {len(strata)} strata of {params.stratify} are too small "
            f"for a test row, such as {untested[0]!r}"
        )
    unscored = strata.get("no score")
    if params.stratify == DIFFICULTY and unscored:
        told.append(f"split: {unscored.total()} groups have no score of the base")
    return told


def stratification(rows: Iterable[Example], params: SplitParams) -> dict[str, Any]:
    """Describe the sides of rows: rows, groups, mean lengths in characters, reported fields."""
    placing = Placing(params)
    reports = {name: SideReport(params.report) for name in SIDES}
    for row in rows:
        where, made = placing.place(row)
        if not isinstance(made, Dropped):
            reports[where].add(made)
    return {name: report.document() for name, report in reports.items()}


STAGE = Stage("split", version=2, produces=Split, body=_write)
