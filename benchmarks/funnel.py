"""How right the data stages are, against planted truth.

Runs ingest, validate, score and dedup of the support e-mail recipe on generated tickets whose
defects are known line by line, and prints precision and recall of each drop reason: of the rows
dropped for it, how many have that defect; of the rows with that defect, how many were dropped for
it. For copies either of the two may go. With `--data`, grounding is also measured on real
dialogues with exchanged entities (see `grounding_real.py`).

    python benchmarks/funnel.py [--quick] [--seeds 3] [--data dialogues.jsonl]
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from tunesmith import recipe as recipes
from tunesmith.artifacts import Examples
from tunesmith.data.source_files import gather
from tunesmith.example_data import support_email
from tunesmith.pipeline import golden_params
from tunesmith.retrains import sources
from tunesmith.settings import load
from tunesmith.stages import base, dedup, ingest, score, validate
from tunesmith.store import Store

RECIPE = Path(__file__).parents[1] / "recipes/support_email.yaml"
REASONS = {
    "bad_line": set(ingest.READING_PROBLEMS),
    "secret": {"secret"},
    "format": {"format"},
    "marker": {"markers"},
    "ungrounded": {"grounding"},
    "length": {"length"},
    "exact_copy": {"exact_copy"},
    "near_copy": {"near_copy"},
    "leak": {"fence"},
}
"""Our drop reasons, by what was planted."""

SAME = {"too_short": "length", "too_long": "length"}
COPIES = {"exact_copy", "near_copy"}


def dropped_reasons(folder: Path, store: Store) -> tuple[dict[str, str], set[str]]:
    """Run the data stages; return the reason of each dropped line, and the kept lines."""
    loaded = recipes.load(RECIPE)
    found = sources(loaded, load())
    files = gather(["tickets-*.jsonl"], folder)
    source = ingest.SourceParams(path="tickets-*.jsonl", origin="human")
    params = loaded.ingest.model_copy(update={"sources": (source,)})
    model = store.build(base.STAGE, loaded.base, found.base)
    golden_file = folder / "golden.jsonl"
    golden_file.write_bytes((folder / "heldout.jsonl").read_bytes())
    golden = store.build(
        ingest.STAGE,
        golden_params(loaded).model_copy(
            update={"sources": (ingest.SourceParams(path="golden.jsonl", origin="human"),)}
        ),
        gather(["golden.jsonl"], folder),
    )
    made: list[Examples] = [store.build(ingest.STAGE, params, files)]
    made.append(store.build(validate.STAGE, loaded.validate_, made[-1]))
    made.append(store.build(score.STAGE, loaded.score, made[-1], model))
    made.append(store.build(dedup.STAGE, loaded.dedup, made[-1], (golden,)))
    reasons = {row.source: row.reason for ref in made for row in store.dropped(ref)}
    from tunesmith.records import Example

    return reasons, {row.source for row in store.rows(made[-1], Example)}


def compare(
    truth: support_email.Truth, reasons: dict[str, str], kept: set[str]
) -> dict[str, dict[str, int]]:
    """Count right and wrong drops and misses, by planted reason."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ours = {code: name for name, codes in REASONS.items() for code in codes}
    lines = {f"{row.file}:{row.line}": row for row in truth.rows}
    original = {
        f"{row.file}:{row.line}": f"{row.copy_of['file']}:{row.copy_of['line']}"
        for row in truth.rows
        if row.copy_of and row.reason in COPIES
    }
    copied = set(original.values())
    for line, row in lines.items():
        planted = SAME.get(row.reason, row.reason)
        dropped = ours.get(reasons.get(line, ""))
        if dropped is None and line in reasons:
            dropped = reasons[line]
        gone = {dropped, ours.get(reasons.get(original.get(line, ""), ""))}
        if planted in COPIES:
            counts[planted]["planted"] += 1
            counts[planted]["found"] += bool(gone & COPIES)
        elif planted != "clean":
            counts[planted]["planted"] += 1
            counts[planted]["found"] += dropped == planted
        if dropped is not None:
            right = dropped == planted or (
                dropped in COPIES and (planted in COPIES or line in copied)
            )
            counts[dropped]["dropped"] += 1
            counts[dropped]["right"] += right
            if not right:
                print(f"  wrong: {line} planted {row.reason} ({row.kind}), dropped for {dropped}")
        elif planted != "clean" and not (planted in COPIES and gone & COPIES):
            print(f"  missed: {line} planted {row.reason} ({row.kind}) {row.detail}")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="real dialogues, for grounding")
    arguments = parser.parse_args()
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for seed in range(101, 102 if arguments.quick else 101 + arguments.seeds):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            truth = support_email.write(folder / "data", seed=seed, rows=1700)
            reasons, kept = dropped_reasons(folder / "data", Store(str(folder / "store")))
            for name, counts in compare(truth, reasons, kept).items():
                for key, value in counts.items():
                    totals[name][key] += value
    figures: dict[str, float] = {}
    print(
        f"\n{'reason':<14}{'planted':>8}{'found':>7}{'dropped':>9}{'right':>7}"
        f"{'precision':>11}{'recall':>8}"
    )
    for name, count in sorted(totals.items()):
        precision = count["right"] / count["dropped"] if count["dropped"] else float("nan")
        recall = count["found"] / count["planted"] if count["planted"] else float("nan")
        print(
            f"{name:<14}{count['planted']:>8}{count['found']:>7}{count['dropped']:>9}"
            f"{count['right']:>7}{precision:>11.3f}{recall:>8.3f}"
        )
        figures[f"precision.{name}"] = round(precision, 4)
        figures[f"recall.{name}"] = round(recall, 4)
    if arguments.data:
        sys.path.insert(0, str(Path(__file__).parent))
        from grounding_real import figures as real

        figures |= {f"real.{name}": value for name, value in real(arguments.data).items()}
    print(json.dumps({"name": "funnel", "figures": figures}))


if __name__ == "__main__":
    main()
