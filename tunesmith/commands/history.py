"""A model over the years: one golden score for each version, with its interval, and its looks.

Each score is what the version got on the golden set before it was registered, of that version
alone. Whether one is better than another was decided when it was promoted, on paired answers.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tunesmith import retrains
from tunesmith.errors import InputError
from tunesmith.replacing import write_out
from tunesmith.reporting.history_plot import Point, history_png
from tunesmith.reporting.looks import told, wear_of
from tunesmith.reporting.tables import TableRow, text_table
from tunesmith.reporting.tracking import Version
from tunesmith.settings import Settings

NOT_KEPT = "not kept"
_MOST_NAMED = 6
"""Digits of a golden set's digest."""


@dataclass(frozen=True)
class Golden:
    """One version's golden score.

    Attributes:
        version: Number of the version.
        release: What people call it.
        at: When it was registered.
        promoted: By the gate (promote) or by a person (override).
        metric: Name of the metric.
        rate: Whether the value is a share of yes.
        value: The estimate; None where the metric applied to no example.
        low: Lower limit of the interval; None without one, as is `high`.
        confidence: Two-sided coverage, 0 to 1.
        n: Golden examples that it rests on.
        examples: Digest of the golden set.
        measured_by: Stage and version that measured it.
    """

    version: str
    release: str
    at: datetime.datetime
    promoted: str
    metric: str
    rate: bool
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    n: int
    examples: str
    measured_by: str

    @property
    def series(self) -> tuple[str, str, str]:
        """What must be the same for two scores to be compared."""
        return self.metric, self.examples, self.measured_by

    @property
    def text(self) -> str:
        """The estimate, with its interval in brackets where there is one."""
        if self.value is None:
            return "–"
        if self.low is None or self.high is None:
            return self._shown(self.value)
        return f"{self._shown(self.value)} [{self._shown(self.low)}, {self._shown(self.high)}]"

    def _shown(self, value: float) -> str:
        return f"{value:.0%}" if self.rate else f"{value:.3g}"


def history(name: str, settings: Settings, out: Path | None) -> str:
    """Return the table of a model's versions, and write the plot beside the reports.

    Args:
        name: The recipe's name, which is the model's.
        settings: Where registry and store are.
        out: The PNG file to write; None for HOME/reports/NAME-history.png.

    Raises:
        InputError: when no version of such a model is registered.
    """
    tracker = retrains.open_tracker(settings)
    versions = tracker.versions(name)
    if not versions:
        raise InputError(
            f"{name}: no version of a model of this name is registered in {tracker.url}; expected "
            "the `name` of a recipe that has promoted one"
        )
    serving = tracker.serving(name)
    scores = [score for version in versions if (score := golden_score(version)) is not None]
    lines = [text_table([_row(version, scores, serving) for version in versions])]
    lines += ["", *_notes(scores)]
    sets = dict.fromkeys(score.examples for score in scores)
    wears = wear_of(settings.store(), {f"golden {_short(digest)}": digest for digest in sets})
    lines += [told(what, wear) for what, wear in wears.items()]
    if scores:
        path = out or settings.home.absolute() / "reports" / f"{name}-history.png"
        write_out(path, history_png(_points(scores, serving)))
        lines.append(f"plot: {path}")
    return "\n".join(lines)


def golden_score(version: Version) -> Golden | None:
    """Read a version's golden score from its tags; None where none was kept."""
    kept = version.tags.get("golden_score")
    if kept is None:
        return None
    score = json.loads(kept)
    return Golden(
        version=version.version,
        release=version.tags.get("release", ""),
        at=version.created,
        promoted=version.tags.get("promoted", ""),
        metric=score["metric"],
        rate=score["kind"] == "rate",
        value=score["value"],
        low=score["low"],
        high=score["high"],
        confidence=score["confidence"],
        n=score["n"],
        examples=score["set"],
        measured_by=score["measured_by"],
    )


def _row(version: Version, scores: Sequence[Golden], serving: str | None) -> TableRow:
    score = next((item for item in scores if item.version == version.version), None)
    return {
        "version": version.version,
        "name": version.tags.get("release", "") or NOT_KEPT,
        "registered": f"{version.created:%Y-%m-%d}",
        "promoted by": {"promote": "gate", "override": "a person"}.get(
            version.tags.get("promoted", ""), NOT_KEPT
        ),
        "golden set": _short(score.examples) if score else NOT_KEPT,
        "n": str(score.n) if score else "",
        "metric": score.metric.replace("_", " ") if score else "",
        "golden score": score.text if score else NOT_KEPT,
        "": "champion" if version.version == serving else "",
    }


def _notes(scores: Sequence[Golden]) -> list[str]:
    """Say what the brackets are, and which scores cannot be compared."""
    if not scores:
        return []
    lines = [f"In brackets: {scores[0].confidence:.0%} interval, of each version alone."]
    for old, new in pairwise(scores):
        if old.series != new.series:
            changed = ", ".join(_changes(old, new))
            lines.append(
                f"Versions up to {old.version} and from {new.version} on cannot be compared: "
                f"{changed} changed."
            )
    return lines


def _changes(old: Golden, new: Golden) -> list[str]:
    names: Mapping[str, bool] = {
        "the metric": old.metric != new.metric,
        "the golden set": old.examples != new.examples,
        "how it is measured": old.measured_by != new.measured_by,
    }
    return [name for name, changed in names.items() if changed]


def _points(scores: Sequence[Golden], serving: str | None) -> list[Point]:
    series = list(dict.fromkeys(score.series for score in scores))
    return [
        Point(
            version=score.version,
            at=score.at,
            value=score.value,
            rate=score.rate,
            low=score.low,
            high=score.high,
            series=series.index(score.series),
            named=(
                f"{score.metric.replace('_', ' ')}, golden set {_short(score.examples)}, "
                f"{score.measured_by}"
            ),
            champion=score.version == serving,
            override=score.promoted == "override",
        )
        for score in scores
        if score.value is not None
    ]


def _short(digest: str) -> str:
    return digest[:_MOST_NAMED]
