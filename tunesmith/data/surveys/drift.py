"""Drift of a data set against the last one trained on: from the two accounts alone.

Lengths are compared by the population stability index over bins of powers of two, with the usual
limit of 0.2 (Siddiqi, "Credit Risk Scorecards", 2006) raised by what the index is expected to be
without any change, (bins - 1) (1/n + 1/m) (Yurdakul and Naranjo, "Statistical Properties of the
Population Stability Index", 2020). Labels are compared by total variation. Neither sees a topic
that changes at equal lengths: for that, `split` measures the distance to production.
"""

import math
from collections.abc import Mapping
from typing import Any

from tunesmith.data.surveys import per_cent
from tunesmith.data.surveys.identities import share_in

UNSTABLE = 0.2
LABEL_SHIFT = 0.1
COLUMN = 0.01
"""Share of rows with a column under which it is not missed."""
GONE = 0.2
"""Share of the last rows that may be gone before a person should know why."""


def drift(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the account of a training set with that of the last one.

    Args:
        now: The document of a mixture.
        before: The document of the mixture that was last trained on.

    Returns:
        `figures`, and `warnings` in one sentence each.
    """
    new, old = now["surveys"], before["surveys"]
    figures: dict[str, Any] = {"rows": {"now": now["rows"], "before": before["rows"]}}
    told: list[str] = []
    for part in ("prompt", "answer"):
        index, expected = stability(
            new["lengths"][part].get("bins", {}), old["lengths"][part].get("bins", {})
        )
        figures[f"{part}_length_stability"] = round(index, 4)
        if index > UNSTABLE + expected:
            told.append(
                f"lengths of the {part}s have changed since the last training set (stability "
                f"index {index:.2f}): a median of {_median(old, part)} tokens then, "
                f"{_median(new, part)} now"
            )
    told += _columns(new["schema"], old["schema"], figures)
    told += _labels(new["labels"], old["labels"], figures)
    told += _overlap(new["identities"]["sketch"], old["identities"]["sketch"], figures)
    return {"figures": figures, "warnings": told}


def seen_by_champion(test: list[str], trained: list[str]) -> list[str]:
    """Warn when rows of the test side were in the last training set, from the two sketches."""
    share = share_in(test, trained)
    if not share:
        return []
    return [
        f"about {per_cent(share)} of the test rows were in the champion's training set, so it "
        "looks better than it is. Were split.salt, split.stratify or ingest.group_by changed, or "
        "earlier rows taken out?"
    ]


def stability(now: Mapping[str, int], before: Mapping[str, int]) -> tuple[float, float]:
    """Return the population stability index of two histograms, and the one expected of chance.

    Half a row is added to each bin, so that an empty one gives no infinity.
    """
    bins = now.keys() | before.keys()
    rows, others = sum(now.values()), sum(before.values())
    if not rows or not others:
        return 0.0, 0.0
    total = 0.0
    for name in sorted(bins):
        share = (now.get(name, 0) + 0.5) / (rows + 0.5 * len(bins))
        other = (before.get(name, 0) + 0.5) / (others + 0.5 * len(bins))
        total += (share - other) * math.log(share / other)
    return total, (len(bins) - 1) * (1 / rows + 1 / others)


def _median(surveys: Mapping[str, Any], part: str) -> Any:
    return surveys["lengths"][part].get("median", 0)


def _columns(new: Mapping[str, Any], old: Mapping[str, Any], figures: dict[str, Any]) -> list[str]:
    told = []
    for what, noun in (("columns", "extra key"), ("type", "type of row"), ("origin", "origin")):
        came, went = _only(new[what], old[what]), _only(old[what], new[what])
        figures[f"{what}_new"], figures[f"{what}_gone"] = came, went
        for names, verb in ((came, "is new"), (went, "is gone")):
            told += [f"{noun} {name!r} {verb} since the last training set" for name in names[:10]]
    return told


def _only(here: Mapping[str, float], there: Mapping[str, float]) -> list[str]:
    return sorted(name for name in here.keys() - there.keys() if here[name] >= COLUMN)


def _labels(new: Mapping[str, Any], old: Mapping[str, Any], figures: dict[str, Any]) -> list[str]:
    if not new or not old:
        return ["the rows had labels before, and have none now"] if old else []
    names = sorted(new["shares"].keys() | old["shares"].keys())
    apart = sum(abs(new["shares"].get(n, 0) - old["shares"].get(n, 0)) for n in names) / 2
    figures["label_shift"] = round(apart, 4)
    told = []
    if apart > LABEL_SHIFT:
        told.append(
            f"labels have shifted since the last training set: {per_cent(apart)} of the rows would "
            "have to change theirs"
        )
    if new["classes"] != old["classes"]:
        told.append(f"{new['classes']} classes now, {old['classes']} in the last training set")
    return told


def _overlap(new: list[str], old: list[str], figures: dict[str, Any]) -> list[str]:
    known, kept = share_in(new, old), share_in(old, new)
    if known is None or kept is None:
        return []
    figures["share_trained_on_before"] = round(known, 3)
    figures["share_of_last_kept"] = round(kept, 3)
    if kept < 0.005:
        return ["hardly any row of the last training set is still there"]
    if 1 - kept > GONE:
        return [
            f"about {per_cent(1 - kept)} of the rows of the last training set are no longer there"
        ]
    return []
