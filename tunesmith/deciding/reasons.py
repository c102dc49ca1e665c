"""A criterion in words."""

from collections.abc import Mapping
from typing import Any

from tunesmith.deciding import bounds
from tunesmith.evaluation.metrics import spec

MOST_REASONS = 3
"""Reasons of missing verdicts that a line tells, the commonest first."""


def reason(item: Mapping[str, Any]) -> str:
    """Say in one line what a criterion compared, what it found, and what that means."""
    if item["against"] == bounds.BOUND:
        return bounds.reason(item)
    return _found(item) + _missing(item)


def _missing(item: Mapping[str, Any]) -> str:
    """Say how many pairs lack a verdict of the judge, and whether anything hangs on them."""
    if not item.get("missing"):
        return ""
    told = [f"{count} {why}" for why, count in item["missing_why"].items()]
    why = ", ".join([*told[:MOST_REASONS], *(["…"] if told[MOST_REASONS:] else [])])
    pairs = item["missing"] + item["n"]
    text = f"; {item['missing']} of {pairs} pairs are without a verdict of the judge ({why})"
    if item["settled_but_for_missing"] and item["answer"] != "yes":
        return f"{text}, and it hangs on these: the others alone would settle it"
    return text


def _nothing_to_lose(item: Mapping[str, Any]) -> str:
    """Say where nothing could have been lost, so that not to have lost it means nothing."""
    margin = item["rule"].removeprefix("not worse by ")
    if margin == item["rule"] or spec(item["metric"]).better != "higher" or item["low"] > 0:
        return ""
    if item["other"] > float(margin):
        return ""
    other = item["against"].replace("_", " ")
    return f"; but the {other} has nothing to lose there, so take a metric that it meets"


def _found(item: Mapping[str, Any]) -> str:
    other = item["against"].replace("_", " ")
    shown = "{:.0%}" if spec(item["metric"]).kind == "yes_no" else "{:.3g}"
    text = (
        f"{item['metric']} on {item['where']}: {shown.format(item['candidate'])} against "
        f"{shown.format(item['other'])} of the {other}, "
    )
    if item["method"].startswith("no interval"):
        return f"{text}n = {item['n']}: not settled, {item['method']}"
    change = "difference" if spec(item["metric"]).better == "higher" else "gain"
    text += (
        f"{change} {item['estimate']:+.2f} "
        f"[{item['low']:+.2f}, {item['high']:+.2f}] at {item['confidence']:.0%}, n = {item['n']}: "
    )
    if item["answer"] == "yes":
        return f"{text}{item['rule']}{_nothing_to_lose(item)}"
    if item["answer"] == "no":
        return text + "credibly worse"
    if not item["needed"]:
        return text + f"not credibly worse; that it is {item['rule']} is not settled"
    needed = item["examples_needed"]
    more = f"; about {max(needed - item['n'], 1)} more examples would settle it" if needed else ""
    return text + f"not settled whether {item['rule']}{more}"
