"""The data of a run as people see it: the funnel, the mixture, what to look out for.

A view of artifacts alone, the same for the report page, for Prefect and for `tunesmith prepare`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith.artifacts import Examples, Mixture, Split
from tunesmith.data.funnel import Step, funnel
from tunesmith.data.surveys.drift import drift, seen_by_champion
from tunesmith.errors import MissingArtifact
from tunesmith.reporting.tables import TableRow, funnel_rows, text_table
from tunesmith.reporting.tracking import Champion
from tunesmith.store import Store


@dataclass(frozen=True)
class DataView:
    """What the data stages of one run left.

    `drift` compares the training set with the champion's, where there is one.
    """

    funnel: list[Step]
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
        split=parts,
        mixture=made,
        drift=_drift(store, made, parts, champion, mixture),
    )


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


def prepared_text(view: DataView, split: Split, mixture: Mixture) -> str:
    """Say what `tunesmith prepare` made: funnel, mixture, warnings, and where to look."""
    sides = view.split["sides"]
    order = ("train", "validation", "test")
    names = ", ".join(f"{sides[name]['rows']:,} {name}" for name in order)
    parts = [
        text_table(funnel_rows(view.funnel)),
        f"split: {names}",
        text_table(mixture_rows(view.mixture)),
        f"{view.mixture['rows']:,} rows and {view.mixture['tokens']['mixture']:,} tokens to "
        f"train on, {view.mixture['replay_share']:.0%} of the rows replay",
        "\n".join(f"warning: {text}" for text in view.warnings) or "no warnings",
        "\n".join(
            [
                f"tunesmith show {mixture.train.short}                 rows to train on",
                f"tunesmith show {split.short}                 the split",
                "tunesmith show DIGEST --dropped REASON     dropped rows of a stage",
            ]
        ),
    ]
    return "\n\n".join(parts)
