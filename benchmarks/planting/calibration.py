"""Resample what is stored of a failed candidate: how often is it stopped, how often an equal one?

Questions are drawn with replacement within their part of a suite, so that each drawn probe has the
parts of a real one. At a planted effect an answer is the failed candidate's with such a chance that
the suite's figure falls by that much on average, and the base's else; all other suites are as the
base left them. The real `criteria` and `decide` judge each drawn probe, of a candidate so much
better on the task that nothing but the planted failure can stop it.

Equal candidates are made in two ways. `exchanged`: both models' answers change sides with a chance
of one half, so that neither is worse and what differs between them differs as much as it did.
`edge`: every suite falls by exactly its tolerance, where a false alarm is likeliest.
"""

import functools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace
from scipy import stats

from tunesmith.evaluation.suites import TOLERANCES, Probe, criteria
from tunesmith.evaluation.suites.asking import RIGHT, TASK
from tunesmith.evaluation.suites.leakage import NO_CANARY, NO_LEAK
from tunesmith.evaluation.suites.memorised import OWN_WORDS
from tunesmith.evaluation.suites.tasks import TRAIN
from tunesmith.records import Score
from tunesmith.stages.gate import decide
from tunesmith.stages.package import PackageParams

from .trial import PRIMARY, USE, gate_params, said_no

ROWS = 12
"""Rows on which the candidate is better than its base, just enough to be promoted: exact tests of
more take long."""
SHARES = ("format_lock", "system_prompt", "hallucination", "sycophancy", "forgetting")
"""Suites that are shares of right answers to their own questions."""
CHECKS = (OWN_WORDS, NO_LEAK, NO_CANARY)


class Rate(NamedTuple):
    """How often something happened, with its exact 95 % interval (Clopper and Pearson 1934)."""

    hits: int
    draws: int

    @property
    def share(self) -> float:
        """The share observed."""
        return self.hits / self.draws

    @property
    def low(self) -> float:
        """The interval's lower end."""
        hits, missed = self.hits, self.draws - self.hits
        return float(stats.beta.ppf(0.025, hits, missed + 1)) if hits else 0.0

    @property
    def high(self) -> float:
        """The interval's upper end."""
        hits, missed = self.hits, self.draws - self.hits
        return float(stats.beta.ppf(0.975, hits + 1, missed)) if missed else 1.0


class Pair(NamedTuple):
    """Both models' answers to one question."""

    base: Probe
    failed: Probe

    def passed(self, value: str) -> tuple[bool, bool]:
        """Return what both are worth."""
        return self.base.values[value], self.failed.values[value]


Strata = Mapping[str, Sequence[Pair]]
"""The questions of a suite, by part."""


def paired(base: Iterable[Probe], failed: Iterable[Probe]) -> list[Pair]:
    """Put both models' answers side by side."""
    theirs = {row.item: row for row in failed}
    return [Pair(row, theirs[row.item]) for row in base]


def strata(pairs: Iterable[Pair], suite: str) -> Strata:
    """Return the questions that a suite looks at, by part."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        row = pair.base
        if suite == "overfitting":
            looked_at = row.suite == TASK
            part = TRAIN if row.part == TRAIN else "test"
        elif suite == "memorised":
            looked_at, part = OWN_WORDS in row.values, row.suite
        elif suite == "leakage":
            looked_at, part = True, ""
        else:
            looked_at, part = row.suite == suite, row.part
        if looked_at:
            found[part].append(pair)
    return found


def drop(parts: Strata, suite: str) -> float:
    """Return by how much the failed candidate lowers a suite's figure."""
    if suite == "overfitting":
        return 1.0 - _share(pair.failed.values[PRIMARY] for pair in parts["test"])
    both = [pair.passed(_value(suite)) for pairs in parts.values() for pair in pairs]
    return _share(base for base, _ in both) - _share(failed for _, failed in both)


def _value(suite: str) -> str:
    return {"memorised": OWN_WORDS, "leakage": NO_LEAK}.get(suite, RIGHT)


def _share(passed: Iterable[bool]) -> float:
    known = list(passed)
    return sum(known) / len(known)


class Drawn(NamedTuple):
    """A question that was drawn, and what a suite looks at in both answers."""

    row: Probe
    base: dict[str, bool]
    candidate: dict[str, bool]


def draw(parts: Strata, suite: str, n: int, rate: float, dice: random.Random) -> list[Drawn]:
    """Draw `n` questions of a suite, answered by the failed candidate at a rate, else by the base.

    For overfitting `n` each of training and of test: on training the candidate is always the failed
    one, and where it did not fail on test it is as good as there.
    """
    size = sum(map(len, parts.values()))
    found = []
    for part, pairs in parts.items():
        count = n if suite == "overfitting" else round(n * len(pairs) / size)
        for pair in dice.choices(pairs, k=count):
            values = _planted(pair, suite, part, dice.random() < rate)
            found.append(Drawn(pair.base, {one: pair.base.values[one] for one in values}, values))
    return found


def _planted(pair: Pair, suite: str, part: str, planted: bool) -> dict[str, bool]:
    """Return what the drawn candidate's answer is worth to a suite."""
    if suite == "overfitting":
        as_failed = planted or part == TRAIN
        return {PRIMARY: pair.failed.values[PRIMARY] if as_failed else True}
    names = (NO_LEAK, NO_CANARY) if suite == "leakage" else (_value(suite),)
    known = pair.failed.values if planted else pair.base.values
    return {name: known[name] for name in names if name in known}


def probes(drawn: Iterable[Drawn]) -> tuple[list[Probe], list[Probe]]:
    """Return the base's and the candidate's answers; each question drawn is one by itself."""
    base, candidate = [], []
    for at, (row, ours, theirs) in enumerate(drawn):
        name = f"{row.suite}:{at}"
        base.append(replace(row, item=name, group_id=name, values=row.values | ours))
        candidate.append(replace(row, item=name, group_id=name, values=row.values | theirs))
    return base, candidate


class Bench:
    """Judges drawn suites, each kind of outcome once."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._rest = {item["suite"]: item for item in _criteria(*_as_base(pairs))}
        self._known: dict[tuple[Any, ...], dict[str, Any]] = {}

    def stopped_by(self, drawn: Mapping[str, Sequence[Drawn]]) -> frozenset[str]:
        """Return what the gate says no to, where all suites but those drawn are as the base's."""
        own = {suite: self._criterion(suite, rows) for suite, rows in drawn.items()}
        return stopped_by(list((self._rest | own).values()))

    def _criterion(self, suite: str, drawn: Sequence[Drawn]) -> dict[str, Any]:
        """Compare one suite; all hangs on how often each part got which values."""
        kinds = (
            (
                "" if suite == "leakage" else f"{row.suite} {row.part} {row.chance}",
                *base.items(),
                *candidate.items(),
            )
            for row, base, candidate in drawn
        )
        counts = (suite, *sorted(Counter(kinds).items()))
        if counts not in self._known:
            found = _criteria(*probes(drawn))
            self._known[counts] = next(item for item in found if item["suite"] == suite)
        return self._known[counts]


def detection(pairs: Sequence[Pair], suite: str, n: int, effect: float, draws: int) -> Rate | None:
    """Return how often a suite stops a candidate that is worse by `effect`, asking `n` questions.

    None where the failed candidate is not that much worse. For leakage the effect is the number of
    answers that leak on average.
    """
    parts, dice = strata(pairs, suite), random.Random(f"{suite} {n} {effect}")
    whole = drop(parts, suite) * (n if suite == "leakage" else 1)
    if whole < effect:
        return None
    bench = Bench(pairs)
    drawn = ({suite: draw(parts, suite, n, effect / whole, dice)} for _ in range(draws))
    return Rate(sum(suite in bench.stopped_by(one) for one in drawn), draws)


def detection_of_use(
    letters: Sequence[tuple[bool, bool]], n: int, effect: float, draws: int
) -> Rate | None:
    """Return how often the criterion of another use stops a candidate worse on it by `effect`."""
    dice = random.Random(f"use {n} {effect}")
    whole = _share(base for base, _ in letters) - _share(failed for _, failed in letters)
    if whole < effect:
        return None
    hits = 0
    for _ in range(draws):
        drawn = [dice.choice(letters) for _ in range(n)]
        mixed = [
            (base, failed if dice.random() < effect / whole else base) for base, failed in drawn
        ]
        hits += "use" in stopped_by([], mixed)
    return Rate(hits, draws)


def detection_of_package(
    check: Literal["template", "stop_token"], prompts: int, rate: float, draws: int
) -> Rate:
    """Return how often a check of the package fails, at a rate of prompts on which it could.

    One prompt of other tokens is enough for `template`, as many answers without an end as leave
    fewer than `package.stops` for `stop_token`.
    """
    dice = random.Random(f"{check} {prompts} {rate}")
    required = 1.0 if check == "template" else PackageParams().stops
    right = [sum(dice.random() >= rate for _ in range(prompts)) for _ in range(draws)]
    return Rate(sum(one / prompts < required for one in right), draws)


def false_alarms(pairs: Sequence[Pair], n: int, edge: bool, draws: int) -> Rate:
    """Return how often a candidate that is not worse than allowed is called worse in any suite."""
    dice, bench = random.Random(f"null {n} {edge}"), Bench(pairs)
    suites = {suite: strata(pairs, suite) for suite in SHARES}
    hits = 0
    for _ in range(draws):
        drawn = {
            suite: draw(parts, suite, n, _edge(parts, suite) if edge else 1.0, dice)
            for suite, parts in suites.items()
        }
        if not edge:
            drawn = {
                suite: [_exchanged(one, dice) for one in rows] for suite, rows in drawn.items()
            }
        hits += bool(bench.stopped_by(drawn))
    return Rate(hits, draws)


def _exchanged(one: Drawn, dice: random.Random) -> Drawn:
    return one if dice.random() < 0.5 else Drawn(one.row, one.candidate, one.base)


def _edge(parts: Strata, suite: str) -> float:
    """Return the rate at which a suite falls by its tolerance."""
    return min(1.0, TOLERANCES[suite] / max(drop(parts, suite), 1e-9))


def _as_base(pairs: Sequence[Pair]) -> tuple[list[Probe], list[Probe]]:
    base = [pair.base for pair in pairs]
    return base, base


def _criteria(base: Sequence[Probe], candidate: Sequence[Probe]) -> list[dict[str, Any]]:
    return criteria(base, candidate, primary=PRIMARY)


def stopped_by(
    suites: Sequence[dict[str, Any]], letters: Sequence[tuple[bool, bool]] = ()
) -> frozenset[str]:
    """Return what the gate says no to; `letters` are the base's and the candidate's right ones."""
    read = tuple((item["suite"], item["p_worse"], item["p_pass"]) for item in suites)
    return _decided(read, tuple(sorted(letters)) or ((True, True),) * ROWS)


@functools.lru_cache(maxsize=65536)
def _decided(
    suites: tuple[tuple[str, float | None, float], ...], letters: tuple[tuple[bool, bool], ...]
) -> frozenset[str]:
    """Ask `decide`, with all that it reads of a suite; exact tests take long, and many recur."""
    columns = {
        "base test": [False] * ROWS,
        "candidate test": [True] * ROWS,
        "base golden": [False] * ROWS,
        "candidate golden": [True] * ROWS,
        f"base {USE}": [base for base, _ in letters],
        f"candidate {USE}": [candidate for _, candidate in letters],
    }
    scores = {
        who: {
            str(at): Score(row_id=str(at), group_id=str(at), values={PRIMARY: float(value)})
            for at, value in enumerate(values)
        }
        for who, values in columns.items()
    }
    read = [
        {"suite": name, "p_worse": worse, "p_pass": held, "reason": ""}
        for name, worse, held in suites
    ]
    return frozenset(said_no(decide(gate_params(PRIMARY), scores, (), read)[1]))
