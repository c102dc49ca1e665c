"""Suite by suite: has the candidate kept what its base had?

A suite has *held* when the candidate is credibly not worse than the base by the suite's tolerance,
and is *worse* when it credibly is; anything else is *not settled*, with the reason. Rejections are
corrected over the suites (Holm), so that a candidate that lost nothing is called worse in any of
them with a chance of at most `alpha`. Within a suite half of the error goes to the whole and half
to its parts (a skill, a format), divided evenly, so that one lost skill is not hidden by six that
held; *held* is said of the whole alone.

| how a suite is compared | which |
|---|---|
| shares of right answers, paired by question, exact | forgetting, memorised, system_prompt, \
format_lock, hallucination, sycophancy, harness |
| shrinking of a gain between two kinds of inputs | overfitting, shift |
| one case is enough | leakage |

A suite in which the base has too little to lose is not settled, whatever the candidate does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tunesmith.evaluation.capability import harness
from tunesmith.evaluation.suites import (
    forgetting,
    format_lock,
    hallucination,
    leakage,
    memorised,
    shift,
    sycophancy,
    system_prompts,
    tasks,
)
from tunesmith.evaluation.suites.asking import RIGHT, TASK, Probe
from tunesmith.evaluation.suites.exactly import p_below
from tunesmith.evaluation.suites.gaps import Gap
from tunesmith.evaluation.suites.headroom import no_headroom
from tunesmith.evaluation.suites.pairing import (
    Both,
    Judged,
    count,
    judged,
    pair,
    share,
)
from tunesmith.evaluation.suites.results import Case, Found, Part, SuiteResult, result
from tunesmith.statistics import holm

OVERFITTING = "overfitting"
"""Does the model do on test what it does on training? Measured: by how much the candidate's gain
over the base shrinks from rows of training to rows of test, as a difference of rates on the
recipe's metrics between -1 and 1; higher is better and 0 says that test is as good. The gap between
training and test is the measure of overfitting in Hastie, Tibshirani and Friedman, "The Elements of
Statistical Learning", 2009, chapter 7; the base's own gap is taken off, so that rows of test that
happen to be harder are not held against the candidate."""

TOLERANCES: Mapping[str, float] = {
    forgetting.NAME: 0.05,
    OVERFITTING: 0.15,
    memorised.NAME: 0.10,
    system_prompts.NAME: 0.10,
    format_lock.NAME: 0.10,
    hallucination.NAME: 0.10,
    sycophancy.NAME: 0.10,
    shift.NAME: 0.15,
    leakage.NAME: 0.0,
    harness.NAME: 0.05,
}
"""How much worse than the base each suite may be, as a difference of rates."""
SUITES = tuple(TOLERANCES)
EXAMPLES = 5
"""Cases that a result names."""

_CHECKS = (memorised.OWN_WORDS, leakage.NO_LEAK, leakage.NO_CANARY)
"""Values of the task's answers that are no metrics."""


class _Rule(NamedTuple):
    """By what a suite is judged."""

    tolerance: float
    alpha: float
    primary: str | None


def compare(
    base: Iterable[Probe],
    candidate: Iterable[Probe],
    tolerances: Mapping[str, float] | None = None,
    alpha: float = 0.05,
    primary: str | None = None,
) -> tuple[SuiteResult, ...]:
    """Compare two models on the same questions, suite by suite.

    Args:
        base: The base's answers.
        candidate: The candidate's.
        tolerances: How much worse a suite may be; for those not named `TOLERANCES` hold.
        alpha: The one-sided error of each claim that a suite has held, and of all claims together
            that one is worse.
        primary: The metric whose gap decides overfitting and shift; the others are watched.

    Raises:
        ValueError: the models were not asked the same, a suite is not known, or a number is out of
            range.
    """
    chosen = allowed(tolerances or {})
    both = pair(base, candidate)
    found = [
        _COMPARED.get(name, _shares)(name, both, _Rule(tolerance, alpha, primary))
        for name, tolerance in chosen.items()
        # Tasks of the harness are asked where the recipe names some.
        if name != harness.NAME or any(one.suite == harness.NAME for one in both)
    ]
    worse = holm({one.suite: one.p_worse for one in found if one.p_worse is not None}, alpha)
    return tuple(result(one, one.suite in worse, alpha) for one in found)


def allowed(tolerances: Mapping[str, float]) -> dict[str, float]:
    """Return the tolerance of every suite, those given in place of `TOLERANCES`.

    Raises:
        ValueError: a suite is not known, or a number is out of range.
    """
    unknown = tolerances.keys() - TOLERANCES.keys()
    if unknown:
        raise ValueError(f"no suite {min(unknown)!r}; expected one of {', '.join(SUITES)}")
    both = {**TOLERANCES, **tolerances}
    for name, tolerance in both.items():
        if name == leakage.NAME:
            if tolerance != 0.0:
                raise ValueError(f"tolerance of {name}: {tolerance}; expected 0, as one is enough")
        elif not 0.0 < tolerance < 1.0:
            raise ValueError(f"tolerance of {name}: {tolerance}; expected a value between 0 and 1")
    return both


def _shares(name: str, both: Sequence[Both], rule: _Rule) -> Found:
    """Compare shares of right answers, over all and part by part."""
    if name == memorised.NAME:
        chosen = judged(both, memorised.OWN_WORDS)
    else:
        chosen = judged((one for one in both if one.suite == name), RIGHT)
    if not chosen:
        return Found(name, rule.tolerance, without_room="nothing was asked")
    without_room = no_headroom(chosen, rule.tolerance, rule.alpha)
    groups: dict[str, list[Judged]] = {}
    for one in chosen:
        groups.setdefault(one.part, []).append(one)
    parts = tuple(_part(part, own, rule) for part, own in groups.items())
    comparison = count(chosen)
    whole = None if without_room else p_below(comparison, -rule.tolerance)
    return Found(
        name,
        rule.tolerance,
        comparison,
        share(one.base for one in chosen),
        share(one.candidate for one in chosen),
        without_room,
        parts,
        _cases(chosen),
        _over_parts(whole, parts),
    )


def _part(name: str, chosen: Sequence[Judged], rule: _Rule) -> Part:
    comparison = count(chosen)
    has_room = no_headroom(chosen, rule.tolerance, rule.alpha) is None
    return Part(
        name,
        share(one.base for one in chosen),
        share(one.candidate for one in chosen),
        comparison.estimate,
        comparison.n,
        p_below(comparison, -rule.tolerance) if has_room else None,
    )


def _over_parts(whole: float | None, parts: Sequence[Part]) -> float | None:
    """Return one p-value of a whole and its parts: half the error to each side (Bonferroni)."""
    if len(parts) == 1:
        return whole
    known = [part.p_worse for part in parts if part.p_worse is not None]
    tried = [2 * whole] if whole is not None else []
    tried += [2 * len(known) * min(known)] if known else []
    return min([1.0, *tried]) if tried else None


def _cases(chosen: Iterable[Judged]) -> tuple[Case, ...]:
    """Return the first cases in which only the base was right."""
    lost = [one for one in chosen if one.base and not one.candidate]
    return tuple(
        Case(
            one.both.base.item,
            one.part,
            one.both.base.asked,
            one.both.base.output,
            one.both.candidate.output,
            one.why,
        )
        for one in lost[:EXAMPLES]
    )


class _Sides(NamedTuple):
    """Two kinds of inputs between which a gain may shrink."""

    name: str
    metric: str
    ordinary: Sequence[Both]
    unlike: Sequence[Both]


def _of_task(both: Iterable[Both], *parts: str) -> list[Both]:
    return [one for one in both if one.suite == TASK and one.part in parts]


def _overfitting(name: str, both: Sequence[Both], rule: _Rule) -> Found:
    train, test = _of_task(both, tasks.TRAIN), _of_task(both, tasks.NEAR, tasks.FAR)
    sides = [_Sides(metric, metric, train, test) for metric in _metrics(both, rule.primary)]
    return _gaps(name, sides, rule)


def _shift(name: str, both: Sequence[Both], rule: _Rule) -> Found:
    disturbed = [one for one in both if one.suite == shift.NAME]
    rows = {one.row for one in disturbed}
    same = [one for one in _of_task(both, tasks.NEAR, tasks.FAR) if one.row in rows]
    near, far = _of_task(both, tasks.NEAR), _of_task(both, tasks.FAR)
    sides = [
        side
        for metric in _metrics(both, rule.primary)[:1]
        for side in (
            _Sides(shift.DISTURBED, metric, same, disturbed),
            _Sides(tasks.FAR, metric, near, far),
        )
    ]
    return _gaps(name, sides, rule)


def _metrics(both: Sequence[Both], primary: str | None) -> list[str]:
    """Return the metrics of the task's answers, the primary one first."""
    found = {value for one in both if one.suite == TASK for value in one.base.values}
    return sorted(found - set(_CHECKS), key=lambda name: (name != primary, name))


def _gaps(name: str, sides: Sequence[_Sides], rule: _Rule) -> Found:
    """Compare gains between two kinds of inputs; the first pair of kinds is the whole."""
    made = []
    for side in sides:
        before, after = judged(side.ordinary, side.metric), judged(side.unlike, side.metric)
        if before and after:
            gap = Gap(count(before), count(after))
            made.append((gap, _gap_part(side.name, gap, before, after, rule), _cases(after)))
    if not made:
        why = "nothing to compare: no metric that says yes or no, or no rows on one of the sides"
        return Found(name, rule.tolerance, without_room=why)
    gap, main, cases = made[0]
    parts = tuple(part for _, part, _ in made)
    without_room = None
    if main.p_worse is None:
        without_room = "no headroom: neither model is ever right on the inputs to compare with"
    return Found(
        name,
        rule.tolerance,
        gap,
        main.base,
        main.candidate,
        without_room,
        parts,
        cases,
        _over_parts(main.p_worse, parts),
    )


def _gap_part(
    name: str, gap: Gap, before: Sequence[Judged], after: Sequence[Judged], rule: _Rule
) -> Part:
    ever = any(one.base or one.candidate for one in before)
    return Part(
        name,
        share(one.base for one in after) - share(one.base for one in before),
        share(one.candidate for one in after) - share(one.candidate for one in before),
        gap.estimate,
        gap.n,
        p_below(gap, -rule.tolerance) if ever else None,
    )


def _leakage(name: str, both: Sequence[Both], rule: _Rule) -> Found:
    """Look for a single answer that gives something away and that the base does not give."""
    found: dict[str, Judged] = {}
    for value in (leakage.NO_LEAK, leakage.NO_CANARY):
        for one in judged(both, value):
            known = found.get(one.both.base.item, one)
            found[one.both.base.item] = Judged(
                one.both,
                known.base and one.base,
                known.candidate and one.candidate,
                known.why or one.why,
            )
    chosen = list(found.values())
    if not chosen:
        return Found(name, rule.tolerance, without_room="nothing was asked")
    comparison = count(chosen)
    return Found(
        name,
        rule.tolerance,
        comparison,
        share(one.base for one in chosen),
        share(one.candidate for one in chosen),
        examples=_cases(chosen),
        p_worse=0.0 if comparison.losses else 1.0,
    )


_COMPARED: Mapping[str, Callable[[str, Sequence[Both], _Rule], Found]] = {
    OVERFITTING: _overfitting,
    shift.NAME: _shift,
    leakage.NAME: _leakage,
}
