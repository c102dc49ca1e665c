"""What is damaged, what nobody needs, and what is found by the start of a digest."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.toy_stages import CUT, DRAW, JUDGE, MAKE, MakeParams, NoParams
from tunesmith import artifacts
from tunesmith.artifacts import Adapter, Ref
from tunesmith.canonical import canonical
from tunesmith.commands.upkeep import (
    KINDS,
    collect,
    damage,
    find_artifact,
    garbage,
    leftovers,
    read_ref,
)
from tunesmith.errors import InputError
from tunesmith.records import Example
from tunesmith.store import Store
from tunesmith.store.files import TEMPORARY, owned_name
from tunesmith.store.lease import held
from tunesmith.store.overlay import over


def filled(store):
    """Build one of everything: rows, a split of rows, files, a document."""
    source = store.build(MAKE, MakeParams(rows=9))
    store.build(CUT, NoParams(), source)
    store.build(DRAW, NoParams(), source)
    store.build(JUDGE, MakeParams(), {"test": source})
    return store


@pytest.fixture
def built(store):
    return filled(store)


@pytest.fixture
def built_anywhere(any_store):
    return filled(any_store)


def refs(store):
    return {record["stage"]: read_ref(record["output"]) for record in store.all_records()}


def one_file(store, ref, start=""):
    names = [name for name in store.manifest(ref)["files"] if name.startswith(start)]
    return f"{ref.kind}/{ref.digest}/{min(names)}"


def aged(store, days):
    """Make every file of a local store that old."""
    then = time.time() - days * 86_400
    for path in store.storage.local.rglob("*"):
        os.utime(path, (then, then))


# doctor


def test_a_whole_store_has_no_damage(built):
    assert list(damage(built)) == []


def test_every_damage_is_named_once(built_anywhere):
    built = built_anywhere
    found = refs(built)
    built.storage.delete(one_file(built, found["make"], "dropped"))
    built.storage.replace(one_file(built, found["judge"]), b'{"test":8}')
    built.storage.delete(one_file(built, found["cut"].train))  # found in the split and by itself
    built.storage.delete(f"adapter/{found['train'].digest}/manifest.json")
    told = sorted(damage(built))
    assert len(told) == 4
    assert told[0] == f"adapter {found['train'].short}: no manifest"
    assert told[1].startswith(f"examples {min(found['make'].short, found['cut'].train.short)}")
    assert told[3] == f"verdict {found['judge'].short}: verdict.json has been altered"


def forge(store, ref, name, content):
    """Change a file, and the manifest with it, as a careful hand would."""
    import hashlib

    manifest = store.manifest(ref)
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    store.storage.replace(f"{ref.kind}/{ref.digest}/{name}", content)
    store.storage.replace(f"{ref.kind}/{ref.digest}/manifest.json", canonical(manifest))


def test_content_that_was_changed_together_with_its_manifest_is_found(built):
    found = refs(built)
    other = built.build(MAKE, MakeParams(rows=8))
    (name,) = (n for n in built.manifest(found["make"])["files"] if n.startswith("kept"))
    shard = built.storage.read(one_file(built, other, "kept"))
    forge(built, found["make"], name, shard)
    forge(built, found["judge"], "verdict.json", b"{}")
    assert sorted(damage(built)) == [
        f"examples {found['make'].short}: its content does not have its digest",
        f"verdict {found['judge'].short}: its content does not have its digest",
    ]


# gc


def test_what_a_record_names_is_never_garbage(built):
    assert list(garbage(built, older_than_days=0)) == []


def test_artifacts_without_a_record_and_unfinished_work_are_garbage(built_anywhere):
    built = built_anywhere
    whole = {name: size for kind in ("examples", "split", "adapter", "verdict") for name, size in built.storage.sizes(kind).items()}  # fmt: skip
    built.seal(Adapter(digest="ab" * 32, base="0"), _folder(built), {})
    built.storage.create("examples/" + "cd" * 32 + "/kept-00000-x.parquet", b"half")
    built.storage.create("work/train/key/state/checkpoint-5/weights", b"1234")
    built.storage.create("work/train/key/lease-000001", b"{}")
    found = list(garbage(built, older_than_days=0))
    assert [(item.path, item.size) for item in found[:2] + found[2:]] == [
        (f"adapter/{'ab' * 32}", found[0].size),
        (f"examples/{'cd' * 32}", 4),
        ("work/train/key", 6),
    ]
    for item in found:
        collect(built, item)
    assert list(garbage(built, older_than_days=0)) == []
    assert built.storage.sizes("work") == {}
    assert whole == {name: size for kind in ("examples", "split", "adapter", "verdict") for name, size in built.storage.sizes(kind).items()}  # fmt: skip
    assert list(damage(built)) == []
    assert len(list(built.rows(refs(built)["make"], Example))) == 7


def _folder(store):
    folder = store._local / "sealing"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "weights").write_bytes(b"w" * 50)
    return folder


def test_what_is_young_is_left_alone(store):
    store.storage.create("work/train/old/state/x", b"1")
    store.storage.create("examples/" + "cd" * 32 + "/x", b"1")
    store.storage.create(f"{TEMPORARY}/of-a-killed-writer", b"1")
    aged(store, 10)
    store.storage.create("work/train/old/state/young", b"1")
    assert [item.path for item in garbage(store, 9)] == [f"examples/{'cd' * 32}", f"{TEMPORARY}/of-a-killed-writer"]  # fmt: skip
    assert [round(item.days) for item in garbage(store, 9)] == [10, 10]
    assert list(garbage(store, 11)) == []


def test_a_builder_at_work_keeps_its_work_young(store):
    store.storage.create("work/train/key/state/x", b"1")
    aged(store, 10)
    assert len(list(garbage(store, 9))) == 1
    with held(store.storage, "work/train/key"):
        assert list(garbage(store, 9)) == []


def gone():
    """The id and start of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begun = psutil.Process(child.pid).create_time()
    child.communicate(b"\n")
    return child.pid, begun


def left_lease(pid, begun, host=None):
    host = host or socket.gethostname()
    return json.dumps(
        {"host": host, "pid": pid, "started": begun, "token": "t", "beat": 0}
    ).encode()


def paths(store, days=1000):
    return [item.path for item in garbage(store, days)]


def half_done(store, *parts, folder="work/dedup/key"):
    for part in ("inputs.json", *parts):
        store.storage.create(f"{folder}/{part}", b"1")


def test_what_a_killed_builder_cannot_continue_is_garbage_at_once(any_store):
    store = any_store
    half_done(store, "out/1/texts")
    store.storage.create("work/dedup/key/lease-000001", left_lease(*gone()))
    assert paths(store) == ["work/dedup/key"]
    (found,) = garbage(store, 1000)
    assert collect(store, found)
    assert store.storage.sizes("work") == {}


def test_of_a_killed_builder_that_can_continue_only_half_outputs_are(store):
    half_done(store, "out/1/texts", "state/checkpoint-5/weights")
    store.storage.create("work/dedup/key/lease-000001", left_lease(*gone()))
    assert paths(store) == ["work/dedup/key/out"]
    for found in list(garbage(store, 1000)):
        assert collect(store, found)
    assert sorted(store.storage.sizes("work/dedup/key")) == ["inputs.json", "state/checkpoint-5/weights"]  # fmt: skip
    assert paths(store) == []
    assert paths(store, 0) == ["work/dedup/key"]


def test_a_builder_that_failed_leaves_no_lease_and_its_half_outputs_are(store):
    half_done(store, "out/1/texts", "state/x")
    assert paths(store) == ["work/dedup/key/out"]


@pytest.mark.parametrize("parts", [("out/1/texts",), ("state/x",), ()])
def test_what_a_builder_of_this_machine_uses_is_never_garbage(any_store, parts):
    half_done(any_store, *parts)
    with held(any_store.storage, "work/dedup/key"):
        assert paths(any_store, 0) == paths(any_store) == []


def test_what_a_builder_elsewhere_may_use_is_judged_by_its_age(store):
    half_done(store, "out/1/texts")
    store.storage.create("work/dedup/key/lease-000001", left_lease(1, 1.0, host="elsewhere"))
    assert paths(store) == []
    assert paths(store, 0) == ["work/dedup/key"]
    aged(store, 20)
    (found,) = garbage(store, 14)
    assert collect(store, found)
    assert store.storage.sizes("work") == {}


def test_an_artifact_that_a_builder_has_just_sealed_is_left_to_it(store):
    store.storage.create("examples/" + "cd" * 32 + "/x", b"1")
    assert len(paths(store, 0)) == 1
    half_done(store)
    with held(store.storage, "work/dedup/key"):
        assert paths(store, 0) == []
        aged(store, 8)
        assert paths(store, 0) == [f"examples/{'cd' * 32}"]


def test_a_builder_that_begins_in_between_loses_nothing(store):
    half_done(store, "out/1/texts")
    (found,) = garbage(store, 1000)
    with held(store.storage, "work/dedup/key"):
        assert not collect(store, found)
    assert store.storage.sizes("work/dedup/key") == {"inputs.json": 1, "out/1/texts": 1}


def test_temporary_files_of_the_dead_are_garbage_at_once_and_of_the_living_never(store):
    mine = owned_name()
    host, _, _, token = mine.split("-")
    pid, begun = gone()
    dead, elsewhere = f"{host}-{pid}-{int(begun)}-{token}", f"{'0' * 8}-{pid}-{int(begun)}-{token}"
    other_start = f"{host}-{os.getpid()}-1-{token}"  # the id was used again, or the clock was set
    for name in (mine, dead, elsewhere, other_start, "of-an-older-release"):
        store.storage.create(f"{TEMPORARY}/{name}", b"1")
    store.storage.create(f"{TEMPORARY}/{dead}2/examples/x", b"1")  # no name of ours
    assert paths(store) == [f"{TEMPORARY}/{dead}"]
    assert f"{TEMPORARY}/{mine}" not in paths(store, 0)
    assert len(paths(store, 0)) == 5
    for found in list(garbage(store, 1000)):
        collect(store, found)
    assert paths(store) == []


def test_of_a_store_elsewhere_what_lies_on_this_machine_is_found(any_store):
    pid, begun = gone()
    name = f"{owned_name().split('-')[0]}-{pid}-{int(begun)}-{'0' * 32}"
    for path in (f"{TEMPORARY}/{name}/examples/x", "work/dedup/key/out/1/texts"):
        (any_store.scratch / path).parent.mkdir(parents=True)
        (any_store.scratch / path).write_bytes(b"12")
    assert paths(any_store) == ["work/dedup/key", f"{TEMPORARY}/{name}"]
    for found in list(garbage(any_store, 1000)):
        assert collect(any_store, found)
    assert paths(any_store, 0) == []
    assert not (any_store.scratch / TEMPORARY / name).exists()


def test_an_overlay_that_was_killed_is_garbage_and_one_in_use_is_not(store):
    made = store.build(MAKE, MakeParams())
    code = (
        "import os, sys\nfrom tests.toy_stages import MAKE, MakeParams\n"
        "from tunesmith.store import Store\nfrom tunesmith.store.overlay import over\n"
        "with over(Store(sys.argv[1])) as throwaway:\n"
        "    throwaway.build(MAKE, MakeParams(rows=3))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code, store.url], cwd=Path(__file__).parents[2], check=False
    )
    with over(store) as throwaway:
        throwaway.build(MAKE, MakeParams(rows=3))
        (found,) = garbage(store, 1000)
        assert throwaway.url not in str(store.storage.local / found.path)
    assert leftovers(store).startswith("1 leftover of processes that died or failed, 0.0 MB: ")
    assert collect(store, found)
    assert (paths(store, 0), leftovers(store)) == ([], "")
    assert store.storage.sizes(TEMPORARY) == {}
    assert store.find(MAKE, MakeParams()) == made


def test_an_artifact_that_a_killed_builder_sealed_is_adopted_by_the_next(store):
    ref = store.build(MAKE, MakeParams())
    store.storage.delete("records")
    assert [item.path for item in garbage(store, 0)] == [f"examples/{ref.digest}"]
    assert store.build(MAKE, MakeParams()) == ref
    assert list(garbage(store, 0)) == []


# show


def test_an_artifact_is_found_by_the_start_of_its_digest(built):
    for stage, ref in refs(built).items():
        for prefix in (ref.digest, ref.short, f"{ref.kind}/{ref.short}"):
            found, record = find_artifact(built, prefix)
            assert (found, record["stage"]) == (ref, stage)
    side = refs(built)["cut"].train
    assert find_artifact(built, side.short)[0] == side


def test_the_newest_record_of_an_artifact_is_shown(store):
    ref = store.build(MAKE, MakeParams())
    again = Store(store.url, rebuild=frozenset({"make"}))
    again.build(MAKE, MakeParams())
    newest = max(store.all_records(), key=lambda record: record["created"])
    assert find_artifact(store, ref.short)[1] == newest


@pytest.mark.parametrize(("prefix", "says"), [("zz", "no artifact"), ("", "artifacts")])
def test_none_or_several_are_an_error(built, prefix, says):
    with pytest.raises(InputError, match=says):
        find_artifact(built, prefix)


def test_every_kind_of_artifact_can_be_read_again():
    kinds = {
        kind
        for kind in vars(artifacts).values()
        if isinstance(kind, type) and issubclass(kind, Ref)
    }
    assert set(KINDS.values()) == kinds - {Ref, artifacts.Files}
