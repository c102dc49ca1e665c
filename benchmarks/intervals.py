"""How often three ways of comparing two models mislead, and how often they see what is there.

Two models answer the same `n` questions, each right or wrong. Ours (`compare_binary`) is compared,
on the same draws, with two ways that are common in evaluation scripts: a percentile bootstrap of
the paired differences, and a z-test of the two rates as though the answers weren't paired. Each
decides at a one-sided 5 %.

false: how often a candidate that is worse by exactly the margin of 0.05 is taken for not worse; a
valid method errs in at most 5 % of cases. power: how often a candidate as good as the control is
taken for not worse. false better, better: the same for a candidate that is equal, and for one
that is better by 0.05, of being taken for better. The differing answers' share is stated, or the
least that such a difference takes. With 2,000 draws (10,000 in full) a true 5 % comes out as 4 to
6 % (4.5 to 5.5 %).

Run: python benchmarks/intervals.py [--quick]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tunesmith.statistics import BinaryComparison

ALPHA, MARGIN, EFFECT = 0.05, 0.05, 0.05
Decide = Callable[[int, int, int, float], bool]
QUESTIONS = {  # name: (true difference, bound to be shown)
    "false": (-MARGIN, -MARGIN),
    "power": (0.0, -MARGIN),
    "false better": (0.0, 0.0),
    "better": (EFFECT, 0.0),
}


@cache
def known(n: int, bound: float) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Wins and losses already decided: those that show a difference above the bound, and not."""
    return [], []


@cache
def ours(wins: int, losses: int, n: int, bound: float) -> bool:
    # What shows it still does with more wins or fewer losses, so most tables need no computing.
    shown, not_shown = known(n, bound)
    if any(w <= wins and c >= losses for w, c in shown):
        return True
    if any(w >= wins and c <= losses for w, c in not_shown):
        return False
    claim = BinaryComparison(n, n, wins, losses).p_above(bound) <= ALPHA
    (shown if claim else not_shown).append((wins, losses))
    return claim


@cache
def percentile_bootstrap(wins: int, losses: int, n: int, bound: float) -> bool:
    generator = np.random.default_rng([wins, losses, n])
    drawn = generator.multinomial(n, [wins / n, losses / n, 1 - (wins + losses) / n], size=1000)
    return float(np.quantile((drawn[:, 0] - drawn[:, 1]) / n, ALPHA)) > bound


@cache
def unpaired_z(wins: int, losses: int, n: int, bound: float) -> bool:
    # The z-test also needs the rates themselves: the control's is taken to be 0.8.
    control = 0.8
    treated = min(1.0, control + (wins - losses) / n)
    error = ((treated * (1 - treated) + control * (1 - control)) / n) ** 0.5
    return bool((wins - losses) / n - statistics.NormalDist().inv_cdf(1 - ALPHA) * error > bound)


METHODS: dict[str, Decide] = {
    "ours": ours,
    "percentile bootstrap": percentile_bootstrap,
    "unpaired z": unpaired_z,
}


def rate(decide: Decide, draws: NDArray[np.int64], n: int, bound: float) -> float:
    """Share of the draws in which the method claims a difference above the bound."""
    tables, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    return float(
        sum(
            count * decide(wins, losses, n, bound)
            for (wins, losses), count in zip(tables.tolist(), times.tolist(), strict=True)
        )
        / len(draws)
    )


def measure(pairs: list[int], discordances: list[float], samples: int) -> dict[str, float]:
    figures: dict[str, float] = {}
    header = " ".join(f"{question:>14}" for question in QUESTIONS)
    print(f"{'n':>5} {'differing':>9}  {'method':<21}{header}")
    for n in pairs:
        for discordance in discordances:
            rows: dict[str, list[float]] = {name: [] for name in METHODS}
            for number, (true, bound) in enumerate(QUESTIONS.values()):
                share = max(discordance, abs(true))
                rates = [(share + true) / 2, (share - true) / 2, 1 - share]
                generator = np.random.default_rng([n, int(100 * discordance), number])
                draws = generator.multinomial(n, rates, size=samples)
                for name, decide in METHODS.items():
                    rows[name].append(rate(decide, draws, n, bound))
            for name, values in rows.items():
                cells = " ".join(f"{value:14.3f}" for value in values)
                print(f"{n:>5} {discordance:>9.0%}  {name:<21}{cells}", flush=True)
                for question, value in zip(QUESTIONS, values, strict=True):
                    key = f"{name}.{question}.n{n}.d{discordance:.2f}".replace(" ", "_")
                    figures[key] = round(value, 4)
    return figures


def worst(figures: dict[str, float]) -> dict[str, float]:
    """Each method's worst false rate of either kind, over all settings."""
    return {
        f"{name.replace(' ', '_')}.worst_false": max(
            value
            for key, value in figures.items()
            if key.startswith(f"{name.replace(' ', '_')}.false")
        )
        for name in METHODS
    }


def time_one(n: int) -> float:
    """Median milliseconds of five fresh intervals at `n` pairs with a tenth of them differing."""

    def once(shift: int) -> float:
        start = time.perf_counter()
        BinaryComparison(n, n, n // 16 + shift, n // 32).interval(0.9)
        return 1000 * (time.perf_counter() - start)

    return statistics.median(map(once, range(5)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer settings; under a minute")
    quick = parser.parse_args().quick
    pairs = [30, 60, 100, 200] if quick else [30, 60, 100, 200, 1000]
    discordances = [0.0, 0.05, 0.2] if quick else [0.0, 0.02, 0.05, 0.1, 0.2]
    figures = measure(pairs, discordances, samples=2000 if quick else 10_000)
    summary = worst(figures)
    for key, value in summary.items():
        print(f"{key}: {value:.3f}")
    milliseconds = {f"ours.interval_ms.n{n}": round(time_one(n), 1) for n in (60, 200, 1000)}
    print(json.dumps({"name": "intervals", "figures": summary | milliseconds | figures}))


if __name__ == "__main__":
    main()
