"""How often the gate promotes what it should not, and how often what it should.

Two models answer the same `n` examples. `false_promotion` is the worst chance, over all settings,
that a candidate at the edge of the hypothesis is promoted: one worse by exactly the margin of 0.05
taken for not worse (`worse`), or an equal one taken for better (`equal`). It ought to be at most
0.05, the gate's alpha. `power` is the chance to promote a candidate that deserves it: an equal one
as not worse, or one better by 0.05 as better; `power_unpaired` is that of a z-test of the two rates
that ignores the pairing, on as many examples, and `power_least_gain` the least that we are ahead of
it. Both powers are means over all settings, of which some are printed one by one.

Yes/no metrics: the gate's outcomes are a table of wins and losses, so its chances are summed
exactly, with no drawing, over 0 to 20 % of differing answers in steps of 1 % (or the least that
such a difference takes). `decide_agrees` is the share of tables on both sides of the border for
which `decide` itself says what the sums assumed. The z-test is drawn, with a control that is right
in 80 % of cases; so is a percentile bootstrap of the pairs, which evaluation scripts often use
(`false_promotion_percentile`).

Metrics on a scale (`false_promotion_scale`): drawn, with the gate's own resampling done for many
sets of scores at once (`decide_agrees_scale` checks some against `decide`), for up to 20 % and for
100 % of differing values. How often they err depends on the shape of the differences: `even`,
`rare harm` (most change a little for the better, few are ruined) or `rare gain`. Too few pairs, or
too few that differ, are refused and never promote. The worst of so many draws lies above the truth:
`false_promotion_scale_low` is its lower 99 % limit, corrected for the number of settings. Above
0.05 it says that the excess is no chance.

    python benchmarks/gate.py [--quick]
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tunesmith.records import Score
from tunesmith.stages.gate import GateParams, decide
from tunesmith.statistics import BinaryComparison
from tunesmith.statistics.means import _CELLS_AT_ONCE, FEWEST_CLUSTERS, FEWEST_PAIRS, RESAMPLES

Floats = NDArray[np.float64]

ALPHA, MARGIN, EFFECT, CONTROL = 0.05, 0.05, 0.05, 0.8
MOST = 0.20
"""Largest share of differing answers that is asked about."""


class Question(NamedTuple):
    """What is true, and the bound that the gate must see it above."""

    true: float
    bound: float


FALSE = {"worse": Question(-MARGIN, -MARGIN), "equal": Question(0.0, 0.0)}
POWER = {"not_worse": Question(0.0, -MARGIN), "better": Question(EFFECT, 0.0)}


# Yes/no metrics, exactly.


@cache
def fewest_wins(n: int, bound: float) -> NDArray[np.int64]:
    """For each number of losses, the fewest wins that pass; n + 1 where none does.

    More wins never hurt and more losses never help, so one walk along the border finds all. It ends
    where more losses come with a chance of less than 1e-12.
    """
    rate = (MOST + MARGIN) / 2
    last = min(n, int(n * rate + 8 * (n * rate) ** 0.5 + 20))
    needed, wins = np.full(n + 1, n + 1), 0
    for losses in range(last + 1):
        while wins + losses <= n and not passes(wins, losses, n, bound):
            wins += 1
        needed[losses] = wins if wins + losses <= n else n + 1
    return needed


def passes(wins: int, losses: int, n: int, bound: float) -> bool:
    return BinaryComparison(n, n, wins, losses).p_above(bound) <= ALPHA


def chance(n: int, question: Question, discordance: float) -> float:
    """Chance that the gate sees the difference above the bound."""
    share = max(discordance, abs(question.true))
    win_rate, loss_rate = (share + question.true) / 2, (share - question.true) / 2
    losses, needed = np.arange(n + 1), fewest_wins(n, question.bound)
    enough = stats.binom.sf(needed - 1, n - losses, win_rate / (1 - loss_rate))
    return float((stats.binom.pmf(losses, n, loss_rate) * enough).sum())


# What others do on the same examples, drawn.


def unpaired(n: int, question: Question, discordance: float, draws: int) -> float:
    """Chance that a one-sided z-test of two independent rates sees it."""
    share = max(discordance, abs(question.true))
    wins, losses = (share + question.true) / 2, (share - question.true) / 2
    both = CONTROL - losses
    generator = np.random.default_rng([n, round(100 * discordance)])
    cells = generator.multinomial(n, [both, wins, losses, 1 - both - share], size=draws)
    treated, control = (cells[:, 0] + cells[:, 1]) / n, (cells[:, 0] + cells[:, 2]) / n
    error = np.sqrt((treated * (1 - treated) + control * (1 - control)) / n)
    critical = statistics.NormalDist().inv_cdf(1 - ALPHA)
    return float(np.mean(treated - control - critical * error > question.bound))


def percentile(n: int, question: Question, discordance: float, draws: int) -> float:
    """Chance that the lower end of a percentile bootstrap of the pairs lies above the bound."""
    share = max(discordance, abs(question.true))
    rates = [(share + question.true) / 2, (share - question.true) / 2, 1 - share]
    generator = np.random.default_rng([n, round(100 * discordance)])
    tables, counts = np.unique(
        generator.multinomial(n, rates, size=draws), axis=0, return_counts=True
    )
    again = generator.multinomial(n, tables / n, size=(999, len(tables)))
    low = np.quantile((again[..., 0] - again[..., 1]) / n, ALPHA, axis=0)
    return float(counts[low > question.bound].sum() / draws)


def yes_no(sizes: list[int], draws: int) -> dict[str, float]:
    """Print and return the chances of yes/no metrics."""
    discordances = [percent / 100 for percent in range(round(100 * MOST) + 1)]
    shown = {0.0, 0.05, 0.1, 0.2}
    figures: dict[str, float] = {}
    false, ours, theirs, drawn_false = [], [], [], []
    print(
        f"{'n':>5} {'differing':>9} {'question':<10} {'ours':>7} {'z-test':>7} {'percentile':>10}"
    )
    for n in sizes:
        for name, question in (FALSE | POWER).items():
            for discordance in discordances:
                mine = chance(n, question, discordance)
                z_test = unpaired(n, question, discordance, draws)
                if name in FALSE:
                    false.append(mine)
                else:
                    ours.append(mine)
                    theirs.append(z_test)
                if discordance in shown:
                    other = percentile(n, question, discordance, draws // 10)
                    if name in FALSE:
                        drawn_false.append(other)
                    kind = "false" if name in FALSE else "power"
                    print(
                        f"{n:>5} {discordance:>9.0%} {name:<10} {mine:7.4f} {z_test:7.3f} "
                        f"{other:10.3f}",
                        flush=True,
                    )
                    figures[f"{kind}.{name}.n{n}.d{discordance:.2f}"] = mine
                    if name in POWER:
                        figures[f"power_unpaired.{name}.n{n}.d{discordance:.2f}"] = z_test
    summary = {
        "false_promotion": max(false),
        "false_promotion_percentile": max(drawn_false),
        "power": statistics.mean(ours),
        "power_unpaired": statistics.mean(theirs),
        "power_least_gain": min(a - b for a, b in zip(ours, theirs, strict=True)),
    }
    return summary | figures


# The gate itself, on tables at the border.


def promoted(
    metric: str, ours: list[float], theirs: list[float], poor: list[float], bound: float
) -> bool:
    """Whether `decide` promotes, where all depends on one criterion; `poor` is easily beaten."""
    rows = {
        "candidate test": ours,
        "base test": theirs if bound == 0 else poor,
        "champion test": theirs,
    }
    scores = {
        who: {
            str(at): Score(row_id=str(at), group_id=str(at), values={metric: value})
            for at, value in enumerate(values)
        }
        for who, values in rows.items()
    }
    params = GateParams(
        primary=metric,
        better_than=("base",),
        not_worse_than=None if bound == 0 else "champion",
        margin=MARGIN,
        alpha=ALPHA,
    )
    return decide(params, scores)[0] == "promote"


def border(n: int, bound: float, every: int) -> Iterator[tuple[int, int, bool]]:
    """Tables just inside and just outside, with what the gate ought to say."""
    needed = fewest_wins(n, bound)
    for losses in range(0, int(n * MOST) + 1, every):
        wins = int(needed[losses])
        if wins + losses <= n:
            yield wins, losses, True
            if wins:
                yield wins - 1, losses, False


def decide_agrees(sizes: list[int], every: Callable[[int], int]) -> float:
    """Share of the tables at the border for which `decide` says what the sums assumed."""
    right = []
    for n in sizes:
        for bound in (-MARGIN, 0.0):
            for wins, losses, expected in border(n, bound, every(n)):
                alike = [1.0] * (n - wins - losses)
                ours = [1.0] * wins + [0.0] * losses + alike
                theirs = [0.0] * wins + [1.0] * losses + alike
                if bound < 0 and sum(ours) < 6:
                    continue  # too few right answers to be better than a base with none
                said = promoted("exact_match", ours, theirs, [0.0] * n, bound)
                right.append(said is expected)
    print(f"decide agrees on {sum(right)} of {len(right)} tables at the border")
    return statistics.mean(right)


# Metrics on a scale, drawn.

Shape = Callable[[np.random.Generator, float, float, tuple[int, int]], Floats | None]


def even(
    generator: np.random.Generator, true: float, share: float, size: tuple[int, int]
) -> Floats | None:
    """Differences spread evenly around their mean, as widely as a metric from 0 to 1 allows."""
    centre = true / share
    reach = min(0.5, 1 - abs(centre))
    differs = generator.random(size) < share
    return differs * (centre + reach * generator.uniform(-1, 1, size)) if reach > 0 else None


def rare_harm(
    generator: np.random.Generator, true: float, share: float, size: tuple[int, int]
) -> Floats | None:
    """Gains of a tenth, and answers that lose all."""
    ruined = (0.1 * share - true) / 1.1
    place = generator.random(size)
    return np.where(place < ruined, -1.0, np.where(place < share, 0.1, 0.0))


def rare_gain(
    generator: np.random.Generator, true: float, share: float, size: tuple[int, int]
) -> Floats | None:
    """Losses of a tenth, and answers that gain all; none if the losses cannot add up."""
    saved = (0.1 * share + true) / 1.1
    place = generator.random(size)
    if saved <= 0:
        return None
    return np.where(place < saved, 1.0, np.where(place < share, -0.1, 0.0))


SHAPES: dict[str, Shape] = {"even": even, "rare harm": rare_harm, "rare gain": rare_gain}
SHARES = (0.05, 0.1, 0.2, 1.0)
AT_ONCE = 500


@cache
def weights(n: int) -> Floats:
    """How often each row is drawn in each of the gate's resamplings of `n` rows."""
    generator = np.random.default_rng(0)
    at_once = max(1, _CELLS_AT_ONCE // n)
    drawn = np.concatenate(
        [
            generator.integers(n, size=(min(at_once, RESAMPLES - start), n))
            for start in range(0, RESAMPLES, at_once)
        ]
    )
    places = drawn + n * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(places.ravel(), minlength=n * RESAMPLES)
    return counts.reshape(RESAMPLES, n).astype(np.float64)


class Seen(NamedTuple):
    """For each set of scores, whether the gate sees the difference, and whether it looked."""

    passed: NDArray[np.bool_]
    looked: NDArray[np.bool_]


def passes_scale(values: Floats, bound: float) -> Seen:
    """Ask of each row of values, the differences of `n` pairs, what `compare_means` is asked."""
    n = values.shape[1]
    looked = (n - commonest(values) >= FEWEST_CLUSTERS) & (n >= FEWEST_PAIRS)
    if not looked.any():
        return Seen(looked, looked)
    mean = values.mean(axis=1)
    excess = values - mean[:, None]
    error = np.sqrt((excess**2).sum(axis=1) * n / (n - 1)) / n
    distance = (mean - bound) / np.where(error > 0, error, 1.0)
    drawn = weights(n) @ excess.T / n
    left = np.maximum(weights(n) @ (excess**2).T - n * drawn**2, 1e-300)
    roots = drawn / (np.sqrt(left * n / (n - 1)) / n)
    p_values = (1 + (roots >= distance).sum(axis=0)) / (1 + RESAMPLES)
    return Seen(looked & (p_values <= ALPHA), looked)


def commonest(values: Floats) -> NDArray[np.int64]:
    """How often the commonest value of each row stands in it."""
    ordered, places = np.sort(values, axis=1), np.arange(values.shape[1])
    first = np.diff(ordered, axis=1, prepend=-np.inf) > 1e-12
    starts = np.maximum.accumulate(np.where(first, places, 0), axis=1)
    return np.asarray((places - starts).max(axis=1) + 1)


def says_so(differences: Floats, bound: float) -> bool:
    """Whether `decide` itself promotes on such differences."""
    ours, theirs = 1.0 + np.minimum(differences, 0), 1.0 - np.maximum(differences, 0)
    poor = [at % 97 / 400 for at in range(len(differences))]
    return promoted("rouge_l", ours.tolist(), theirs.tolist(), poor, bound)


def scale(sizes: list[int], draws: int) -> dict[str, float]:
    """Print and return the false promotion of metrics on a scale."""
    figures: dict[str, float] = {}
    agreed, worst, settings = [], 0, 0
    print(f"\n{'n':>5} {'differing':>9} {'shape':<10} {'question':<9} {'false':>7} {'refused':>8}")
    for n, share, shape, name in itertools.product(sizes, SHARES, SHAPES, FALSE):
        true, bound = FALSE[name]
        generator = np.random.default_rng([n, round(100 * share), *shape.encode()])
        batches = [(min(AT_ONCE, draws - at), n) for at in range(0, draws, AT_ONCE)]
        hits = looked = 0
        for batch in batches:
            values = SHAPES[shape](generator, true, share, batch)
            if values is None:
                break
            seen = passes_scale(values, bound)
            hits, looked = hits + int(seen.passed.sum()), looked + int(seen.looked.sum())
            if seen.looked.any() and batch is batches[0]:
                at = int((2 * seen.passed + seen.looked).argmax())  # passed, if any did
                agreed.append(says_so(values[at], bound) == bool(seen.passed[at]))
        figures[f"false_scale.{shape.replace(' ', '_')}.{name}.n{n}.d{share:.2f}"] = hits / draws
        worst, settings = max(worst, hits), settings + 1
        if looked:
            print(
                f"{n:>5} {share:>9.0%} {shape:<10} {name:<9} {hits / draws:7.4f} "
                f"{1 - looked / draws:8.1%}",
                flush=True,
            )
    print(f"all other settings are refused; decide agrees on {sum(agreed)} of {len(agreed)} sets")
    low = stats.beta.ppf(0.01 / settings, worst, draws - worst + 1) if worst else 0.0
    return {
        "false_promotion_scale": worst / draws,
        "false_promotion_scale_low": float(low),
        "decide_agrees_scale": statistics.mean(agreed),
    } | figures


def time_one(n: int) -> float:
    """Median milliseconds of five fresh intervals at `n` pairs with a tenth of them differing."""

    def once(shift: int) -> float:
        start = time.perf_counter()
        BinaryComparison(n, n, n // 16 + shift, n // 32).interval(1 - 2 * ALPHA)
        return 1000 * (time.perf_counter() - start)

    return statistics.median(map(once, range(5)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 200 examples; under a minute")
    quick = parser.parse_args().quick
    sizes = [30, 60, 100, 200] if quick else [30, 60, 100, 200, 1000]
    figures = yes_no(sizes, draws=10_000 if quick else 100_000)
    tables = [30, 100] if quick else sizes
    figures["decide_agrees"] = decide_agrees(tables, every=lambda n: max(1, n // 15))
    figures |= scale([60, 100, 200] if quick else sizes, 2_000 if quick else 10_000)
    figures |= {f"interval_ms.n{n}": time_one(n) for n in (60, 200, 1000)}
    print()
    for key, value in figures.items():
        if "." not in key:
            print(f"{key:<28} {value:.4f}")
    print(json.dumps({"name": "gate", "figures": {k: round(v, 4) for k, v in figures.items()}}))


if __name__ == "__main__":
    main()
