"""What Prefect's UI shows: a page for each stage, and the retrain's tables and pictures."""

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunesmith.observe import Built
from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.reporting.advice_view import advice_markdown
from tunesmith.reporting.before_after import as_rows
from tunesmith.reporting.report import pictures, see
from tunesmith.reporting.tables import (
    TableRow,
    escape,
    fact,
    flat_facts,
    funnel_rows,
    markdown_table,
    seconds,
)
from tunesmith.reporting.tracking import Registered
from tunesmith.reporting.verdict import verdict_markdown
from tunesmith.store import Store
from tunesmith.wording import share_of

if TYPE_CHECKING:
    from tunesmith.pipeline import Started


def stage_markdown(built: Built) -> str:
    """Return one stage's page in Markdown: what it made, from how many rows, how, and where."""
    record = built.record
    found = "found in the store" if built.hit else f"built in {seconds(record['timings']['total'])}"
    parts = [
        f"## {escape(built.label)}",
        f"**{escape(built.ref.kind)}** `{built.ref.short}`, {found}.",
        _rows(built),
        _warnings(built),
        _facts(built),
        f"Look closer: `tunesmith show {built.ref.short}`",
    ]
    return "\n\n".join(part for part in parts if part)


def _rows(built: Built) -> str:
    counts = built.record["counts"]
    if not counts["rows_in"]:
        return ""
    dropped = sorted(counts["dropped"].items(), key=lambda item: (-item[1], item[0]))
    lines = [("came in", counts["rows_in"])]
    lines += [(f"dropped: {reason}", count) for reason, count in dropped]
    lines.append(("kept", counts["kept"]))
    lines += [(f"of them flagged: {name}", count) for name, count in _flags(built)]
    table: list[TableRow] = [
        {"rows": name, "count": count, "share": share_of(count, counts["rows_in"])}
        for name, count in lines
    ]
    shown = markdown_table(table)
    if dropped:
        shown += f"\n\nSee what was dropped: `tunesmith show {built.ref.short} --dropped all`"
    return shown


def _flags(built: Built) -> list[tuple[str, int]]:
    """Return how many kept rows a stage flagged, the most frequent flag first."""
    flags: dict[str, int] = built.record.get("notes", {}).get("flags", {})
    return sorted(flags.items(), key=lambda item: (-item[1], item[0]))


def _warnings(built: Built) -> str:
    """What the stage found that a person should know; it quotes no row."""
    return "\n".join(f"- **warning** {escape(text)}" for text in _told(built))


def _told(built: Built) -> list[str]:
    told = built.record.get("notes", {}).get("warnings", [])
    return [text for text in told if isinstance(text, str)]


def _facts(built: Built) -> str:
    """Facts of the reference, notes and timings of the build, and where it ran."""
    record = built.record
    facts: dict[str, str] = {
        name: fact(name, value)
        for name, value in built.ref.model_dump(exclude={"kind", "digest"}).items()
        if isinstance(value, int | str)
    }
    notes = record.get("notes", {})
    facts |= flat_facts({name: value for name, value in notes.items() if name != "flags"})
    facts |= {
        f"time: {name}": seconds(value)
        for name, value in record["timings"].items()
        if isinstance(value, int | float)
    }
    facts |= {
        name: fact(name, record.get(name)) for name in ("created", "device", "host", "commit")
    }
    return markdown_table([{"fact": name, "value": value} for name, value in facts.items()])


@dataclass(frozen=True)
class RetrainPages:
    """What the end of a retrain shows: Markdown, tables, and pictures as `data:` addresses."""

    verdict: str
    advice: str
    before_after: list[TableRow]
    funnel: list[TableRow]
    images: dict[str, str]


def retrain_pages(
    recipe: Recipe,
    store: Store,
    started: "Started",
    result: Result,
    registered: Registered | None,
) -> RetrainPages:
    """Return the verdict's page, the tables and the pictures of a retrain.

    Raises:
        MissingArtifact: when an artifact that they speak of is missing or damaged.
    """
    seen = see(store, started, result)
    return RetrainPages(
        verdict=verdict_markdown(recipe.task, seen.document, started.champion, registered),
        advice=advice_markdown(seen.advice),
        before_after=as_rows(seen.figures),
        funnel=funnel_rows(seen.data.funnel),
        images={
            name.removesuffix(".png"): f"data:image/png;base64,{base64.b64encode(png).decode()}"
            for name, png in pictures(seen).items()
        },
    )
