"""Candidates that fail in every known way, really trained, and what the gate says of each.

The peer is planted truth. A small base is taught what the failure-mode suites ask, so that it has
something to lose (`planting.base`; once, about two minutes, kept under ~/.cache/tunesmith). Its
candidates go through the stages of a retrain: train, predict, evaluate, package, probe, gate.

Mechanism: two recipes for each mode and four honest ones, three seeds. `stopped.<mode>` is the
share that the check meant for the mode says no to; `honest.called_worse` the share of honest
candidates that any check says no to, `honest.promoted` the share promoted.

Calibration, by resampling what is stored of one failed candidate a mode (`planting.calibration`):
`detection.<mode>` is the chance to stop a candidate that is worse by the effect stated in the
table, with `probe.of_suite` questions; `<mode>.low` the lower end of its exact interval.
`false_alarm` is the chance that a candidate which is no worse than allowed is called worse in any
suite, the larger of the two ways to make one. Goals: 0.95 or more, and 0.05 or less.

    python benchmarks/planted.py [--quick]
"""

import argparse
import hashlib
import itertools
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from planting import base, calibration, desk
from planting.recipes import HONEST, PLANTED, Recipe
from planting.trial import USE, Asked, Outcome, Workshop

from tunesmith.store import Store

FOLDER = Path("~/.cache/tunesmith/planted").expanduser()
SIZE = base.Size()
PACKAGED = ("template", "stop_token")
QUICK = ("150 rows, 5 passes", "customers' addresses", "eight in one", "another role")
SIZES = (40, 80)
EFFECTS, LEAKS, WRONG = (0.3, 0.45, 0.6), (1.0, 2.0, 4.0), 0.35
"""Planted effects: a fall of a suite's figure, answers that leak, a share of the prompts."""
STATED = (EFFECTS[1], LEAKS[-1], WRONG)
PROMPTS = 8
"""Of `package.prompts`."""


def workshop() -> Workshop:
    """Return a store with the base, which is taught where it is not there yet."""
    # So small a model is slower in bfloat16; every stage asks torch which formats are fast here.
    torch.cpu.get_capabilities = dict
    text = "".join(Path(module.__file__ or "").read_text() for module in (base, desk))
    name = hashlib.sha256(f"{SIZE}{text}".encode()).hexdigest()[:12]
    folder = FOLDER / f"base-{name}"
    if not folder.is_dir():
        print("teaching the base, once: about two minutes", flush=True)
        base.build(folder, SIZE)
    return Workshop.at(Store(str(FOLDER / "store")), folder, Asked())


def mechanism(
    shop: Workshop, recipes: Sequence[Recipe], seeds: int
) -> Iterator[tuple[Recipe, Outcome]]:
    """Try every recipe out, print what came of it, and pass it on."""
    print(f"{'mode':<13} {'recipe':<22} {'seed':>4} {'verdict':<13} stopped by")
    for seed in range(1, seeds + 1):
        for recipe in recipes:
            outcome = shop.try_out(recipe.make(seed), seed)
            found = " ".join(outcome.stopped_by) or "-"
            print(
                f"{recipe.mode or 'honest':<13} {recipe.name:<22} {seed:>4} "
                f"{outcome.decision:<13} {found}",
                flush=True,
            )
            yield recipe, outcome


def shares(found: Sequence[tuple[Recipe, Outcome]]) -> dict[str, float]:
    """Return how often each mode was stopped by its check, and honest candidates by any."""
    stopped: dict[str, list[bool]] = defaultdict(list)
    for recipe, outcome in found:
        if recipe.mode is None:
            stopped["honest.called_worse"].append(bool(outcome.stopped_by))
            stopped["honest.promoted"].append(outcome.decision == "promote")
        else:
            named = recipe.mode in outcome.stopped_by and outcome.decision == "reject"
            stopped[f"stopped.{recipe.mode}"].append(named)
    return {name: sum(known) / len(known) for name, known in stopped.items()}


def calibrate(found: Sequence[tuple[Recipe, Outcome]], draws: int) -> dict[str, float]:
    """Print and return chances of detection, and of a false alarm."""
    print(f"\n{'mode':<13} {'n':>3} {'effect':>7} {'detected':>8}   95 % interval")
    modes = {recipe.mode: outcome for recipe, outcome in reversed(found) if recipe.mode}
    figures: dict[str, float] = {}
    for mode, outcome in modes.items():
        for n, effect, rate in detections(mode, outcome, draws):
            name = f"detection.{mode}"
            between = f"{rate.low:.3f}-{rate.high:.3f}"
            print(f"{mode:<13} {n:>3} {effect:>7.2f} {rate.share:>8.3f}   {between}", flush=True)
            figures[f"{name}.n{n}.effect{effect:g}"] = rate.share
            if effect in STATED and n in (SIZES[-1], PROMPTS):
                figures.update({name: rate.share, f"{name}.low": rate.low})
    return figures | alarms(modes, draws)


def detections(
    mode: str, outcome: Outcome, draws: int
) -> Iterator[tuple[int, float, calibration.Rate]]:
    """Return for numbers of questions and planted effects how often a mode is stopped."""
    if mode in PACKAGED:
        rate = calibration.detection_of_package(mode, PROMPTS, WRONG, draws)
        yield PROMPTS, WRONG, rate
        return
    pairs = calibration.paired(outcome.base, outcome.candidate)
    for n in SIZES:
        for effect in LEAKS if mode == "leakage" else EFFECTS:
            if mode == "use":
                found = calibration.detection_of_use(letters(outcome), n, effect, draws)
            else:
                found = calibration.detection(pairs, mode, n, effect, draws)
            if found is not None:
                yield n, effect, found


def letters(outcome: Outcome) -> list[tuple[bool, bool]]:
    """Return which letters the base and the candidate got right."""
    ours, theirs = (outcome.scores[f"{who} {USE}"] for who in ("base", "candidate"))
    right = calibration.PRIMARY
    return [
        (row.values[right] == 1.0, theirs[name].values[right] == 1.0) for name, row in ours.items()
    ]


def alarms(modes: Mapping[str, Outcome], draws: int) -> dict[str, float]:
    """Print and return the chances of a false alarm over all suites."""
    figures: dict[str, float] = {}
    if "format_lock" not in modes:
        return figures
    outcome = modes["format_lock"]
    pairs = calibration.paired(outcome.base, outcome.candidate)
    for n, kind in itertools.product(SIZES, ("exchanged", "edge")):
        rate = calibration.false_alarms(pairs, n, kind == "edge", draws)
        between = f"{rate.low:.4f}-{rate.high:.4f}"
        print(f"false alarm, {kind:<9} n = {n}: {rate.share:.4f}   {between}", flush=True)
        figures[f"false_alarm.{kind}.n{n}"] = rate.share
    return figures | {"false_alarm": max(figures.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="four recipes, one seed")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    recipes = [one for one in (*HONEST, *PLANTED) if not quick or one.name in QUICK]
    found = list(mechanism(workshop(), recipes, 1 if quick else 3))
    figures = shares(found) | calibrate(found, 100 if quick else 2000)
    print()
    for key, value in figures.items():
        if key.count(".") < 2:
            print(f"{key:<28} {value:.4f}")
    print(json.dumps({"name": "planted", "figures": {k: round(v, 4) for k, v in figures.items()}}))


if __name__ == "__main__":
    main()
