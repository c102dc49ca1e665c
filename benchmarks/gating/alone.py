"""Yes/no metrics of examples that stand alone: chances summed exactly over all tables."""

import statistics
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gating.asking import ALPHA, FALSE, MARGIN, MOST, POWER, Question, promoted
from tunesmith.statistics import BinaryComparison

CONTROL = 0.8
"""How often the control is right, for the peers that ignore the pairing."""


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
