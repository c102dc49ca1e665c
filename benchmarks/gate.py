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

Grouped examples (`false_promotion_grouped`, drawn): conversations of 2 to 5 turns, and groups of
very unequal sizes; see `gating.drawing` for how their answers depend on each other. Here and for
metrics on a scale, the settings that look worst are drawn again, five times as often, and the worst
of these counts.

Metrics on a scale (`false_promotion_scale`, drawn): the gate's own weighting done for many sets of
scores at once (`decide_agrees_scale` checks some against `decide`), alone and in groups, for up to
20 % and for 100 % of differing values. How often they err depends on the shape of the differences:
`even`, `rare harm` (most change a little for the better, few are ruined), `rare gain` or `hidden
harm` (all change a little, very few are ruined). Too few pairs or groups are refused and never
promote. `false_promotion_scale_low` is the lower 99 % limit of the worst: above 0.05 it says that
the excess is no chance. `coverage_scale` is the least share of 90 % intervals that hold the truth,
a bound being outside exactly if its test says so. The peer is a z-test of the groups' totals
(`false_promotion_scale_z`, `power_scale_z`).

    python benchmarks/gate.py [--quick] [--part alone|grouped|scale]
"""

import argparse
import json
import statistics
import time

from gating.alone import decide_agrees, yes_no
from gating.asking import ALPHA
from gating.grouped import grouped
from gating.scale import scale

from tunesmith.statistics import BinaryComparison


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
    parser.add_argument("--part", choices=("alone", "grouped", "scale"), help="one part only")
    given = parser.parse_args()
    quick = given.quick
    sizes = [30, 60, 100, 200] if quick else [30, 60, 100, 200, 1000]
    figures: dict[str, float] = {}
    if given.part in (None, "alone"):
        figures |= yes_no(sizes, draws=10_000 if quick else 100_000)
        tables = [30, 100] if quick else sizes
        figures["decide_agrees"] = decide_agrees(tables, every=lambda n: max(1, n // 15))
        figures |= {f"interval_ms.n{n}": time_one(n) for n in (60, 200, 1000)}
    if given.part in (None, "grouped"):
        figures |= grouped([100, 200] if quick else sizes, 50 if quick else 1_000)
    if given.part in (None, "scale"):
        figures |= scale([100, 200] if quick else sizes, 200 if quick else 3_000)
    print()
    for key, value in figures.items():
        if "." not in key:
            print(f"{key:<28} {value:.4f}")
    print(json.dumps({"name": "gate", "figures": {k: round(v, 4) for k, v in figures.items()}}))


if __name__ == "__main__":
    main()
