"""What a rollout will take, where it stands and how it got there. Nothing here changes anything.

What is told is what is imported: the tick imports what the gateways have recorded.
"""

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tunesmith import recipe as recipes
from tunesmith import retrains
from tunesmith.errors import InputError
from tunesmith.replacing import write_out
from tunesmith.reporting import rollout_page
from tunesmith.reporting import rollout_words as words
from tunesmith.reporting.tables import TableRow, one_line, text_table
from tunesmith.rollout import ledger, past
from tunesmith.rollout.decision import Evidence
from tunesmith.rollout.evidence import collect
from tunesmith.rollout.ledger import Entry, Rollout
from tunesmith.rollout.params import Guardrail, RolloutParams
from tunesmith.rollout.plan import POWER, Planned, Traffic, budget
from tunesmith.rollout.plan import plan as stages_of
from tunesmith.rollouts import metrics_of
from tunesmith.settings import Settings


def find(settings: Settings, name: str) -> Rollout:
    """Return the newest rollout of a recipe, or the one with this id.

    Raises:
        InputError: there is neither.
    """
    found = ledger.named(settings.database, name)
    if found is not None:
        return found
    known = ledger.recipes(settings.database)
    raise InputError(
        f"{name}: no recipe of this name has had a rollout, and none has this id; expected "
        + (
            f"one of {', '.join(known)}"
            if known
            else f"one begun by: tunesmith rollout start {name}"
        )
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def look(settings: Settings, rollout: Rollout, now: datetime.datetime) -> Evidence:
    """Return what a tick would see of a rollout now.

    Raises:
        Transient: the database cannot be reached, or MLflow where answers are compared.
    """
    in_shadow = rollout.params.stages[rollout.position.stage] == "shadow"
    metrics = None
    if in_shadow and rollout.params.shadow_metrics:
        metrics = metrics_of(retrains.open_tracker(settings), rollout)
    return collect(settings.database, rollout, now, metrics)


def plan(path: Path, traffic: Traffic, rate: float | None = None) -> str:
    """Say what each stage of a recipe's rollout needs, and what could be seen by its end.

    Args:
        path: The recipe.
        traffic: What is expected.
        rate: Of the outcome that the plan is made for, between 0 and 1; where it is how often
            tasks are completed, the traffic's may do.

    Raises:
        RecipeError: the recipe is wrong.
        InputError: nothing is watched that a plan can be made for, or its rate is not known.
    """
    if not all(map(math.isfinite, (traffic.requests, traffic.per_user, traffic.correlation))):
        raise InputError(f"{traffic}: expected numbers that are finite")
    recipe = recipes.load(path)
    params = recipe.rollout or RolloutParams()
    name, guardrail = _on_a_rate(params)
    if rate is not None:
        traffic = replace(traffic, rate=rate)
    elif guardrail.better == "lower":
        raise InputError(
            f"--rate: the plan is made for {name}, and how often that happens differs from task to "
            "task; give the champion's, such as 0.02"
        )
    planned = list(stages_of(params, traffic, guardrail))
    said = [
        *_unsettled(params, traffic, name, guardrail),
        f"{traffic.requests:,.0f} requests a day with the id of a user or conversation, "
        f"{traffic.per_user:g} from each; {name} {traffic.rate:.0%}, with a correlation of "
        f"{traffic.correlation:g} within a user",
        text_table([_planned(line) for line in planned]),
        f"All of it takes {_time(sum(line.days for line in planned))} at least.",
        "\n".join(_columns(params, name, guardrail)),
    ]
    if recipe.rollout is None:
        said.append(f"{recipe.name} has no `rollout` in its recipe; these are the defaults.")
    return "\n\n".join(said)


def _on_a_rate(params: RolloutParams) -> tuple[str, Guardrail]:
    """Return the guardrail that the plan is made for: the first share that should be high."""
    shares = {
        name: guardrail
        for name, guardrail in params.guardrails.items()
        if guardrail.value in words.SHARES and not guardrail.relative and guardrail.quantile is None
    }
    high = {name: each for name, each in shares.items() if each.better == "higher"}
    for name, guardrail in {**high, **shares}.items():
        return name, guardrail
    raise InputError(
        "rollout.guardrails: a plan takes a guardrail on a share of requests, such as task "
        f"completion or errors, and {', '.join(params.guardrails)} are none"
    )


def _unsettled(
    params: RolloutParams, traffic: Traffic, name: str, guardrail: Guardrail
) -> Iterator[str]:
    """Warn of a margin that the budget cannot settle."""
    found = budget(params, traffic, guardrail)
    if found is None or found.chance >= POWER:
        return
    yield (
        f"The budget does not settle the margin: with {params.budget:,} requests an equal "
        f"candidate is shown not to be worse by {guardrail.margin:g} in {name} in "
        f"{found.chance:.0%} of cases. {POWER:.0%} take about {_round(found.needed)} requests "
        f"(rollout.budget) or a margin of {found.margin:.2g}. Otherwise, when the budget is spent: "
        f"{params.unsettled.replace('_', ' ')}."
    )


def _planned(line: Planned) -> TableRow:
    live = isinstance(line.stage, int)
    return {
        "stage": words.stage_name(line.stage),
        "takes": _time(line.days),
        "requests": _round(line.requests) if line.requests else "–",
        "of the treatment": _round(line.treated) if line.treated else "–",
        "seen": f"{100 * line.seen:.1f} points" if live and line.seen < 1 else "–",
        "shown": f"{line.sure:.0%}" if live else "–",
    }


def _columns(params: RolloutParams, name: str, guardrail: Guardrail) -> Iterator[str]:
    """Say what the columns are."""
    change = "fall" if guardrail.better == "higher" else "rise"
    yield (f"seen: the {change} of {name} found by the end of the stage in {POWER:.0%} of cases")
    yield (
        "shown: how often an equal candidate is shown by then not to be worse by "
        f"{guardrail.margin:g}; needed before {params.sure_from} %"
    )
    others = [other for other in params.guardrails if other != name]
    if others:
        yield f"needed as well, and not planned here: {', '.join(others)}"


def _round(number: float) -> str:
    """Return a number to two digits, which is more than is known of it."""
    return f"{float(f'{number:.2g}'):,.0f}"


def _time(days: float) -> str:
    if days == float("inf"):
        return "for ever"
    return f"{days:,.1f} days" if days >= 1 else f"{24 * days:.0f} h"


def status(name: str, settings: Settings) -> str:
    """Say where a rollout stands, since when, what is missing, and what its guardrails say."""
    rollout = find(settings, name)
    database, now = settings.database, _now()
    entries = ledger.history(database, rollout.id)
    latest = look(settings, rollout, now) if rollout.open else None
    looks = () if latest else past.looks(database, rollout, entries, now)
    readings = latest.readings if latest else looks[-1].readings if looks else ()
    known = latest is not None or any(reading.requests or reading.due for reading in readings)
    newest = past.newest(database, rollout)
    parts = [
        f"{rollout.recipe}: {words.title(rollout)} (rollout {rollout.id})",
        words.sentence(rollout, entries, latest, now),
        words.aftermath(past.treated_after(database, rollout, entries)),
        "" if latest is None else words.spent(rollout, latest),
        "" if latest is None else latest.ratio,
        text_table(words.shadow(rollout, latest.shadow)) if latest and latest.shadow else "",
        f"{text_table(words.table(rollout, readings))}\n\n{words.HOW}" if known else "",
        f"newest request that is imported: {words.moment(newest) if newest else 'none'}",
        _next(rollout),
    ]
    return "\n\n".join(part for part in parts if part)


def _next(rollout: Rollout) -> str:
    able = {"running": "advance|hold|rollback", "held": "advance|resume|rollback",
            "asking": "advance|resume|rollback"}  # fmt: skip
    if not rollout.open:
        return ""
    do = able[rollout.position.status]
    return f"to move it: tunesmith rollout {do} {rollout.recipe} --why …"


def history(name: str, settings: Settings) -> str:
    """Tell every move of a rollout: when, what, who, why, and on what evidence."""
    rollout = find(settings, name)
    entries = ledger.history(settings.database, rollout.id)
    told = "\n".join(line for at in range(len(entries)) for line in _told(rollout, entries, at))
    others = [
        f"{other.id}: {words.title(other)}, {other.treatment.model}"
        for other in ledger.all_of(settings.database, rollout.recipe)
        if other.id != rollout.id
    ]
    head = f"rollout {rollout.id}: {rollout.treatment.model} against {rollout.control.model}"
    return "\n".join([head, "", told, *(["", "others of this recipe:", *others] if others else [])])


def _told(rollout: Rollout, entries: Sequence[Entry], at: int) -> Iterator[str]:
    entry = entries[at]
    what = words.moved(rollout, entries, at)
    yield f"{words.moment(entry.at)}  {what}, by {one_line(entry.by)}: {one_line(entry.why)}"
    readings = past.readings_of(entry.evidence)
    told = [line for line in words.lines(rollout, readings) if line.said != "no data"]
    rows: list[TableRow] = [
        {"": line.name, "says": line.said, "difference": line.difference,
         "limits": line.limits, "requests": line.requests}
        for line in told
    ]  # fmt: skip
    if rows:
        yield from (f"    {row}" for row in text_table(rows).splitlines()[1:])


def report(name: str, settings: Settings, out: Path | None) -> str:
    """Write the page that tells a rollout's story, and say where."""
    rollout = find(settings, name)
    database, now = settings.database, _now()
    entries = ledger.history(database, rollout.id)
    text = rollout_page.page(
        rollout,
        entries,
        look(settings, rollout, now) if rollout.open else None,
        past.looks(database, rollout, entries, now),
        past.asked(database, rollout),
        now,
        past.treated_after(database, rollout, entries),
    )
    path = out or settings.home.absolute() / "reports" / f"{rollout.id}.html"
    write_out(path, text.encode("utf-8", errors="replace"))
    return f"report: {path}"
