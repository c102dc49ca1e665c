"""Engines give the same results in the same order, and leave nothing running."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import psutil
import pytest

from tests.made_rows import chats
from tunesmith import engine
from tunesmith.artifacts import Examples
from tunesmith.engine import LocalEngine, RayEngine, batched
from tunesmith.errors import InputError, Transient
from tunesmith.records import Dropped, Example, Extra
from tunesmith.stage import Params, Stage
from tunesmith.store import Store
from tunesmith.store import draft as drafts


@pytest.fixture
def at_once(monkeypatch):
    """Other processes from the first batch on."""
    monkeypatch.setattr(engine, "ALONE_SECONDS", 0.0)


def add(batch):
    return sum(batch), os.getpid()


@dataclass(frozen=True)
class Times:
    factor: int

    def __call__(self, batch):
        return [self.factor * item for item in batch]


def refuse(batch):
    if batch == [3]:
        raise InputError("the third is bad")
    return batch


def die(batch):
    if batch == [3]:
        os._exit(9)
    return batch


def ones(count):
    return ([number] for number in range(count))


def test_a_little_work_is_done_in_this_process():
    assert {pid for _, pid in LocalEngine(4).map(add, ones(50))} == {os.getpid()}


def test_much_work_is_done_by_others_in_order(at_once):
    found = list(LocalEngine(2).map(add, ones(50)))
    assert [total for total, _ in found] == list(range(50))
    pids = {pid for _, pid in found}
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2


def test_one_worker_is_this_process(at_once):
    assert {pid for _, pid in LocalEngine(1).map(add, ones(50))} == {os.getpid()}


def test_work_may_carry_what_it_needs(at_once):
    assert list(LocalEngine(2).map(Times(3), [[1, 2], [], [5]])) == [[3, 6], [], [15]]


def test_nothing_in_nothing_out(at_once):
    assert list(LocalEngine(2).map(add, [])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_arrives_as_it_is(at_once, workers):
    with pytest.raises(InputError, match="the third is bad"):
        list(LocalEngine(workers).map(refuse, ones(50)))


def test_a_worker_that_dies_is_transient(at_once):
    with pytest.raises(Transient, match="a worker process died"):
        list(LocalEngine(2).map(die, ones(50)))


def test_batches_are_drawn_as_they_are_needed(at_once):
    drawn = []

    def endless():
        while True:
            drawn.append(1)
            yield [1]

    results = LocalEngine(2).map(add, endless())
    pids = {next(results)[1] for _ in range(5)}
    assert len(drawn) <= 5 + 2 * engine.AHEAD
    results.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_killed_parent_leaves_no_worker(tmp_path):
    code = (
        "import sys, time\n"
        "from tests.test_engine import Sleep, ones\n"
        "from tunesmith import engine\n"
        "engine.ALONE_SECONDS = 0.0\n"
        "for result in engine.LocalEngine(2).map(Sleep(), ones(1000)):\n"
        "    print(result, flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    workers = {psutil.Process(int(parent.stdout.readline())) for _ in range(8)}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    parent.stdout.close()
    assert workers
    assert not alive


@dataclass(frozen=True)
class Sleep:
    def __call__(self, batch):
        time.sleep(0.05)  # long enough that the parent is killed in the middle
        return os.getpid()


@pytest.mark.parametrize(
    ("items", "rows", "size", "expected"),
    [
        ([], 2, 9, []),
        (["a", "b", "c"], 2, 9, [["a", "b"], ["c"]]),
        (["aaaa", "b", "cccccccccccc", "d"], 9, 5, [["aaaa", "b"], ["cccccccccccc"], ["d"]]),
    ],
)
def test_batches_end_at_a_count_or_a_size(items, rows, size, expected):
    assert list(batched(items, rows, size, len)) == expected


# Rows of an artifact


class NoParams(Params):
    pass


@dataclass(frozen=True)
class Sieve:
    """Drops every fifth row, and makes a second of every seventh."""

    def __call__(self, rows: list[Example]):
        for row in rows:
            number = int(row.source.rpartition(":")[2])
            if number % 5 == 0:
                yield Dropped(source=row.source, reason="fifth", detail="so", row=row)
            else:
                yield row
            if number % 7 == 0:
                yield Extra(row)


@dataclass(frozen=True)
class Forgetful:
    def __call__(self, rows: list[Example]):
        return rows[1:]


def count(rows: list[Example]) -> Counter[str]:
    return Counter(row.source for row in rows)


def make(params, draft):
    draft.count_in(100)
    return draft.seal_examples(chats(*(f"question {number}" for number in range(100))))


def sieve(params, draft, source):
    total = Counter()
    for found in draft.survey(source, count):
        total += found
    draft.notes["surveyed"] = total.total()
    return draft.transform(source, Sieve())


MAKE = Stage("make", version=1, produces=Examples, body=make)
SIEVE = Stage("sieve", version=1, produces=Examples, body=sieve)


def sieved(folder, runner):
    store = Store(str(folder), engine=runner)
    ref = store.build(SIEVE, NoParams(), store.build(MAKE, NoParams()))
    (record,) = store.all_records("sieve")
    assert record["notes"]["surveyed"] == 100
    assert record["counts"] == {"rows_in": 114, "kept": 94, "dropped": {"fifth": 20}}
    return ref


@pytest.mark.parametrize(("workers", "rows"), [(1, 512), (1, 1), (2, 9), (3, 1)])
def test_the_digest_does_not_depend_on_workers_or_batches(
    tmp_path, at_once, monkeypatch, workers, rows
):
    alone = sieved(tmp_path / "alone", LocalEngine(1))
    monkeypatch.setattr(drafts, "BATCH_ROWS", rows)
    assert sieved(tmp_path / "other", LocalEngine(workers)) == alone


def test_a_row_that_gets_lost_in_a_batch_is_an_error_of_the_stage(tmp_path):
    store = Store(str(tmp_path))

    def body(params, draft, source):
        return draft.transform(source, Forgetful())

    stage = Stage("forget", version=1, produces=Examples, body=body)
    with pytest.raises(RuntimeError, match="100 rows in a batch, but 99 came out"):
        store.build(stage, NoParams(), store.build(MAKE, NoParams()))


def test_a_script_whose_call_every_worker_would_repeat_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from tunesmith import engine\n"
        "engine.ALONE_SECONDS = 0.0\n"
        "list(engine.LocalEngine(2).map(str, range(9)))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "errors.RecipeError: If a script" in ended.stderr, "a worker stops before it does work"
    (told,) = [item for item in ended.stderr.splitlines() if item.startswith("tunesmith.errors.Tr")]
    assert 'below `if __name__ == "__main__":`' in told


@pytest.fixture
def cluster(monkeypatch):
    """Two Ray nodes on loopback, each with one core."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray = pytest.importorskip("ray", reason="pip install tunesmith[ray]")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 << 20}
    made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    made.second = made.add_node(**node)
    yield made
    ray.shutdown()
    made.shutdown()


def test_a_cluster_that_loses_a_node_gives_the_same_digest(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(drafts, "BATCH_ROWS", 2)
    runner = RayEngine(cluster.address)
    both = list(runner.map(Sleep(), ones(40)))
    assert len(set(both)) == 2, "both nodes work"
    results = runner.map(Sleep(), ones(60))
    assert next(results) in both
    cluster.remove_node(cluster.second, allow_graceful=False)
    assert len([*results]) == 59
    assert sieved(tmp_path / "ray", runner) == sieved(tmp_path / "alone", LocalEngine(1))


def test_an_error_on_a_cluster_arrives_as_it_is(cluster):
    with pytest.raises(InputError, match="the third is bad"):
        list(RayEngine(cluster.address).map(refuse, ones(5)))
