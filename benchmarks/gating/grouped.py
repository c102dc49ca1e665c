"""Yes/no metrics of grouped examples: drawn, and asked of `compare_binary` itself."""

import itertools
import statistics
from typing import NamedTuple

import numpy as np

from gating.asking import ALPHA, FALSE, POWER, Question
from gating.drawing import GROUPED, Floats, Grouping, draw
from tunesmith.statistics import BinaryComparison, compare_binary, exact

DISCORDANCES = (0.0, 0.05, 0.2)
_AGAIN = 4
"""Settings that look worst and are drawn again, more often."""


class Place(NamedTuple):
    """How many pairs there are, how they hang together, and what share of them differs."""

    n: int
    grouping: Grouping
    discordance: float

    @property
    def key(self) -> str:
        return f"{self.grouping.name}.n{self.n}.d{self.discordance:.2f}".replace(" ", "_")


def passes(compared: BinaryComparison, bound: float) -> bool:
    """Whether the gate sees the difference above the bound; the same tables are met often."""
    n, effect = compared.effective_n, compared.design_effect
    setbacks = min(n, int(np.ceil(compared.losses / effect - 1e-9)))
    gains = min(n - setbacks, int(np.floor(compared.wins / effect + 1e-9)))
    if float(exact.score(gains, setbacks, n, bound)) < 1.2:  # a p-value of more than 0.1
        return False
    return exact.p_above(gains, setbacks, n, bound) <= ALPHA


def yes_no(place: Floats, spread: Floats, true: Floats, share: float) -> Floats:
    """Wins and losses, of a metric that says yes or no."""
    share = max(share, float(np.abs(true).max()))
    lost = (share - true) / 2
    return np.where(place < lost, -1.0, np.where(place < share, 1.0, 0.0))


def lone_wins(place: Floats, spread: Floats, true: Floats, share: float) -> Floats:
    """Losses as the groups have them, and wins that come one by one."""
    share = max(share, float(np.abs(true).max()))
    lost = (share - true) / 2
    return np.where(place < lost, -1.0, np.where(spread < (share + true) / 2 / (1 - lost), 1.0, 0))


def rate(place: Place, question: Question, sets: int, seed: int = 0) -> float:
    """Share of drawn sets in which the difference is seen above the bound."""
    n, grouping, discordance = place
    generator = np.random.default_rng([seed, *place.key.encode()])
    shape = lone_wins if grouping.dependence == "harm" else yes_no
    drawn = draw(generator, grouping, shape, question.true, discordance, n, sets)
    hits = 0
    for at in range(sets):
        differences, groups = drawn.one(at)
        compared = compare_binary(differences >= 0, differences <= 0, groups)
        hits += passes(compared, question.bound)
    return hits / sets


def grouped(sizes: list[int], sets: int) -> dict[str, float]:
    """Print and return the chances of yes/no metrics where examples come in groups."""
    false: dict[tuple[Place, str], float] = {}
    power: dict[tuple[Place, str], float] = {}
    print(f"\n{'n':>5} {'groups':<16}{'differing':>9} " + " ".join(FALSE | POWER))
    for place in itertools.starmap(Place, itertools.product(sizes, GROUPED, DISCORDANCES)):
        false |= {(place, name): rate(place, question, sets) for name, question in FALSE.items()}
        power |= {
            (place, name): rate(place, question, sets // 5) for name, question in POWER.items()
        }
        shown = [(false | power)[place, name] for name in FALSE | POWER]
        print(
            f"{place.n:>5} {place.grouping.name:<16}{place.discordance:>9.0%} "
            + " ".join(f"{value:.4f}" for value in shown),
            flush=True,
        )
    looks = sorted(false, key=lambda key: false[key], reverse=True)[:_AGAIN]
    again = {key: rate(key[0], FALSE[key[1]], 5 * sets, seed=1) for key in looks}
    for (place, name), value in again.items():
        print(f"again: {place.key} {name}: {value:.4f} of {5 * sets}")
    return (
        {
            "false_promotion_grouped": max(again.values()),
            "power_grouped": statistics.mean(power.values()),
        }
        | {f"false_grouped.{name}.{place.key}": value for (place, name), value in false.items()}
        | {f"power_grouped.{name}.{place.key}": value for (place, name), value in power.items()}
    )
