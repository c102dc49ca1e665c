"""Bounds on what serving takes: the seconds of one request, and the money of a thousand answers.

They are criteria as the comparisons are, but against a number of the recipe. A difference is what
is left to the bound, so that more is better there too.

The seconds hold for the machine on which they were measured, which each of these criteria names.
What tokens cost is in the recipe, for a model behind an endpoint and for one's own servers alike.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from tunesmith.evaluation.endpoint.params import Prices
from tunesmith.records import Prediction
from tunesmith.stage import Params
from tunesmith.wording import counted

if TYPE_CHECKING:
    from tunesmith.statistics import Interval
    from tunesmith.statistics.quantiles import Quantile

BOUND = "bound"
"""What stands in the place of the other model."""
THOUSAND = 1_000
_SEED = 0
"""Of the resampling, so that the same answers give the same verdict."""


class LatencyBound(Params):
    """How long one request may take that is asked alone."""

    seconds: float = Field(gt=0, description="Longest time in which that share is answered.")
    share: float = Field(
        0.95, gt=0, lt=1, description="Share of requests that must be answered in this time."
    )
    prompts: int = Field(
        100, ge=1, description="Test prompts that are asked, one of a group, chosen by hash."
    )


class CostBound(Params):
    """What answers may cost."""

    per_thousand: float = Field(gt=0, description="Most that a thousand answers may cost.")
    prices: Prices = Field(description="What tokens cost where the model will be served.")


def unsettling(bound: LatencyBound, prompts: int, alpha: float) -> str:
    """Say why so few prompts can never show that the bound is kept; empty if they can."""
    from tunesmith.statistics.quantiles import fewest

    needed = fewest(bound.share, alpha)
    if prompts >= needed:
        return ""
    return (
        f"{counted(prompts, 'prompt')} cannot show at alpha {alpha:g} that "
        f"{_percent(bound.share)} of requests are quick enough, not even if all are; expected at "
        f"least {needed}"
    )


def latency(
    bound: LatencyBound, seconds: Sequence[float], machine: Mapping[str, Any], alpha: float
) -> dict[str, Any]:
    """Hold the seconds of independent requests to the bound, by an exact test of their quantile.

    Args:
        bound: What is asked.
        seconds: Of each request.
        machine: Facts about where they were measured.
        alpha: One-sided error.
    """
    from tunesmith.statistics.quantiles import fewest, quantile

    found = quantile(seconds, bound.share)
    interval = found.interval(1 - 2 * alpha)
    longest = max(bound.seconds, *seconds)
    enough = math.isfinite(interval.high)
    p_pass = found.p_within(bound.seconds)
    needed = None if p_pass <= alpha else found.needed(bound.seconds, alpha)
    gap = found.smallest_gap(alpha)
    return {
        **_asked("latency", f"within {bound.seconds:g} s in {_percent(bound.share)} of requests"),
        "candidate": found.estimate,
        "other": bound.seconds,
        "unit": "s",
        "found": f"{_quantile(found, interval)}, {bound.seconds:g} s allowed, {_where(machine)}",
        "n": found.n,
        "groups": found.n,
        "discordant": found.over(bound.seconds),
        "estimate": bound.seconds - found.estimate,
        # Without a limit, as far as anything that was seen.
        "low": bound.seconds - interval.high if enough else -longest,
        "high": bound.seconds - max(interval.low, 0.0),
        "confidence": interval.confidence,
        "method": interval.method
        if enough
        else f"no upper limit: {found.n} requests, expected {fewest(bound.share, alpha)} or more",
        "smallest_effect": longest if gap is None else gap,
        "p_pass": p_pass,
        "p_worse": found.p_beyond(bound.seconds),
        "examples_needed": needed,
        "machine": dict(machine),
    }


def cost(bound: CostBound, answers: Sequence[Prediction], alpha: float) -> dict[str, Any]:
    """Hold the mean cost of answers to the bound, by the tokens that they took."""
    prices = bound.prices
    paid = [
        (row.prompt_tokens * prices.input + row.completion_tokens * prices.output)
        * (THOUSAND / 1e6)
        for row in answers
    ]
    groups = [row.group_id for row in answers]
    mean = math.fsum(paid) / len(paid)
    allowed = f"{bound.per_thousand:g} {prices.currency}"
    left = _left(bound.per_thousand, paid, groups, alpha)
    limits = ""
    if not left["method"].startswith("no "):
        ends = (max(bound.per_thousand - left[name], 0.0) for name in ("high", "low"))
        limits = " [{:.3g}, {:.3g}]".format(*ends)
    return {
        **_asked("cost", f"within {allowed} for a thousand answers"),
        "candidate": mean,
        "other": bound.per_thousand,
        "unit": prices.currency,
        "found": f"{mean:.3g} {prices.currency} for a thousand answers{limits}, {allowed} allowed",
        "n": len(paid),
        "groups": len(set(groups)),
        "discordant": sum(value > bound.per_thousand for value in paid),
        "estimate": bound.per_thousand - mean,
        "confidence": 1 - 2 * alpha,
        **left,
    }


def _left(
    allowed: float, paid: Sequence[float], groups: Sequence[str], alpha: float
) -> dict[str, Any]:
    """Compare what is allowed with what was paid, as two models are compared."""
    from tunesmith.statistics.intervals import TooFewPairs
    from tunesmith.statistics.means import compare_means

    reach = max(allowed, *paid)
    # In a unit in which nobody takes it for a share: what an answer may cost has no known limit.
    unit = reach / THOUSAND
    ours, theirs = [allowed / unit] * len(paid), [value / unit for value in paid]
    try:
        compared = compare_means(ours, theirs, groups, seed=_SEED)
    except TooFewPairs as error:
        return {
            "low": -reach,
            "high": reach,
            "method": f"no interval: {error}",
            "smallest_effect": reach,
            "p_pass": 1.0,
            "p_worse": 1.0,
            "examples_needed": None,
        }
    interval = compared.interval(1 - 2 * alpha)
    p_pass = compared.p_above(0.0)
    return {
        "low": interval.low * unit,
        "high": interval.high * unit,
        "method": interval.method,
        "smallest_effect": compared.smallest_effect(alpha) * unit,
        "p_pass": p_pass,
        "p_worse": compared.p_below(0.0),
        "examples_needed": None if p_pass <= alpha else compared.pairs_needed(0.0, alpha),
    }


def _asked(metric: str, rule: str) -> dict[str, Any]:
    return {
        "metric": metric,
        "kind": "number",
        "against": BOUND,
        "where": "test",
        "rule": rule,
        "needed": True,
    }


def _quantile(found: "Quantile", interval: "Interval") -> str:
    high = f"{interval.high:.3g}" if math.isfinite(interval.high) else "no limit"
    return (
        f"{_percent(found.share)} of requests answered in {found.estimate:.3g} s "
        f"[{max(interval.low, 0.0):.3g}, {high}]"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def _where(machine: Mapping[str, Any]) -> str:
    return (
        f"on {machine['host']} ({machine['form']} model in {machine['runtime']} on "
        f"{machine['device']}, {machine['precision']}, {counted(machine['threads'], 'thread')}, "
        f"load {machine['load']:g})"
    )


def reason(item: Mapping[str, Any]) -> str:
    """Say in one line what was measured, what is allowed, and what that means."""
    text = f"{item['metric']} on {item['where']}: {item['found']}, n = {item['n']}: "
    if item["answer"] == "yes":
        return f"{text}{item['rule']}"
    if item["answer"] == "no":
        return f"{text}credibly not {item['rule']}"
    text += f"not settled whether {item['rule']}"
    if item["method"].startswith("no "):
        text += f" ({item['method']})"
    needed = item["examples_needed"]
    return f"{text}; about {max(needed - item['n'], 1)} more would settle it" if needed else text
