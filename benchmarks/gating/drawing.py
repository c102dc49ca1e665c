"""Pairs of answers, drawn: how two models' values differ, and how pairs of a group hang together.

A group is a conversation of several turns, or a family of near copies. With a dependence of 0.3,
say, two pairs of a group have differences that correlate with 0.3 (intraclass correlation); under
`harm`, whether and how they differ is one for the whole group, and by how much is not: so the tie
does not show in small differences.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Grouping(NamedTuple):
    """How many pairs a group has, and how they hang together.

    Attributes:
        name: For the table.
        shares: Share of groups with 1, 2, ... pairs.
        dependence: Intraclass correlation, or `harm`.
        tilt: How much worse the candidate is in groups of more than the mean number of pairs; so
            much better is it in the others that the mean over all pairs is as asked.
    """

    name: str
    shares: tuple[float, ...]
    dependence: float | str = 0.0
    tilt: float = 0.0

    @property
    def mean(self) -> float:
        """Pairs in a group on average."""
        return float(np.dot(self.shares, np.arange(1, len(self.shares) + 1)))


ALONE = Grouping("alone", (1.0,))
TURNS = (0.0, 0.25, 0.25, 0.25, 0.25)
UNEQUAL = tuple(float(x) for x in (2 / 3) ** np.arange(20) / (3 * (1 - (2 / 3) ** 20)))
"""Three pairs on average, one most often, and 20 at most."""
GROUPED = [
    *(Grouping(f"turns {icc}", TURNS, icc) for icc in (0.0, 0.3, 0.8, "harm")),
    *(Grouping(f"unequal {icc}", UNEQUAL, icc) for icc in (0.0, 0.3, 0.8, "harm")),
    Grouping("long ones worse", UNEQUAL, 0.3, tilt=0.03),
]


class Sets(NamedTuple):
    """Differences of many sets of pairs, one after the other.

    Attributes:
        sizes: Pairs in each group; a row for each set.
        differences: Of all pairs.
    """

    sizes: Integers
    differences: Floats

    @property
    def starts(self) -> Integers:
        return np.concatenate([[0], np.cumsum(self.sizes.ravel())[:-1]])

    def totals(self, of: Floats | None = None) -> Floats:
        """Sum the differences, or other values of the pairs, by group."""
        values = self.differences if of is None else of
        return np.add.reduceat(values, self.starts).reshape(self.sizes.shape)

    def one(self, at: int) -> tuple[Floats, list[str]]:
        """Return one set's differences, and the group of each."""
        before, n = self.sizes[:at].sum(), self.sizes[at].sum()
        groups = np.repeat(np.arange(self.sizes.shape[1]), self.sizes[at])
        return self.differences[before : before + n], [str(group) for group in groups]


Shape = Callable[[Floats, Floats, Floats, float], Floats | None]
"""Makes differences of two numbers from 0 to 1 for each pair, the true mean, and the share of
pairs that differ; None where no metric from 0 to 1 has such differences."""


def draw(
    generator: np.random.Generator,
    grouping: Grouping,
    shape: Shape,
    true: float,
    share: float,
    n: int,
    sets: int,
) -> Sets | None:
    """Draw sets of about `n` pairs each."""
    lengths = np.arange(1, len(grouping.shares) + 1)
    mean = grouping.mean
    # The share of pairs that lie in the longer groups.
    longer = float((np.array(grouping.shares) * lengths)[lengths > mean].sum() / mean)
    sizes = generator.choice(lengths, p=grouping.shares, size=(sets, round(n / mean)))
    of = np.repeat(np.arange(sizes.size), sizes.ravel())
    groups, pairs = sizes.size, len(of)
    place, spread = generator.random(pairs), generator.random(pairs)
    if grouping.dependence == "harm":
        place = generator.random(groups)[of]
    elif grouping.dependence:
        tied = generator.random(pairs) < np.sqrt(float(grouping.dependence))
        place = np.where(tied, generator.random(groups)[of], place)
        spread = np.where(tied, generator.random(groups)[of], spread)
    tilt = np.where(sizes.ravel() > mean, -grouping.tilt, 0.0) + grouping.tilt * longer
    differences = shape(place, spread, true + tilt[of], share)
    return None if differences is None else Sets(sizes, differences)


def even(place: Floats, spread: Floats, true: Floats, share: float) -> Floats | None:
    """Differences spread evenly around their mean, as widely as a metric from 0 to 1 allows."""
    centre = true / share
    reach = np.minimum(0.5, 1 - np.abs(centre))
    if reach.min() < -1e-9:
        return None
    return np.where(place < share, centre + reach * (2 * spread - 1), 0.0)


def rare_harm(place: Floats, spread: Floats, true: Floats, share: float) -> Floats | None:
    """Gains of a tenth, and answers that lose all."""
    ruined = (0.1 * share - true) / 1.1
    if ruined.max() > share + 1e-9 or ruined.min() < 0:
        return None
    return np.where(place < ruined, -1.0, np.where(place < share, 0.1, 0.0))


def rare_gain(place: Floats, spread: Floats, true: Floats, share: float) -> Floats | None:
    """Losses of a tenth, and answers that gain all; none if the losses cannot add up."""
    harm = rare_harm(place, spread, -true, share)
    return None if harm is None or (0.1 * share + true).min() <= 0 else -harm


def hidden_harm(place: Floats, spread: Floats, true: Floats, share: float) -> Floats | None:
    """Small gains everywhere, and answers that lose all; a fifth of the share."""
    rate = share / 5
    gain = (true + rate) / (1 - rate)
    if gain.min() < 0 or gain.max() > 0.5:
        return None
    return np.where(place < rate, -1.0, 2 * gain * spread)


SHAPES: dict[str, Shape] = {
    "even": even,
    "rare harm": rare_harm,
    "rare gain": rare_gain,
    "hidden harm": hidden_harm,
}
