"""The story of one rollout for someone who was not there: a page, and the same in short.

The page is one self-contained file that runs no script and loads nothing. It shows no id of a
user, no text of a request and no salt.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tunesmith.reporting import rollout_drawings as drawings
from tunesmith.reporting import rollout_words as words
from tunesmith.reporting.drawings import Tick
from tunesmith.reporting.page import environment
from tunesmith.reporting.tables import escape, markdown_table
from tunesmith.rollout import past
from tunesmith.rollout.decision import Evidence
from tunesmith.rollout.ledger import Entry, Rollout
from tunesmith.rollout.past import Asked, Look, weight_after
from tunesmith.rollout.readings import Reading
from tunesmith.wording import counted, share_of

_TONES = {"done": "promote", "rolled_back": "reject", "held": "inconclusive",
          "asking": "inconclusive", "running": "unchanged"}  # fmt: skip
_ANSWERS = {"worse": "no", "not worse": "yes", "open": "not-settled", "no data": "plain"}


def markdown(
    rollout: Rollout,
    entries: Sequence[Entry],
    latest: Evidence | None = None,
    now: datetime.datetime | None = None,
    treated_after: float | None = None,
) -> str:
    """Return where a rollout stands, what its guardrails say and said, and its moves, in Markdown.

    Args:
        rollout: As it stands.
        entries: All of its moves.
        latest: What was seen last; None leaves it to the last move that has evidence.
        now: When it is written; this moment by default.
        treated_after: For how many seconds after a rollback the treatment was given requests.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    known = past.recorded(entries)
    readings = latest.readings if latest is not None else known[-1].readings if known else ()
    parts = [
        f"# {escape(rollout.recipe)}: {escape(words.title(rollout))}",
        escape(words.sentence(rollout, entries, latest, now)),
        words.aftermath(treated_after),
        markdown_table(words.table(rollout, readings)) if readings else "",
        escape(latest.ratio) if latest is not None else "",
        escape(words.spent(rollout, latest)) if latest is not None and rollout.open else "",
        markdown_table(words.shadow(rollout, _in_shadow(entries, latest))),
        markdown_table(words.moves(rollout, entries)),
        markdown_table(words.over_time(rollout, _seen(known, latest, now))),
    ]
    return "\n\n".join(part for part in parts if part)


def page(
    rollout: Rollout,
    entries: Sequence[Entry],
    latest: Evidence | None = None,
    looks: Sequence[Look] = (),
    asked: Sequence[Asked] = (),
    now: datetime.datetime | None = None,
    treated_after: float | None = None,
) -> str:
    """Return the page.

    Args:
        rollout: As it stands.
        entries: All of its moves.
        latest: What was seen last; None where nothing was, or it is over.
        looks: What was seen over time; the looks of the moves without.
        asked: Requests by stage and side; left out without.
        now: When it is written; this moment by default.
        treated_after: For how many seconds after a rollback the treatment was given requests.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    seen = _seen(looks or past.recorded(entries), latest, now)
    end = now if rollout.open else entries[-1].at
    along = drawings.times(entries[0].at, end)
    return (
        environment()
        .get_template("rollout.html")
        .render(
            rollout=rollout,
            params=rollout.params,
            tone=_TONES[rollout.position.status],
            title=words.title(rollout),
            sentence=words.sentence(rollout, entries, latest, now),
            aftermath=words.aftermath(treated_after),
            spent=words.spent(rollout, latest) if latest is not None and rollout.open else "",
            ratio="" if latest is None else latest.ratio,
            along=along,
            weights=drawings.weights(rollout, entries, along),
            moves=words.moves(rollout, entries),
            panels=_panels(rollout, entries, seen),
            how=words.HOW,
            shadow=words.shadow(rollout, _in_shadow(entries, latest)),
            sides=_sides(rollout, asked),
            set_=_set(rollout),
            written=words.moment(now),
        )
    )


def _seen(looks: Sequence[Look], latest: Evidence | None, now: datetime.datetime) -> Sequence[Look]:
    """Return the looks, the latest among them."""
    if latest is None or not latest.readings or (looks and looks[-1].at >= now):
        return looks
    return [*looks, Look(now, latest.readings)]


def _in_shadow(entries: Sequence[Entry], latest: Evidence | None) -> Sequence[Reading]:
    """Return what was read of pairs in shadow last."""
    if latest is not None and latest.shadow:
        return latest.shadow
    kept = [past.readings_of(entry.evidence, "shadow") for entry in entries]
    return next((found for found in reversed(kept) if found), ())


@dataclass(frozen=True)
class Panel:
    """A guardrail on the page; `band` is None where it never had a value."""

    line: words.Line
    tone: str
    band: drawings.Band | None
    x: Sequence[Tick]
    stages: Sequence[Tick]


def _panels(rollout: Rollout, entries: Sequence[Entry], looks: Sequence[Look]) -> list[Panel]:
    readings = looks[-1].readings if looks else ()
    told = list(words.lines(rollout, readings))
    # From the first user who was treated on: before that there is nothing to tell.
    begun = next((entry.at for entry in entries if weight_after(rollout, entry)), None)
    if begun is None or not looks:
        return [Panel(line, _ANSWERS[line.said], None, (), ()) for line in told]
    along = drawings.times(begun, looks[-1].at)
    shown = [look for look in looks if look.at >= begun]
    stages = drawings.stages(rollout, [item for item in entries if item.at < along.end], along)
    return [
        Panel(
            line,
            _ANSWERS[line.said],
            drawings.band(line.name, rollout.params.guardrails[line.name], shown, along),
            along.ticks,
            [mark for mark in stages if mark.at > 0],
        )
        for line in told
    ]


@dataclass(frozen=True)
class Side:
    """A live stage's requests, as the page's table shows them."""

    stage: str
    requests: str
    users: str
    share: str
    covered: str


def _sides(rollout: Rollout, asked: Sequence[Asked]) -> list[Side]:
    by: Mapping[tuple[int, bool], Asked] = {(item.stage, item.treated): item for item in asked}
    rows = []
    for at, stage in enumerate(rollout.params.stages):
        nobody = Asked(at, False, 0, 0, 0)
        old, new = by.get((at, False), nobody), by.get((at, True), nobody)
        if stage == "shadow" or not old.requests + new.requests:
            continue
        rows.append(
            Side(
                stage=words.stage_name(stage),
                requests=f"{new.requests:,}, {old.requests:,}",
                users=f"{new.units:,}, {old.units:,}",
                share=share_of(new.units, new.units + old.units),
                covered=f"{new.covered:,}",
            )
        )
    return rows


def _set(rollout: Rollout) -> dict[str, str]:
    """Return what the recipe asked for."""
    params = rollout.params
    stages = ", ".join(words.stage_name(stage) for stage in params.stages)
    hours = f"{params.first_hours:g} h in the first live stage, {params.hours:g} h in later ones"
    least = counted(params.minimum_requests, "request")
    return {
        "rollout": rollout.id,
        "candidate": f"{rollout.treatment.model}, version {rollout.treatment.version}",
        "compared with": f"{rollout.control.model}, version {rollout.control.version}",
        "stages": stages,
        "least time": hours,
        "least requests": f"{least} of the treatment in each live stage",
        "must be shown not to be worse": f"before {params.sure_from} %",
        "budget": f"{counted(params.budget, 'request')} of both sides; if something is open "
        f"then: {params.unsettled.replace('_', ' ')}",
        "error": f"{params.alpha:.0%} of rolling an equal candidate back, over all guardrails and "
        "looks",
        "circuit breaker": f"more than {params.breaker.errors:.0%} errors among the last "
        f"{params.breaker.of} requests of the treatment",
        "way back": f"{params.rollback_window_days:g} days after 100 %",
    }
