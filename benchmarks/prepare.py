"""How fast rows become a training set, and how much memory that takes.

Runs the data stages in a new process with two workers, as `tunesmith run` does, and beside it a
bare script that reads, parses, hashes and writes the same rows and checks nothing: what the work
costs without us. Seconds are of the whole process, imports counted; memory is the most that the
process and its workers hold together (proportional set size, so that shared pages count once).

    python benchmarks/prepare.py [--quick] [--sizes 10000 100000] [--rounds 3] [--profile]
                                 [--data FOLDER]

Without --data the rows are made up: about 1 kB each, support tickets with their e-mails, of
which a fifth has a planted defect. With it, every `*.jsonl` file of the folder is read, all rows
in one size. The largest of the default sizes, a million rows, runs once and takes minutes.
"""

import argparse
import cProfile
import hashlib
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil

from tunesmith.example_data import defects, support_email
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.tickets import Facts, Row, Tickets, new_facts
from tunesmith.example_data.vocabulary import vocabulary

SIZES = (10_000, 100_000, 1_000_000)
WORKERS = 2
WORDINGS = 6_000
HELDOUT = 100
PLANTED = {
    "exact_copy": 0.03,
    "near_copy": 0.035,
    "ungrounded": 0.05,
    "format": 0.03,
    "marker": 0.025,
    "bad_line": 0.025,
    "secret": 0.015,
}
"""Share of the made-up rows with each defect."""

RECIPE = """
name: prepare
task: Write a follow-up e-mail that states only what the ticket says.
reference_examples: golden.jsonl
base: {{model: tokenizer}}
ingest: {{sources: [{{path: "rows/**/*.jsonl", origin: human}}]{group}, bad_share: 0.2}}
golden: {{path: golden.jsonl, sha256: {sha256}}}
evaluate: {{metrics: [grounding], primary: grounding}}
train: {{method: sft}}
"""

BARE = """
import hashlib, sys
from pathlib import Path
import msgspec, pyarrow as pa, pyarrow.parquet as pq

decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder(order="deterministic").encode
source, target = Path(sys.argv[1]), Path(sys.argv[2])
ids, rows, size, shard, bad = [], [], 0, 0, 0

def flush():
    global ids, rows, size, shard
    table = pa.table({"label": pa.array(ids), "row": pa.array(rows, pa.large_string())})
    pq.write_table(table, target / f"{shard}.parquet", compression="zstd")
    ids, rows, size, shard = [], [], 0, shard + 1

for path in sorted(source.rglob("*.jsonl")):
    with path.open("rb") as file:
        for line in file:
            try:
                row = encode(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                bad += 1
                continue
            ids.append(hashlib.sha256(row).hexdigest()[:16])
            rows.append(row.decode())
            size += len(row)
            if size >= 64 << 20:
                flush()
flush()
"""

OURS = "import sys; sys.path.insert(0, sys.argv[1]); import prepare; prepare.stages(*sys.argv[2:])"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="10,000 rows, one round")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rounds", type=int, default=3, help="of sizes up to 100,000 rows")
    parser.add_argument("--data", type=Path, help="folder of *.jsonl files to use instead")
    parser.add_argument("--profile", action="store_true", help="seconds a stage, hottest functions")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    print(f"{'rows':>9}  {'':<9}{'seconds':>9}{'rows/s':>10}{'peak GB':>9}{'ratio':>7}", flush=True)
    for size in (10_000,) if options.quick else options.sizes:
        rounds = 1 if options.quick or size > 100_000 else options.rounds
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            count = prepare_input(work, size, options.data)
            figures |= compare(work, count, rounds)
            if options.profile:
                profile(work, count)
        if options.data:
            break
    if not options.data:
        shares = ", ".join(f"{share:.1%} {name}" for name, share in PLANTED.items())
        print(f"made-up rows; planted: {shares}")
    print(json.dumps({"name": "prepare", "figures": figures}))


def compare(work: Path, count: int, rounds: int) -> dict[str, float]:
    """Run both in turns and print the medians."""
    measured: dict[str, list[tuple[float, float]]] = {"tunesmith": [], "bare": []}
    for number in range(rounds):
        order = list(measured) if number % 2 == 0 else list(reversed(measured))
        for name in order:
            out = work / f"{name}-{number}"
            out.mkdir()
            if name == "bare":
                command = [BARE, str(work / "rows"), str(out)]
            else:
                command = ours(work, out, "run", WORKERS)
            measured[name].append(run(command))
            remove(out, keep="told.json")
    seconds = {name: median(item[0] for item in items) for name, items in measured.items()}
    peak = {name: max(item[1] for item in items) for name, items in measured.items()}
    for name in measured:
        ratio = seconds[name] / seconds["bare"]
        print(
            f"{count:>9,}  {name:<9}{seconds[name]:>9.1f}{count / seconds[name]:>10,.0f}"
            f"{peak[name]:>9.2f}{ratio:>7.1f}",
            flush=True,
        )
    show_stages(work / "tunesmith-0", count)
    checks = json.loads((work / "tunesmith-0/told.json").read_text())["checks"]
    print("\n".join(f"  {line}" for line in checks), flush=True)
    return {
        f"rows_per_s.{count}": round(count / seconds["tunesmith"], 1),
        f"peak_gb.{count}": round(peak["tunesmith"], 3),
        f"ratio_bare.{count}": round(seconds["tunesmith"] / seconds["bare"], 2),
    }


def show_stages(out: Path, count: int) -> None:
    """Print what each stage took, by all rows that came in, and what it dropped."""
    for told in json.loads((out / "told.json").read_text())["stages"]:
        if told["stage"] in ("base", "ingest golden"):
            continue
        dropped = ", ".join(f"{number} {reason}" for reason, number in told["dropped"].items())
        print(
            f"  {told['stage']:<9}{told['seconds']:9.2f} s{told['seconds'] / count * 1e6:8.0f} µs"
            f"{told['cpu'] / count * 1e6:8.0f} µs CPU  dropped: {dropped or 'none'}",
            flush=True,
        )


def ours(work: Path, out: Path, how: str, workers: int) -> list[str]:
    return [OURS, str(Path(__file__).parent), str(work), str(out), how, str(workers)]


def run(command: list[str]) -> tuple[float, float]:
    """Return the seconds of a Python process, and its peak memory in GB, workers counted."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", *command])
    peak = 0
    while process.poll() is None:
        peak = max(peak, held(process.pid))
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"the process ended with {process.returncode}")
    return seconds, peak / 1e9


def held(pid: int) -> int:
    """Return the bytes that a process and its descendants hold together."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:  # it has just ended
                continue
    except psutil.Error:
        pass
    return total


def remove(folder: Path, keep: str) -> None:
    import shutil

    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != keep:
            path.unlink()


# The stages, in a process of their own


def stages(work: str, out: str, how: str, workers: str) -> None:
    """Run the data stages; tell their seconds and, with "profile", how their functions do."""
    from tunesmith import pipeline
    from tunesmith import recipe as recipes
    from tunesmith.artifacts import Files
    from tunesmith.data.source_files import gather
    from tunesmith.engine import LocalEngine
    from tunesmith.store import Store

    root = Path(work)
    recipe = recipes.load(root / "recipe.yaml", training=False)
    tokenizer = gather(["*"], root / "tokenizer")
    sources = pipeline.Sources(
        base=Files(**tokenizer.model_dump()),
        examples=gather([source.path for source in recipe.ingest.sources], root),
        golden=gather([recipe.golden.path], root),
    )
    runner = Timed(Store(str(Path(out) / "store"), engine=LocalEngine(int(workers))))
    profiler = cProfile.Profile()
    if how == "profile":
        profiler.enable()
    pipeline.prepare(recipe, sources, runner)
    if how == "profile":
        profiler.disable()
        profiler.dump_stats(Path(out) / "profile")
    told = {"stages": runner.told, "checks": checks_of(recipe)}
    (Path(out) / "told.json").write_text(json.dumps(told))


def checks_of(recipe) -> list[str]:
    """Say which checks a recipe has on."""
    actions = {
        name: getattr(recipe.score.checks, name).action
        for name in type(recipe.score.checks).model_fields
    }
    weighed = [name for name, weight in recipe.score.weights.items() if weight]
    return [
        f"validate: {', '.join(item['reason'] for item in recipe.validate_.suite)}",
        f"score, each row: {', '.join(f'{name} ({action})' for name, action in actions.items())}",
        f"score, quality: {', '.join(weighed)}; required: {', '.join(recipe.score.required)}",
        f"dedup: exact copies, near copies from {recipe.dedup.threshold:g}, the fence of golden",
        "mix: the fence again",
    ]


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all it started, ended ones counted."""
    me = psutil.Process()
    total = 0.0
    for process in (me, *me.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has just ended, and stands with its parent
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


class Timed:
    """Runs each stage on a store and notes what it took and what it dropped."""

    def __init__(self, store) -> None:
        self._store = store
        self.told: list[dict] = []

    def __call__(self, stage, label, params, *inputs):
        wall, cpu = time.perf_counter(), cpu_seconds()
        ref = self._store.build(stage, params, *inputs)
        counts = next(self._store.records(stage.name, stage.key(params, *inputs)))["counts"]
        self.told.append(
            {
                "stage": label,
                "seconds": time.perf_counter() - wall,
                "cpu": cpu_seconds() - cpu,
                "rows": counts["rows_in"],
                "dropped": counts["dropped"],
            }
        )
        return ref

    def look(self, examples) -> None:
        pass


def profile(work: Path, count: int) -> None:
    """Print each stage's CPU on one core, then the functions that take most of it."""
    for how in ("alone", "profile"):
        out = work / how
        out.mkdir()
        run(ours(work, out, how, 1))
        if how == "alone":
            print(f"\n{count:,} rows on one core")
            show_stages(out, count)
            remove(out, keep="")
    found = pstats.Stats(str(work / "profile/profile")).stats  # type: ignore[attr-defined]
    print("\nhottest functions (own seconds under the profiler, which slows down short ones)")
    hottest = sorted(found.items(), key=lambda item: -item[1][2])[:10]
    for (file, line, name), (_, calls, own, whole, _) in hottest:
        at = "/".join(Path(file).parts[-3:])
        print(f"{own:8.2f} own {whole:8.2f} with callees {calls:>10,} calls  {at}:{line} {name}")
    print(flush=True)


# Rows


def prepare_input(work: Path, size: int, data: Path | None) -> int:
    """Put rows, golden set, tokenizer and recipe into a folder; return how many rows."""
    from tunesmith import settings
    from tunesmith.training.models import SMOLLM2, resolve

    (work / "rows").mkdir()
    if data:
        files = sorted(data.rglob("*.jsonl"))
        for number, path in enumerate(files):
            (work / f"rows/{number}.jsonl").symlink_to(path.absolute())
        size = sum(1 for path in files for line in path.open("rb") if line.strip())
    else:
        make_rows(work / "rows/rows.jsonl", size)
    golden = work / "golden.jsonl"
    held = Tickets("heldout", Dice(11), iter(range(10_000, 100_000)))
    with golden.open("wb") as file:
        for _ in range(HELDOUT):
            row = held.next()
            file.write(as_line(row.user, row.assistant, row, row.conversation))
    (work / "tokenizer").mkdir()
    model = resolve(SMOLLM2, None, settings.load().cache)
    for name in model.files:
        if name.endswith(".json"):
            (work / "tokenizer" / name).write_bytes((model.path / name).read_bytes())
    group = "" if data else ", group_by: conversation"
    sha256 = hashlib.sha256(golden.read_bytes()).hexdigest()
    (work / "recipe.yaml").write_text(RECIPE.format(group=group, sha256=sha256))
    return size


def make_rows(path: Path, size: int) -> None:
    """Write made-up rows: wordings of the example data, each time with other facts.

    A ticket comes with an earlier one of the customer, so that two rows of one wording have less
    than half of their text in common.
    """
    dice = Dice(5)
    source = Tickets("tickets", dice, iter(dice.shuffled(range(10_000, 100_000))))
    wordings = [source.next() for _ in range(WORDINGS)]
    facts = [new_facts(dice) for _ in range(WORDINGS)]
    recent: deque[tuple[Row, bytes]] = deque(maxlen=1_000)
    planted = Counter({name: round(share * 1000) for name, share in PLANTED.items()})
    kinds = [name for name, share in planted.items() for _ in range(share)]
    kinds += [""] * (1000 - len(kinds))
    with path.open("wb") as file:
        for number in range(size):
            kind = dice.pick(kinds)
            if kind == "exact_copy" and recent:
                file.write(dice.pick(recent)[1])
                continue
            row = dice.pick(wordings).with_facts(**other_facts(dice, facts, number))
            earlier = dice.pick(wordings)
            before = earlier.wording.ticket(
                {**earlier.facts, **other_facts(dice, facts, number + size)}
            )
            line = spoiled(kind, row, before, number, dice, recent)
            if not kind:
                recent.append((row, line))
            file.write(line)


def other_facts(dice: Dice, facts: list[Facts], number: int) -> Facts:
    names = vocabulary("tickets")
    return {
        **dice.pick(facts),
        "id": f"TK-{10_000_000 + number}",
        "first": dice.pick(names.first_names),
        "last": dice.pick(names.last_names),
    }


SPOILERS: dict[str, Callable[[Row, int, Dice], defects.Spoiled]] = {
    "ungrounded": lambda row, at, dice: defects.ungrounded(
        row, defects.ENTITY_KINDS[at % len(defects.ENTITY_KINDS)], dice
    ),
    "format": lambda row, at, dice: defects.misshapen(
        row, defects.FORMAT_KINDS[at % len(defects.FORMAT_KINDS)]
    ),
    "marker": lambda row, at, dice: defects.marked(
        row, defects.MARKER_KINDS[at % len(defects.MARKER_KINDS)], dice
    ),
    "secret": lambda row, at, dice: defects.leaking(
        row, defects.SECRET_KINDS[at % len(defects.SECRET_KINDS)], dice
    ),
}


def spoiled(
    kind: str, row: Row, before: str, number: int, dice: Dice, recent: deque[tuple[Row, bytes]]
) -> bytes:
    """Return the line of a row with its defect, if it has one."""
    conversation = f"C{number:07d}"
    if kind == "near_copy" and recent:
        original, line = dice.pick(recent)
        user = json.loads(line)["messages"][1]["content"]
        edited = user.replace("Outcome", "Result").replace(original.facts["due"], "31 December")
        return as_line(f"{edited} Thanks.", original.assistant, original, conversation)
    if kind == "bad_line":
        content = as_line(f"{before}\n\n{row.user}", row.assistant, row, conversation)
        bad = defects.BAD_LINE_KINDS[number % len(defects.BAD_LINE_KINDS)]
        return defects.bad_line(json.loads(content), content.decode().strip(), bad) + b"\n"
    said = SPOILERS[kind](row, number, dice) if kind in SPOILERS else row
    return as_line(f"Earlier: {before}\n\n{said.user}", said.assistant, row, conversation)


def as_line(user: str, assistant: str, row: Row, conversation: str) -> bytes:
    turns = [("system", support_email.SYSTEM_PROMPT), ("user", user), ("assistant", assistant)]
    value = {
        "messages": [{"role": role, "content": text} for role, text in turns],
        "conversation": conversation,
        "product": row.facts["product"],
        "problem": row.problem,
        "language": "en",
    }
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


if __name__ == "__main__":
    main()
