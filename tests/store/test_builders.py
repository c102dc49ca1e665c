"""Builders that meet, and builders that die: one artifact, one truth, nothing half-written."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.toy_stages import CUT, DRAW, MAKE, MakeParams, NoParams
from tunesmith.artifacts import Examples
from tunesmith.errors import Transient
from tunesmith.records import Example
from tunesmith.stage import Stage
from tunesmith.store import Store
from tunesmith.store import rows as rows_module

ROOT = Path(__file__).parents[2]


def program(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.toy_stages", *map(str, arguments)],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more,
    )  # fmt: skip


# Builders that meet


def test_of_many_processes_one_builds_and_the_others_adopt(any_store, tmp_path):
    log = tmp_path / "log"
    builders = [
        program("build", any_store.url, tmp_path / f"scratch-{number}", log) for number in range(3)
    ]
    for builder in builders:
        assert builder.stdout.readline() == "ready\n"
    for builder in builders:
        builder.stdin.write("go\n")
        builder.stdin.flush()
    told = {builder.communicate(timeout=60)[0] for builder in builders}
    assert [builder.returncode for builder in builders] == [0] * 3
    assert told == {any_store.build(MAKE, MakeParams()).model_dump_json()}
    assert len(log.read_text().splitlines()) == 1
    assert len(list(any_store.all_records())) == 1


def test_many_threads_build_once(store):
    calls, refs = [], []

    def body(params, draft):
        calls.append(1)
        return MAKE.body(params, draft)

    stage = Stage("make", 1, Examples, body)
    threads = [
        threading.Thread(target=lambda: refs.append(store.build(stage, MakeParams())))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), len(refs), len(set(refs))) == (1, 6, 1)


@pytest.mark.parametrize("moment", ["before", "first look", "second look", "lease"])
@pytest.mark.parametrize("stage", [CUT, DRAW], ids=["repeatable", "not repeatable"])
def test_a_record_that_appears_while_we_look_is_adopted(store, stage, moment):
    source = store.build(MAKE, MakeParams())
    other = Store(store.url)
    sizes = store.storage.sizes
    theirs, looks = [], []

    def look(folder):
        found = sizes(folder)
        looks.append(folder.split("/")[0])
        now = {
            "before": len(looks) == 1,
            "first look": looks.count("records") == 1,
            "second look": looks.count("records") == 2,
            "lease": "work" in looks,
        }
        if now[moment] and not theirs:
            theirs.append(other.build(stage, NoParams(), source))
            return sizes(folder) if moment == "before" else found
        return found

    store.storage.sizes = look
    assert store.build(stage, NoParams(), source) == theirs[0]
    assert len(list(other.all_records(stage.name))) == 1


def test_two_that_rebuild_at_once_build_once(store):
    source = store.build(MAKE, MakeParams())
    first = store.build(DRAW, NoParams(), source)
    one, other = (Store(store.url, rebuild=frozenset({"train"})) for _ in range(2))
    refs, inside, calls = [], threading.Event(), []
    looked = threading.Event()

    def body(params, draft, source):
        calls.append(1)
        inside.set()
        assert looked.wait(60)  # the other has seen the old record, and waits for the lease
        return DRAW.body(params, draft, source)

    stage = Stage("train", 1, DRAW.produces, body, repeatable=False)
    thread = threading.Thread(target=lambda: refs.append(one.build(stage, NoParams(), source)))
    thread.start()
    assert inside.wait(60)
    create = other.storage.sizes

    def look(folder):
        if folder.startswith("work/"):
            looked.set()
        return create(folder)

    other.storage.sizes = look
    refs.append(other.build(stage, NoParams(), source))
    thread.join()
    assert len(calls) == 1
    assert refs[0] == refs[1] != first


def test_a_builder_that_was_thought_dead_adopts_what_the_other_made(any_store):
    source = any_store.build(MAKE, MakeParams())
    theirs = []

    def slow(params, draft, source):
        # Silent for so long that another takes the lease over and finishes.
        any_store.storage.delete(f"work/train/{draft.key}/lease-000001")
        theirs.append(any_store.build(DRAW, NoParams(), source))
        return DRAW.body(params, draft, source)

    stage = Stage("train", 1, DRAW.produces, slow, repeatable=False)
    with pytest.raises(Transient, match="another builder"):
        any_store.build(stage, NoParams(), source)
    assert any_store.build(stage, NoParams(), source) == theirs[0]
    assert len(list(any_store.all_records("train"))) == 1


def sealed_meanwhile(store, other, monkeypatch, shard_bytes):
    """Build in `other` while `store` seals, just before its first file is created."""
    create = store.storage.create
    done = []

    def meanwhile(path, content):
        if path.startswith("examples/") and not done:
            done.append(path)
            monkeypatch.setattr(rows_module, "SHARD_BYTES", shard_bytes)
            other.build(Stage("elsewhere", 1, Examples, MAKE.body), MakeParams(rows=9))
        return create(path, content)

    store.storage.create = meanwhile
    return done


@pytest.mark.parametrize("shard_bytes", [1 << 26, 1])
def test_two_that_seal_the_same_content_at_once_do_each_other_no_harm(
    any_store, monkeypatch, shard_bytes
):
    # The other finishes first; with another layout of shards, too.
    other = Store(any_store.url, any_store._local)
    done = sealed_meanwhile(any_store, other, monkeypatch, shard_bytes)
    delete = any_store.storage.delete
    deleted = []
    any_store.storage.delete = lambda path: deleted.append(path) or delete(path)
    ref = any_store.build(MAKE, MakeParams(rows=9))
    assert done
    assert [path for path in deleted if path.startswith("examples/")] == []
    assert any_store.problems(ref, hashes=True) == []
    assert len(list(any_store.rows(ref, Example))) == 7
    assert len(list(any_store.dropped(ref))) == 2


# Builders that die


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Stores in which a build was killed before each change that it makes to the file system."""
    folder = tmp_path_factory.mktemp("killed")
    told, _ = program("kill", folder).communicate(timeout=120)
    assert json.loads(told)["exit"] == 0
    stores = sorted(path for path in folder.iterdir() if path.name.isdigit() and int(path.name))
    assert len(stores) == json.loads(told)["builds"] > 40
    return stores


def test_a_kill_leaves_no_record_of_what_was_not_finished(killed):
    unfinished = 0
    for root in killed:
        store = Store(str(root))
        for record in store.all_records():
            split = {"make": MAKE, "cut": CUT}[record["stage"]].produces
            assert store.problems(split.model_validate(record["output"]), hashes=True) == []
        unfinished += not list(store.all_records("cut"))
    # The lease and the state are tidied up after the record: the last few kills come after it.
    assert len(killed) - 16 < unfinished < len(killed)


def test_a_kill_leaves_nothing_half_written_under_a_name(killed):
    whole = {
        path.relative_to(killed[-1]): path.read_bytes()
        for path in killed[-1].rglob("*")
        if path.is_file() and path.relative_to(killed[-1]).parts[0] in ("examples", "split")
    }
    for root in killed:
        for path in root.rglob("*"):
            if path.is_file() and path.relative_to(root).parts[0] in ("examples", "split"):
                assert path.read_bytes() == whole[path.relative_to(root)]
        for path in (root / "records").rglob("*.json"):
            json.loads(path.read_bytes())
        for manifest in root.glob("*/*/manifest.json"):
            named = json.loads(manifest.read_bytes())["files"]
            assert named.keys() <= {path.name for path in manifest.parent.iterdir()}


def test_the_next_build_finishes_what_a_kill_left_and_repeats_no_step(killed):
    expected = Store(str(killed[-1])).all_records("cut")
    output = next(expected)["output"]
    resumed = []
    for root in killed:
        store = Store(str(root))
        done = len(list(root.glob("work/cut/*/state/[0-9]")))
        finished = len(list(store.all_records("cut")))
        source = store.build(MAKE, MakeParams())
        ref = store.build(CUT, NoParams(), source)
        assert ref.model_dump(mode="json") == output
        (record,) = store.all_records("cut")
        if not finished:
            assert record["notes"]["resumed_at"] == done
            resumed.append(done)
            assert store.storage.sizes("work") == {}
        assert len(list(store.all_records("make"))) == 1
        assert store.problems(ref, hashes=True) == []
    assert set(resumed) == {0, 1, 2, 3}


def test_a_body_that_raises_leaves_no_record_and_its_work_to_the_next(any_store):
    source = any_store.build(MAKE, MakeParams())

    def fail(params, draft, source):
        (draft.state / "checkpoint").write_text("half the work")
        draft.save()
        draft.seal_json(DRAW.produces, "x.json", 1, base="0")
        raise ValueError("on the way")

    def resume(params, draft, source):
        assert (draft.state / "checkpoint").read_text() == "half the work"
        return DRAW.body(params, draft, source)

    with pytest.raises(ValueError, match="on the way"):
        any_store.build(Stage("train", 1, DRAW.produces, fail, False), NoParams(), source)
    assert list(any_store.all_records("train")) == []
    any_store.build(Stage("train", 1, DRAW.produces, resume, False), NoParams(), source)
    assert any_store.storage.sizes("work") == {}


def test_a_files_left_by_another_layout_of_shards_are_not_read(store, monkeypatch):
    create = store.storage.create

    def die(path, content):
        if path.endswith("manifest.json"):
            raise KeyboardInterrupt
        return create(path, content)

    monkeypatch.setattr(rows_module, "SHARD_BYTES", 1)
    monkeypatch.setattr(store.storage, "create", die)
    with pytest.raises(KeyboardInterrupt):
        store.build(MAKE, MakeParams(rows=9))
    monkeypatch.undo()
    ref = store.build(MAKE, MakeParams(rows=9))
    assert len(list(store.rows(ref, Example))) == 7
    assert len(store.storage.sizes(f"examples/{ref.digest}")) == 3


def test_work_saved_elsewhere_survives_the_loss_of_the_machine(s3, tmp_path):
    source = Store(s3, tmp_path / "first").build(MAKE, MakeParams())

    def lost(params, draft, source):
        (draft.state / "step-1").mkdir()
        (draft.state / "step-1" / "weights").write_text("1")
        (draft.state / "log").write_text("1")
        draft.save()
        (draft.state / "step-1" / "weights").unlink()  # old checkpoints go
        (draft.state / "step-2").mkdir()
        (draft.state / "step-2" / "weights").write_text("22")
        (draft.state / "log").write_text("1\n2")
        draft.save()
        (draft.state / "log").write_text("not saved")
        raise KeyboardInterrupt

    def once_more(params, draft, source):
        found = {
            p.relative_to(draft.state).as_posix(): p.read_text()
            for p in draft.state.rglob("*")
            if p.is_file()
        }
        seen.append(found)
        (draft.state / "step-2" / "weights").unlink()
        (draft.state / "step-3").write_text("3")
        draft.save()
        raise KeyboardInterrupt

    seen = []
    for number, body in enumerate([lost, once_more, once_more]):
        store = Store(s3, tmp_path / f"machine-{number}")
        with pytest.raises((KeyboardInterrupt, FileNotFoundError)):
            store.build(Stage("train", 1, DRAW.produces, body, False), NoParams(), source)
    assert seen == [{"step-2/weights": "22", "log": "1\n2"}, {"step-3": "3", "log": "1\n2"}]


def test_what_changed_is_saved_and_the_oldest_first(s3, tmp_path):
    store = Store(s3, tmp_path / "scratch")
    put = []
    replace = store.storage.replace
    store.storage.replace = lambda path, content: (
        put.append(Path(path).name) or replace(path, content)
    )

    def body(params, draft):
        for name, seconds in (("weights", 10), ("complete", 30), ("optimizer", 20)):
            (draft.state / name).write_text(name)
            os.utime(draft.state / name, (seconds, seconds))
        draft.save()
        draft.save()
        (draft.state / "weights").write_text("more weights")
        draft.save()
        return MAKE.body(params, draft)

    store.build(Stage("make", 1, Examples, body), MakeParams())
    assert [name for name in put if not name.startswith(("lease", "inputs"))] == [
        "weights", "optimizer", "complete", "weights",
    ]  # fmt: skip
