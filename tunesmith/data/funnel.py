"""The funnel: how many rows came in, which were dropped for which reason, what is left.

Tokens are counted once, by `mix`, with the base's tokenizer: each row where it was dropped, or
where it ended. Lines that never became rows have none, and neither has what `score` cuts off.
"""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tunesmith.artifacts import Examples
from tunesmith.errors import Unready
from tunesmith.wording import counted, share_of


class Step(NamedTuple):
    """What one stage did to the rows."""

    stage: str
    rows_in: int
    kept: int
    dropped: dict[str, int]
    tokens_in: int | None = None
    tokens_kept: int | None = None
    tokens_dropped: dict[str, int] | None = None


def funnel(
    counts: Mapping[str, Mapping[str, Any]], tokens: Mapping[str, Any] | None = None
) -> list[Step]:
    """Make the funnel.

    Args:
        counts: From the manifests, by stage in order: rows kept, and dropped by reason.
        tokens: From the mixture's document: tokens kept by side, and dropped by stage and reason.
    """
    steps: list[Step] = []
    for stage, count in counts.items():
        kept, dropped = int(count["kept"]), dict(count["dropped"])
        steps.append(Step(stage, kept + sum(dropped.values()), kept, dropped))
    if tokens is None:
        return steps
    left = sum(tokens["kept"].values())
    for at in reversed(range(len(steps))):
        dropped = dict(tokens["dropped"].get(steps[at].stage, {}))
        came = left + sum(dropped.values())
        steps[at] = steps[at]._replace(tokens_in=came, tokens_kept=left, tokens_dropped=dropped)
        left = came
    return steps


def examine(
    steps: Sequence[Step],
    refs: Mapping[str, Examples],
    per_check: float,
    total: float,
    minimum_rows: int,
    accept: Sequence[str],
) -> None:
    """Stop the run when too much was dropped, or too little is left.

    Args:
        steps: The funnel.
        refs: The artifact of each stage, to name where the dropped rows can be seen.
        per_check: Share of all rows that one reason may drop.
        total: Share of all rows that all reasons may drop together.
        minimum_rows: Fewest rows that may be left.
        accept: Reasons whose drops somebody has looked at; `all` accepts any.

    Raises:
        Unready: with the funnel, the cause, and what to do.
    """
    rows = steps[0].rows_in
    reasons: Counter[str] = Counter()
    stage_of = {}
    for step in steps:
        reasons.update(step.dropped)
        stage_of.update(dict.fromkeys(step.dropped, step.stage))
    table = "\n".join(
        f"  {count:>7,} {share_of(count, rows):>6}  {stage_of[reason]}: {reason}"
        for reason, count in reasons.most_common()
    )
    left = steps[-1].kept
    shown = f"{counted(rows, 'row')} in, {left:,} left."
    if reasons:
        shown += f" Dropped:\n{table}"
    if left < minimum_rows:
        look = _look(reasons, stage_of, refs)
        only = (
            "no row is" if not left else "only 1 row is" if left == 1 else f"only {left:,} rows are"
        )
        raise Unready(
            f"after the data stages {only} left; at least {minimum_rows:,} are needed to train "
            f"and test (drops.minimum_rows). {shown}\n{_add_data(look)}",
            look,
        )
    if "all" in accept:
        return
    open_ones = Counter({name: count for name, count in reasons.items() if name not in accept})
    over = [name for name, count in open_ones.items() if count > per_check * rows]
    dropped = open_ones.total()
    if not over and dropped <= total * rows:
        return
    cause = (
        f"{', '.join(over)} dropped more than {per_check:.0%} of the rows (drops.per_check)"
        if over
        else f"{dropped / rows:.0%} of the rows were dropped, more than {total:.0%} (drops.total)"
    )
    worst = Counter({name: reasons[name] for name in over}) or open_ones
    look = _look(worst, stage_of, refs)
    named = [name for name, _ in worst.most_common()]
    raise Unready(
        f"{cause}; somebody must look before the run goes on. {shown}\n"
        f"{_see_and_accept(look, named, accept)}",
        look,
    )


def _add_data(look: tuple[str, str] | None) -> str:
    if look is None:
        return "Nothing was dropped: add data."
    return (
        f"Add data, or see what was dropped: {_command(look)}. If a limit is wrong, "
        f"{_what_if(look)}"
    )


def _see_and_accept(
    look: tuple[str, str] | None, reasons: Sequence[str], accepted: Sequence[str]
) -> str:
    """Say how to see what was dropped, and how to go on without it."""
    options = " ".join(f"--accept-drops {name}" for name in reasons)
    return (
        f"See some of each with: tunesmith inspect RECIPE; more of one with: {_command(look)}\n"
        f"If they are right to go, run again with {options}, or write into the recipe:\n"
        f"  drops: {{accept: [{', '.join((*accepted, *reasons))}]}}\n"
        f"If a limit is wrong, {_what_if(look)}"
    )


def _look(
    reasons: Counter[str], stage_of: Mapping[str, str], refs: Mapping[str, Examples]
) -> tuple[str, str] | None:
    """Return where the rows of the most frequent reason are, if any row was dropped."""
    if not reasons:
        return None
    reason = reasons.most_common(1)[0][0]
    return refs[stage_of[reason]].short, reason


def _command(look: tuple[str, str] | None) -> str:
    return "" if look is None else f"tunesmith show {look[0]} --dropped {look[1]}"


_CHANGES = {
    "grounding": "score.required=[]",  # answers from knowledge, or worked out
    "length": "score.min_tokens=VALUE",
    "too_long": "score.checks.too_long.tokens=VALUE",
    "near_copy": "dedup.threshold=VALUE",
    "fence": "dedup.overlap=VALUE",
}


def _what_if(look: tuple[str, str] | None) -> str:
    change = _CHANGES.get(look[1] if look else "", "KEY=VALUE")
    return f"see what another would do: tunesmith inspect RECIPE --set {shlex.quote(change)}"
