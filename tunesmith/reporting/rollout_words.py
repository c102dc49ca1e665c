"""A rollout in words: where it stands and why, what each guardrail says, what each move did."""

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tunesmith.reporting.tables import TableRow
from tunesmith.rollout.decision import Evidence, Move, decide
from tunesmith.rollout.ledger import Entry, Rollout
from tunesmith.rollout.params import Guardrail, StageName
from tunesmith.rollout.past import Look, weight_after
from tunesmith.rollout.readings import Reading
from tunesmith.wording import counted

Said = Literal["worse", "not worse", "open", "no data"]
HOW = (
    "The limits hold at all looks together. A guardrail is worse when both limits lie on the wrong "
    "side of zero, or of the margin where it is tolerated, and not worse when both lie within the "
    "margin. Since any of them can roll back, worse takes wider limits than those shown."
)
SHARES = ("task_completed", "accepted", "error", "refusal")
"""Measures that are a share of requests."""


def moment(at: datetime.datetime, seconds: bool = False) -> str:
    """Return a time to the minute, or to the second."""
    shape = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return f"{at.astimezone(datetime.UTC):{shape}} UTC"


def stage_name(stage: StageName) -> str:
    """Return what a stage is called in a sentence."""
    return f"{stage} %" if isinstance(stage, int) else stage


def place(rollout: Rollout) -> str:
    """Return where a rollout stands."""
    return _at(rollout.params.stages[rollout.position.stage])


def _at(stage: StageName) -> str:
    return f"in {stage}" if isinstance(stage, str) else f"at {stage} %"


def title(rollout: Rollout) -> str:
    """Return in a few words how a rollout stands, or how it ended."""
    where = place(rollout)
    return {
        "done": "Promoted",
        "rolled_back": "Rolled back",
        "held": f"Held {where}",
        "asking": f"Waits for a person {where}",
        "running": f"Running {where}",
    }[rollout.position.status]


def sentence(
    rollout: Rollout, entries: Sequence[Entry], latest: Evidence | None, now: datetime.datetime
) -> str:
    """Say where a rollout stands, since when, and why, or what it waits for."""
    last, status = entries[-1], rollout.position.status
    new, old = rollout.treatment.model, rollout.control.model
    since = moment(rollout.position.entered)
    if status == "done":
        since = _alone(rollout, entries)
        ended = f"The rollout was ended by {last.by} on {moment(last.at)}: {last.why}"
        return f"{new} answers everybody, instead of {old}, since {since}. {ended}."
    if status == "rolled_back":
        was = place(rollout)
        return (
            f"{old} answers everybody again. {new} was taken back {was} on {moment(last.at)} by "
            f"{last.by}: {last.why}."
        )
    if status == "held":
        held = f"{last.by} held it on {moment(last.at)}"
        return f"{_gets(rollout)} since {since}. {held}: {last.why}."
    if status == "asking":
        return (
            f"{_gets(rollout)} since {since}. It asks a person since {moment(last.at)}: {last.why}."
        )
    text = f"{_gets(rollout)} since {since}"
    return f"{text}. {_next(rollout, latest, now)}" if latest is not None else f"{text}."


def aftermath(treated_after: float | None) -> str:
    """Say for how many seconds after a rollback users' requests still went to the treatment."""
    if treated_after is None:
        return ""
    if treated_after == 0:
        return "No user's request went to it after that."
    return f"The last user's request went to it {treated_after:.1f} s after that."


def _alone(rollout: Rollout, entries: Sequence[Entry]) -> str:
    return moment(next(item.at for item in entries if weight_after(rollout, item) == 10_000))


def _gets(rollout: Rollout) -> str:
    new = rollout.treatment.model
    if rollout.weight == 0:
        return f"{new} is asked in shadow, and answers nobody,"
    return f"{new} answers {rollout.weight / 100:g} % of the users"


def following(rollout: Rollout, latest: Evidence, now: datetime.datetime) -> Move:
    """Return what a tick would do now."""
    return decide(rollout.params, rollout.position, latest, now)


def _next(rollout: Rollout, latest: Evidence, now: datetime.datetime) -> str:
    found = following(rollout, latest, now)
    does = {
        "stay": "It stays there",
        "advance": "The next tick goes on",
        "finish": "The next tick ends it",
        "hold": "The next tick holds it",
        "ask": "The next tick asks a person",
        "roll_back": "The next tick rolls it back",
    }[found.kind]
    return f"{does}: {found.why}."


@dataclass(frozen=True)
class Line:
    """What one guardrail says.

    Attributes:
        name: Of the guardrail.
        said: Its answer.
        difference: Treatment minus control.
        limits: Between which the true difference lies, at all looks.
        margin: What is of no consequence.
        sides: The control's figure and the treatment's, in a sentence.
        requests: Of the treatment, with a value; "of" those that should have one where more do.
        units: Of the treatment.
    """

    name: str
    said: Said
    difference: str
    limits: str
    margin: str
    sides: str
    requests: str
    units: int


def lines(rollout: Rollout, readings: Sequence[Reading]) -> Iterator[Line]:
    """Yield what every guardrail says."""
    found = {reading.name: reading for reading in readings}
    for name, guardrail in rollout.params.guardrails.items():
        yield _line(name, guardrail, found.get(name))


def _line(name: str, guardrail: Guardrail, reading: Reading | None) -> Line:
    margin = margin_text(guardrail)
    if reading is None or math.isnan(reading.estimate):
        requests = f"0 of {reading.due:,}" if reading is not None and reading.due else "0"
        return Line(name, "no data", "–", "–", margin, "", requests, 0)
    limits = "too few users yet"
    if reading.known:
        low, unit = _signed(guardrail, reading.low)
        limits = f"{low} to {_signed(guardrail, reading.high)[0]}{unit}"
    requests = f"{reading.requests:,}"
    if reading.due > reading.requests:
        requests += f" of {reading.due:,}"
    return Line(
        name,
        "worse" if reading.worse else "not worse" if reading.sure else "open",
        "".join(_signed(guardrail, reading.estimate)),
        limits,
        margin,
        _sides(guardrail, reading),
        requests,
        reading.units,
    )


def _signed(guardrail: Guardrail, value: float) -> tuple[str, str]:
    """Return a difference with its sign, and its unit."""
    unit = ""
    if in_percent(guardrail):
        unit = " %" if guardrail.relative and guardrail.quantile is None else " points"
        text = f"{100 * value:+.1f}"
    else:
        # A digit more than the margin has.
        digits = max(0, 1 - math.floor(math.log10(guardrail.margin)))
        text = f"{value:+.{digits}f}"
    if not text.strip("+-0."):
        text = text[1:]
    return text.replace("-", "−").replace("inf", "∞"), unit


def in_percent(guardrail: Guardrail) -> bool:
    """Return whether differences are told in per cent or in points of it."""
    return guardrail.relative or guardrail.quantile is not None or guardrail.value in SHARES


def _sides(guardrail: Guardrail, reading: Reading) -> str:
    if guardrail.quantile is not None:
        size = _size(guardrail)
        return (
            f"Above the champion's {100 * guardrail.quantile:g}th percentile lie "
            f"{100 * reading.control:.1f} % of its requests, above that and {size} more "
            f"{100 * reading.treatment:.1f} % of the candidate's"
        )
    if guardrail.value in SHARES:
        return f"Champion {100 * reading.control:.1f} %, candidate {100 * reading.treatment:.1f} %"
    return f"Champion {reading.control:,.4g}, candidate {reading.treatment:,.4g}"


def margin_text(guardrail: Guardrail) -> str:
    """Say what is of no consequence."""
    way = {"higher": "lower", "lower": "higher", "neither": "either way"}[guardrail.better]
    return f"up to {_size(guardrail)} {way}"


def _size(guardrail: Guardrail) -> str:
    if guardrail.relative:
        return f"{100 * guardrail.margin:g} %"
    if guardrail.value in SHARES:
        return f"{100 * guardrail.margin:g} points"
    return f"{guardrail.margin:g}"


def table(rollout: Rollout, readings: Sequence[Reading]) -> list[TableRow]:
    """Return a row for each guardrail."""
    return [
        {
            "guardrail": line.name,
            "says": line.said,
            "difference": line.difference,
            "limits": line.limits,
            "tolerable": line.margin,
            "requests": line.requests,
            "users": line.units,
        }
        for line in lines(rollout, readings)
    ]


def shadow(rollout: Rollout, readings: Sequence[Reading]) -> list[TableRow]:
    """Return a row for each figure that is compared in pairs while nobody sees the candidate."""
    any_share = Guardrail(value="error", better="lower", margin=1)
    found = [
        _line(reading.name, rollout.params.guardrails.get(reading.name, any_share), reading)
        for reading in readings
    ]
    return [
        {
            "in shadow": line.name,
            "says": line.said,
            "difference": line.difference,
            "limits": line.limits,
            "pairs": line.requests,
        }
        for line in found
    ]


def moved(rollout: Rollout, entries: Sequence[Entry], at: int) -> str:
    """Say from where to where a move led."""
    entry = entries[at]
    here = stage_name(rollout.params.stages[entry.stage])
    before = 0 if at == 0 else weight_after(rollout, entries[at - 1])
    match entry.kind:
        case "start":
            return f"begun at {here}" if entry.status == "running" else "served at once"
        case "advance":
            return f"{stage_name(rollout.params.stages[entries[at - 1].stage])} → {here}"
        case "roll_back":
            return f"rolled back: {before / 100:g} % → 0 %"
        case "finish":
            return "promoted: 100 % for good"
        case "hold":
            return f"held at {here}"
        case "ask":
            return f"asks at {here}"
        case _:
            return f"goes on at {here}"


def moves(rollout: Rollout, entries: Sequence[Entry]) -> list[TableRow]:
    """Return a row for each move, the first first."""
    # Of a rollout that is over within an hour, minutes tell too little.
    quick = entries[-1].at - entries[0].at < datetime.timedelta(hours=1)
    return [
        {
            "when": moment(entry.at, seconds=quick and len(entries) > 1),
            "what": moved(rollout, entries, at),
            "who": entry.by,
            "why": entry.why,
        }
        for at, entry in enumerate(entries)
    ]


def over_time(rollout: Rollout, looks: Sequence[Look]) -> list[TableRow]:
    """Return a row for each look that said anything new: the limits of every guardrail."""
    rows: list[TableRow] = []
    before: dict[str, str] = {}
    for look in looks:
        found = list(lines(rollout, look.readings))
        limits = {line.name: line.limits for line in found}
        if limits != before and any(line.said != "no data" for line in found):
            rows.append({"limits as of": moment(look.at, seconds=True), **limits})
            before = limits
    return rows


def spent(rollout: Rollout, latest: Evidence) -> str:
    """Say how much was asked so far, and how much of it tells nothing."""
    nameless = counted(latest.nameless, "request")
    told = f" {nameless} came without a user or conversation id: no part of the analysis."
    return f"{_spent(rollout, latest)}{told if latest.nameless else ''}"


def _spent(rollout: Rollout, latest: Evidence) -> str:
    if rollout.weight == 0 and latest.spent == 0:
        pairs = counted(latest.paired, "prompt")
        return f"{pairs} of {rollout.params.shadow_requests:,} asked in shadow."
    return (
        f"{counted(latest.in_stage, 'request')} of the treatment in this stage; "
        f"{latest.spent:,} of {rollout.params.budget:,} requests of both sides spent."
    )
