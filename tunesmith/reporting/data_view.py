"""The data of a run as people see it: the funnel, the mixture, what to look out for.

A view of artifacts alone, the same for the report page, for Prefect and for `tunesmith prepare`.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tunesmith.artifacts import Examples, Mixture, Split
from tunesmith.data.funnel import Step, funnel
from tunesmith.data.surveys.drift import drift, seen_by_champion
from tunesmith.errors import MissingArtifact
from tunesmith.reporting.tables import TableRow, text_table
from tunesmith.reporting.tracking import Champion
from tunesmith.store import Store
from tunesmith.wording import counted, share_of


class _Flags(msgspec.Struct):
    """What is read of a kept row."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataView:
    """What the data stages of one run left.

    `flags` counts the kept rows that checks found something in, the most frequent first. `drift`
    compares the training set with the champion's, where there is one.
    """

    funnel: list[Step]
    flags: dict[str, int]
    split: dict[str, Any]
    mixture: dict[str, Any]
    drift: dict[str, Any] | None

    @property
    def warnings(self) -> list[str]:
        """Everything that a person should know before training, split first."""
        changed = self.drift["warnings"] if self.drift else []
        return [*self.split["warnings"], *self.mixture["warnings"], *changed]


def data_view(
    store: Store,
    data: Mapping[str, Examples],
    split: Split,
    mixture: Mixture,
    champion: Champion | None,
) -> DataView:
    """Read the data's part of a run from the store.

    Raises:
        MissingArtifact: when an artifact of this run is missing or damaged.
    """
    made = store.json(mixture, "mixture.json")
    parts = store.json(split, "split.json")
    counts = {stage: store.manifest(ref)["counts"] for stage, ref in data.items()}
    counts["split"] = _together(store, split)
    return DataView(
        funnel=funnel(counts, made["tokens"]),
        flags=flagged(store, split),
        split=parts,
        mixture=made,
        drift=_drift(store, made, parts, champion, mixture),
    )


def flagged(store: Store, split: Split) -> dict[str, int]:
    """Count the rows of all sides by the checks that found something in them and kept them."""
    counts: Counter[str] = Counter()
    for side in (split.train, split.validation, split.test):
        for row in store.rows(side, _Flags):
            counts.update(row.flags)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _together(store: Store, split: Split) -> dict[str, Any]:
    """Return the counts of all sides as one stage's."""
    dropped: Counter[str] = Counter()
    sides = (split.train, split.validation, split.test)
    for side in sides:
        dropped.update(store.manifest(side)["counts"]["dropped"])
    return {"kept": sum(side.rows for side in sides), "dropped": dict(dropped)}


def _drift(
    store: Store,
    made: Mapping[str, Any],
    parts: Mapping[str, Any],
    champion: Champion | None,
    mixture: Mixture,
) -> dict[str, Any] | None:
    if champion is None or champion.mixture is None or champion.mixture.digest == mixture.digest:
        return None
    try:
        before = store.json(champion.mixture, "mixture.json")
    except MissingArtifact:  # of another store, or collected since: this run does not need it
        return None
    found = drift(made, before)
    trained = before["surveys"]["identities"]["sketch"]
    found["warnings"] += seen_by_champion(parts["sides"]["test"]["sketch"], trained)
    return found


def mixture_rows(mixture: Mapping[str, Any]) -> list[TableRow]:
    """Return what the training set is made of: a line for each file, the most tokens first."""
    whole = max(mixture["tokens"]["mixture"], 1)
    return [
        {
            "part": source["part"],
            "file": source["file"],
            "origin": source["origin"],
            "rows": source["copies"],
            "repeated": source["repeated"],
            "tokens": source["tokens"],
            "share": f"{source['tokens'] / whole:.1%}",
        }
        for source in mixture["sources"]
    ]


def prepared_text(view: DataView, mixture: Mixture, recipe: Path) -> str:
    """Say what `tunesmith prepare` made: what was dropped and flagged, and what to look out for.

    Args:
        view: The data of the run.
        mixture: The training set.
        recipe: Its recipe, as the person named it, for commands that can be pasted.
    """
    sides = view.split["sides"]
    sizes = ", ".join(f"{sides[name]['rows']:,} {name}" for name in ("train", "validation", "test"))
    rows, tokens = view.mixture["rows"], view.mixture["tokens"]["mixture"]
    replay = view.mixture["replay_share"]
    parts = [
        text_table(list(_outline(view))),
        f"The rows kept are split: {sizes}.\nThe training set: {counted(rows, 'row')}, "
        f"{counted(tokens, 'token')}, {f'{replay:.0%} of the rows' if replay else 'none of them'} "
        "replay.",
        text_table(mixture_rows(view.mixture)),
        _warned(view.warnings),
        _where_to_look(view, mixture, shlex.quote(str(recipe))),
    ]
    return "\n\n".join(parts)


def _outline(view: DataView) -> Iterator[TableRow]:
    """Yield what came in, each reason that drops or flags rows, and what is kept."""
    first, last = view.funnel[0], view.funnel[-1]

    def line(what: str, rows: int, tokens: int | None) -> TableRow:
        return {
            "": what,
            "rows": rows,
            "of all": share_of(rows, first.rows_in),
            "tokens": f"{tokens:,}" if tokens else "",
        }

    yield line("rows in", first.rows_in, first.tokens_in)
    for step in view.funnel:
        tokens = step.tokens_dropped or {}
        for reason, rows in sorted(step.dropped.items(), key=lambda item: (-item[1], item[0])):
            yield line(f"dropped by {step.stage}: {reason}", rows, tokens.get(reason))
    yield line("rows kept", last.kept, last.tokens_kept)
    for name, rows in view.flags.items():
        yield line(f"of them flagged: {name}", rows, None)


def _warned(warnings: list[str]) -> str:
    if not warnings:
        return "No warnings."
    return "\n".join([f"{counted(len(warnings), 'warning')}:", *(f"- {text}" for text in warnings)])


def _where_to_look(view: DataView, mixture: Mixture, recipe: str) -> str:
    """Return the commands that come next, with reasons that are in this data."""
    reasons = Counter[str]()
    for step in view.funnel:
        reasons.update(step.dropped)
    found = [*(name for name, _ in reasons.most_common(1)), *list(view.flags)[:1]]
    commands = [(f"tunesmith inspect {recipe}", "rows of each reason and flag")]
    commands += [(f"tunesmith inspect {recipe} {name} -n 20", f"20 of {name}") for name in found]
    commands += [
        (f"tunesmith inspect {recipe} --set KEY=VALUE", "what a change would do"),
        (f"tunesmith show {mixture.train.short}", "the training set"),
    ]
    width = max(len(command) for command, _ in commands)
    return "\n".join(["Look at it:", *(f"  {one:<{width}}  {what}" for one, what in commands)])
