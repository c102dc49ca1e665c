"""The store's contract, sentence by sentence: keys, digests, records, hits, and lost artifacts.

What happens when builders meet or die stands in `test_store_builders.py`.
"""

import json
import os
import stat
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from tests.made_rows import chat
from tests.toy_stages import (
    CUT,
    DRAW,
    JUDGE,
    MAKE,
    MakeParams,
    NoParams,
    made,
)  # fmt: skip
from tunesmith import observe
from tunesmith.artifacts import Adapter, Base, Examples, Files, Scores
from tunesmith.canonical import canonical, file_digest, files_digest
from tunesmith.errors import MissingArtifact, Transient
from tunesmith.records import Dropped, Example
from tunesmith.stage import Params, Stage
from tunesmith.store import Store
from tunesmith.store import rows as rows_module
from tunesmith.store import store as store_module


def counting(stage, calls):
    """The same stage, with a note of each time its body runs."""

    def body(params, draft, *inputs):
        calls.append(stage.name)
        return stage.body(params, draft, *inputs)

    return Stage(stage.name, stage.version, stage.produces, body, stage.repeatable)


def files(store, *folders):
    """The bytes of every file in the store, by path; of a local one, for comparison."""
    root = store.storage.local
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in folders or ("",)
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def at(store, ref, name=""):
    return store.storage.local / ref.kind / ref.digest / name


def shard(store, ref, which="kept"):
    return next(at(store, ref).glob(f"{which}-*"))


def alter(path):
    """Change a byte, and neither the size nor the name."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.fixture(autouse=True)
def first_use(monkeypatch):
    """Nothing has been hashed yet, as in a new process."""
    monkeypatch.setattr(store_module, "_verified", set())


# Keys and digests


def test_a_second_build_is_a_hit(any_store):
    calls = []
    stage = counting(MAKE, calls)
    first = any_store.build(stage, MakeParams())
    assert any_store.build(stage, MakeParams()) == first
    assert any_store.find(stage, MakeParams()) == first
    assert calls == ["make"]
    assert len(list(any_store.all_records())) == 1


def test_finding_builds_nothing(store):
    assert store.find(MAKE, MakeParams()) is None
    assert list(store.all_records()) == []


class OtherParams(Params):
    rows: int = 4
    word: str = "word"
    more: bool = False


def test_stage_version_params_and_inputs_are_the_key():
    refs = [Examples(digest=digit * 64, rows=1, dropped=0) for digit in "ab"]
    base = Base(digest="a" * 64, model="m")
    key = JUDGE.key(MakeParams(), {"base test": refs[0]})
    others = [
        JUDGE.key(MakeParams(rows=5), {"base test": refs[0]}),
        JUDGE.key(MakeParams(word="x"), {"base test": refs[0]}),
        JUDGE.key(OtherParams(), {"base test": refs[0]}),
        JUDGE.key(MakeParams(), {"base test": refs[1]}),
        JUDGE.key(MakeParams(), {"base golden": refs[0]}),
        JUDGE.key(MakeParams(), {"base test": base}),  # the same digest, of another kind
        JUDGE.key(MakeParams(), refs[0]),
        JUDGE.key(MakeParams(), refs[0], None),
        JUDGE.key(MakeParams(), None, refs[0]),
        JUDGE.key(MakeParams(), (refs[0],)),
        JUDGE.key(MakeParams(), (refs[0], refs[1])),
        JUDGE.key(MakeParams(), (refs[1], refs[0])),
        Stage("judge", 2, JUDGE.produces, JUDGE.body).key(MakeParams(), {"base test": refs[0]}),
        Stage("other", 1, JUDGE.produces, JUDGE.body).key(MakeParams(), {"base test": refs[0]}),
    ]
    assert len({key, *others}) == len(others) + 1


def test_what_says_where_or_how_much_is_no_part_of_the_key():
    one = Examples(digest="a" * 64, rows=1, dropped=0)
    other = Examples(digest="a" * 64, rows=2, dropped=9)
    here, there = (
        Files(digest="b" * 64, names=("f",), sha256=("c",), root=root) for root in ("/a", "/b")
    )
    assert JUDGE.key(MakeParams(), one, here) == JUDGE.key(MakeParams(), other, there)
    assert JUDGE.key(MakeParams(rows=4)) == JUDGE.key(MakeParams(word="word"))
    body = counting(JUDGE, [])
    assert body.key(MakeParams()) == JUDGE.key(MakeParams())


def test_keys_are_what_they_always_were():
    # A store's records are found by this number.
    ref = Examples(digest="a" * 64, rows=1, dropped=0)
    expected = "48818eef32843f5b607d090fa2d948afaa3ffe32e9836ceef61d6d36c46f0411"
    assert JUDGE.key(MakeParams(), {"test": ref}, None) == expected


class Unstable(Params):
    value: object


@pytest.mark.parametrize("value", [{1, 2}, Path("x"), b"x", float("inf"), {1: 2}, object()])
def test_a_parameter_without_a_stable_form_has_no_key(value):
    with pytest.raises(TypeError):
        MAKE.key(Unstable(value=value))


@pytest.mark.parametrize("value", ["path/to/rows", 3, Path("x"), [1]])
def test_only_references_are_inputs(value):
    with pytest.raises(TypeError, match="artifact reference"):
        JUDGE.key(MakeParams(), value)


def test_a_repeatable_stage_gives_the_same_bytes_in_any_store(tmp_path, monkeypatch):
    one, other = (Store(str(tmp_path / name)) for name in ("one", "other"))
    source = one.build(MAKE, MakeParams())
    assert other.build(MAKE, MakeParams()) == source
    first = one.build(CUT, NoParams(), source)
    assert other.build(CUT, NoParams(), source) == first
    kinds = ("examples", "split")
    assert files(one, *kinds) == files(other, *kinds)


def test_the_layout_of_shards_is_no_part_of_the_identity(tmp_path, monkeypatch):
    one, other = (Store(str(tmp_path / name)) for name in ("one", "other"))
    whole = one.build(MAKE, MakeParams(rows=9))
    monkeypatch.setattr(rows_module, "SHARD_BYTES", 1)
    cut = other.build(MAKE, MakeParams(rows=9))
    assert cut == whole
    assert len(list(at(other, cut).iterdir())) > len(list(at(one, whole).iterdir()))
    assert list(other.rows(cut, Example)) == list(one.rows(whole, Example))


def test_the_digest_of_files_is_over_names_and_contents(store):
    drawn = store.build(DRAW, NoParams(), store.build(MAKE, MakeParams()))
    names = ("steps.jsonl", "weights/adapter.bin")
    assert drawn.digest == files_digest({n: file_digest(at(store, drawn, n)) for n in names})
    assert store.manifest(drawn)["files"].keys() == set(names)


# Artifacts


def test_a_manifest_says_what_is_there_and_is_written_last_but_for_the_record(store):
    order = []
    create = store.storage.create
    store.storage.create = lambda path, content: order.append(path) or create(path, content)
    ref = store.build(MAKE, MakeParams())
    order = [path for path in order if not path.startswith("work/")]
    folder = f"examples/{ref.digest}"
    assert order[-2:] == [
        f"{folder}/manifest.json",
        f"records/make/{MAKE.key(MakeParams())}/000001.json",
    ]
    assert all(path.startswith(folder) for path in order[:-1])
    manifest = store.manifest(ref)
    assert manifest["ref"] == ref.model_dump(mode="json")
    assert manifest["counts"] == {"kept": 3, "dropped": {"fourth": 1}}
    for name, file in manifest["files"].items():
        path = at(store, ref, name)
        assert file == {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    assert len(manifest["files"]) == 2


def test_a_manifest_is_canonical_and_knows_no_time(store):
    ref = store.build(MAKE, MakeParams())
    raw = at(store, ref, "manifest.json").read_bytes()
    assert raw == canonical(json.loads(raw))
    assert not any(word in raw.decode() for word in ("created", "time", "host", "202"))


def test_rows_come_back_kept_and_dropped(any_store):
    ref = any_store.build(MAKE, MakeParams(rows=8))
    rows = list(made(MakeParams(rows=8)))
    assert list(any_store.rows(ref, Example)) == [r for r in rows if not isinstance(r, Dropped)]
    assert list(any_store.dropped(ref)) == [r for r in rows if isinstance(r, Dropped)]
    assert (ref.rows, ref.dropped) == (6, 2)


def test_files_and_documents_come_back(any_store):
    source = any_store.build(MAKE, MakeParams())
    drawn = any_store.build(DRAW, NoParams(), source)
    folder = any_store.path(drawn)
    assert len((folder / "weights" / "adapter.bin").read_bytes()) == 200
    split = any_store.build(CUT, NoParams(), source)
    assert any_store.json(split, "split.json") == [1, 2]
    assert [row.messages[0].content for row in any_store.rows(split.train, Example)] == ["word 0"]


def test_everything_a_store_holds_is_for_its_user_alone(tmp_path):
    before = os.umask(0)
    try:
        store = Store(str(tmp_path / "store"))
        store.build(CUT, NoParams(), store.build(MAKE, MakeParams()))
    finally:
        os.umask(before)
    for path in (tmp_path / "store").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_is_fetched_from_elsewhere_is_for_this_user_alone(s3, tmp_path):
    before = os.umask(0)
    try:
        store = Store(s3, tmp_path / "scratch")
        list(store.dropped(store.build(MAKE, MakeParams())))
    finally:
        os.umask(before)
    for path in (tmp_path / "scratch").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_store_elsewhere_needs_a_place_on_this_machine(s3):
    with pytest.raises(ValueError, match="scratch"):
        Store(s3)


# Records


def test_a_record_accounts_for_the_build(store):
    source = store.build(MAKE, MakeParams())
    judged = store.build(JUDGE, MakeParams(rows=9), {"base test": source, "none": source})
    (record,) = store.records(
        "judge", JUDGE.key(MakeParams(rows=9), {"base test": source, "none": source})
    )
    assert (record["stage"], record["version"]) == ("judge", 1)
    assert record["params"] == {"rows": 9, "word": "word"}
    assert record["inputs"][0]["base test"] == {"kind": "examples", "digest": source.digest}
    assert record["refs"][0]["base test"] == source.model_dump(mode="json")
    assert record["output"] == judged.model_dump(mode="json")
    assert record["timings"].keys() == {"total"}
    assert record["packages"].keys() >= {"python", "msgspec", "pyarrow", "pydantic", "torch"}
    assert {"host", "pid", "device", "commit", "created", "counts", "notes"} <= record.keys()
    (made_record,) = store.records("make", MAKE.key(MakeParams()))
    assert made_record["counts"] == {"rows_in": 4, "kept": 3, "dropped": {"fourth": 1}}


def test_a_record_does_not_say_in_which_folder_sources_lay(store):
    sources = Files(digest="b" * 64, names=("f",), sha256=("c",), root="/some/where")
    noted = Stage(
        "noted", 1, JUDGE.produces, lambda params, draft, source: JUDGE.body(params, draft, {})
    )
    store.build(noted, MakeParams(), sources)
    (record,) = files(store, "records").values()
    assert b"some/where" not in record
    assert sources.digest.encode() in record


def test_nothing_that_is_complete_is_ever_overwritten(store):
    source = store.build(MAKE, MakeParams())
    for _ in range(3):
        again = Store(store.url, rebuild=frozenset({"train", "make", "cut"}))
        again.build(DRAW, NoParams(), source)
        before = files(store, "examples", "adapter", "split", "records")
        again.build(MAKE, MakeParams())
        again.build(CUT, NoParams(), source)
        again.build(DRAW, NoParams(), source)
        now = files(store, "examples", "adapter", "split", "records")
        assert now | before == now
        assert now.keys() > before.keys()
    assert Counter(record["stage"] for record in store.all_records()) == {
        "make": 4, "cut": 3, "train": 6,
    }  # fmt: skip


def test_a_number_that_is_taken_is_left_to_whoever_took_it(store):
    ref = store.build(MAKE, MakeParams())
    folder = f"records/make/{MAKE.key(MakeParams())}"
    create = store.storage.create

    def too_late(path, content):
        if path == f"{folder}/000002.json":
            create(path, canonical({"theirs": True, "output": ref.model_dump(mode="json")}))
        return create(path, content)

    store.storage.create = too_late
    store.rebuild = frozenset({"make"})
    store.build(MAKE, MakeParams())
    assert sorted(store.storage.sizes(folder)) == ["000001.json", "000002.json", "000003.json"]
    assert json.loads(store.storage.read(f"{folder}/000002.json"))["theirs"]


def test_the_newest_record_wins(store):
    source = store.build(MAKE, MakeParams())
    again = Store(store.url, rebuild=frozenset({"train"}))
    drawn = [again.build(DRAW, NoParams(), source) for _ in range(11)]
    assert len({ref.digest for ref in drawn}) == 11
    assert store.build(DRAW, NoParams(), source) == drawn[-1]
    outputs = [r["output"]["digest"] for r in store.records("train", DRAW.key(NoParams(), source))]
    assert outputs == [ref.digest for ref in reversed(drawn)]


def test_records_of_one_stage_are_not_those_of_another_that_begins_alike(any_store):
    source = any_store.build(MAKE, MakeParams())
    any_store.build(Stage("cut2", 1, CUT.produces, CUT.body), NoParams(), source)
    assert list(any_store.all_records("cut")) == []
    assert len(list(any_store.all_records("cut2"))) == 1


def test_a_damaged_record_is_named(store):
    store.build(MAKE, MakeParams())
    (path,) = (store.storage.local / "records").rglob("*.json")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(MissingArtifact, match=r"000001\.json: the record is damaged"):
        store.build(MAKE, MakeParams())


# Hits that are checked, and artifacts that are lost


DAMAGE = {
    "no manifest": lambda store, ref: at(store, ref, "manifest.json").unlink(),
    "half a manifest": lambda store, ref: at(store, ref, "manifest.json").write_text('{"files"'),
    "a file is gone": lambda store, ref: shard(store, ref).unlink(),
    "a file is cut": lambda store, ref: os.truncate(shard(store, ref), 40),
    "a file is longer": lambda store, ref: os.truncate(shard(store, ref), 9_999),
    "all is gone": lambda store, ref: store.storage.delete(f"examples/{ref.digest}"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_sizes_tell_is_no_hit_and_a_repeatable_stage_mends_it(store, damage):
    ref = store.build(MAKE, MakeParams())
    whole = files(store, "examples")
    damage(store, ref)
    assert store.find(MAKE, MakeParams()) is None
    with pytest.raises(MissingArtifact):
        store.path(ref)
    calls = []
    assert store.build(counting(MAKE, calls), MakeParams()) == ref
    assert calls == ["make"]
    assert files(store, "examples") == whole
    assert len(list(store.all_records())) == 2
    assert len(list(store.rows(ref, Example))) == 3


def test_an_altered_byte_is_found_on_the_first_read_in_a_process(store):
    ref = store.build(MAKE, MakeParams())
    alter(shard(store, ref))
    assert store.find(MAKE, MakeParams()) == ref  # a hit checks sizes only
    with pytest.raises(MissingArtifact, match=r"kept-.* has been altered"):
        list(store.rows(ref, Example))
    store.rebuild = frozenset({"make"})
    assert store.build(MAKE, MakeParams()) == ref
    assert len(list(store.rows(ref, Example))) == 3


def test_a_full_disk_is_transient_and_what_was_unfinished_is_taken_up(store):
    attempts = []

    def body(params, draft):
        attempts.append(sorted(path.name for path in draft.state.iterdir()))
        (draft.state / "half").write_text("done")
        if len(attempts) == 1:
            Path("/dev/full").write_text("x")
        return draft.seal_examples([])

    stage = Stage("fill", version=1, produces=Examples, body=body)
    with pytest.raises(Transient, match="No space left on device.*tunesmith gc"):
        store.build(stage, MakeParams())
    store.build(stage, MakeParams())
    assert attempts == [[], ["half"]]


def test_an_error_of_files_that_is_not_a_full_disk_is_no_excuse(store):
    def body(params, draft):
        Path("/no/such/file").read_text()

    with pytest.raises(FileNotFoundError):
        store.build(Stage("fail", version=1, produces=Examples, body=body), MakeParams())


def test_files_are_hashed_once_in_a_process_and_their_sizes_each_time(store):
    ref = store.build(MAKE, MakeParams())
    hashed = []
    sha256 = store.storage.sha256
    store.storage.sha256 = lambda path: hashed.append(path) or sha256(path)
    for _ in range(3):
        store.path(ref)
    assert len(hashed) == len(set(hashed)) == 2
    shard(store, ref).unlink()
    with pytest.raises(MissingArtifact, match="is missing"):
        store.rows(ref, Example)


def test_stores_in_two_folders_are_two_though_they_have_one_relative_name(tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        store = Store("store")
        ref = store.build(MAKE, MakeParams())
        if name == "other":
            alter(shard(store, ref))
            with pytest.raises(MissingArtifact):
                store.path(ref)
        else:
            store.path(ref)


def test_a_split_is_whole_only_with_its_sides(store):
    source = store.build(MAKE, MakeParams())
    split = store.build(CUT, NoParams(), source)
    shard(store, split.validation).unlink()
    assert store.find(CUT, NoParams(), source) is None
    assert any("validation" in p or split.validation.short in p for p in store.problems(split))
    assert store.build(CUT, NoParams(), source) == split
    assert store.problems(split, hashes=True) == []


def test_a_lost_artifact_of_a_stage_that_is_not_repeatable_is_not_built_unasked(any_store):
    source = any_store.build(MAKE, MakeParams())
    calls = []
    draw = counting(DRAW, calls)
    lost = any_store.build(draw, NoParams(), source)
    any_store.storage.delete(f"adapter/{lost.digest}/weights")
    for _ in range(2):
        with pytest.raises(MissingArtifact, match="--rebuild train") as raised:
            any_store.build(draw, NoParams(), source)
        assert lost.short in str(raised.value)
    assert calls == ["train"]
    again = Store(any_store.url, any_store._local, rebuild=frozenset({"train"}))
    new = again.build(draw, NoParams(), source)
    assert new != lost
    assert any_store.build(draw, NoParams(), source) == new
    assert len(list(any_store.all_records("train"))) == 2


def test_when_the_newest_is_lost_an_older_one_that_is_whole_serves(store):
    source = store.build(MAKE, MakeParams())
    old = store.build(DRAW, NoParams(), source)
    store.rebuild = frozenset({"train"})
    new = store.build(DRAW, NoParams(), source)
    store.rebuild = frozenset()
    at(store, new, "steps.jsonl").unlink()
    assert store.build(DRAW, NoParams(), source) == old
    assert len(list(store.all_records("train"))) == 2


def test_rebuilding_is_not_finding(store):
    store.build(MAKE, MakeParams())
    assert Store(store.url, rebuild=frozenset({"make"})).find(MAKE, MakeParams()) is None


def test_a_local_copy_that_was_damaged_is_fetched_again(s3, tmp_path, monkeypatch):
    store = Store(s3, tmp_path / "scratch")
    ref = store.build(MAKE, MakeParams())
    folder = store.path(ref)
    for damage in (alter, lambda path: os.truncate(path, 10), Path.unlink):
        monkeypatch.setattr(store_module, "_verified", set())
        copy = next(folder.glob("kept-*"))
        damage(copy)
        assert len(list(store.rows(ref, Example))) == 3
        assert file_digest(copy) == store.manifest(ref)["files"][copy.name]["sha256"]


def test_an_altered_object_is_found_on_the_first_read(s3, tmp_path):
    store = Store(s3, tmp_path / "scratch")
    ref = store.build(MAKE, MakeParams())
    (name,) = (name for name in store.manifest(ref)["files"] if name.startswith("kept"))
    path = f"examples/{ref.digest}/{name}"
    content = bytearray(store.storage.read(path))
    content[50] ^= 1
    store.storage.replace(path, bytes(content))
    for _ in range(2):
        with pytest.raises(MissingArtifact, match="has been altered"):
            store.path(ref)
    assert not list((tmp_path / "scratch" / "examples").rglob("kept-*"))


# Counts


class LossParams(Params):
    lost: int
    invented: int


def account(params, draft, source):
    rows = list(draft.rows(source))[params.lost :]
    rows += [chat(f"new {number}") for number in range(params.invented)]
    return draft.seal_examples(rows)


@pytest.mark.parametrize(("lost", "invented"), [(1, 0), (0, 1), (2, 1), (3, 0)])
def test_rows_that_get_lost_or_are_invented_leave_no_record(store, lost, invented):
    source = store.build(MAKE, MakeParams())
    with pytest.raises(RuntimeError, match=f"3 rows in, but {3 - lost + invented} kept"):
        store.build(
            Stage("account", 1, Examples, account), LossParams(lost=lost, invented=invented), source
        )
    assert list(store.all_records("account")) == []


def test_rows_in_are_rows_kept_and_rows_dropped_by_reason(store):
    source = store.build(MAKE, MakeParams())

    def body(params, draft, source, other):
        rows = list(draft.rows(source))
        assert len(list(draft.peek(other))) == 3  # rows that only inform are not counted
        left = Dropped(source="s", reason="b", detail="", row=rows[0])
        return draft.seal_examples([left, msgspec.structs.replace(left, reason="a"), rows[2]])

    store.build(Stage("two", 1, Examples, body), NoParams(), source, source)
    (record,) = store.all_records("two")
    assert record["counts"] == {"rows_in": 3, "kept": 1, "dropped": {"a": 1, "b": 1}}


def test_a_stage_that_makes_something_else_of_rows_need_not_keep_them(store):
    source = store.build(MAKE, MakeParams())

    def body(params, draft, source):
        return draft.seal_rows(Scores, list(draft.rows(source))[:1])

    assert store.build(Stage("other", 1, Scores, body), NoParams(), source).rows == 1


# What is told


class Watcher(observe.Observer):
    def __init__(self):
        self.seen = []

    def built(self, built):
        self.seen.append((built.label, built.stage, built.hit, built.ref.digest[:4]))

    def progressed(self, label, done, total, unit):
        self.seen.append((label, done, total, unit))

    def measured(self, steps):
        self.seen.append(steps)


def test_observers_are_told_what_was_built_and_what_was_found(store):
    def body(params, draft):
        draft.progress(1, 2, "rows")
        draft.measured([{"step": 1.0}])
        return MAKE.body(params, draft)

    stage, watcher = Stage("make", 1, Examples, body), Watcher()
    with observe.observing(watcher), observe.labelled("make golden"):
        digest = store.build(stage, MakeParams()).digest[:4]
        store.build(stage, MakeParams())
    store.build(stage, MakeParams())
    assert watcher.seen == [
        ("make golden", 1, 2, "rows"), [{"step": 1.0}],
        ("make golden", "make", False, digest), ("make golden", "make", True, digest),
    ]  # fmt: skip


def test_steps_stand_under_the_times_of_the_newest_build_of_an_adapter(store):
    moment = iter(range(1, 9))

    def body(params, draft):
        folder = draft.scratch()
        (folder / "steps.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
        draft.timings["steps"] = {"1": float(next(moment))}
        return draft.seal_files(Adapter, folder, base="0")

    stage = Stage("train", 1, Adapter, body, repeatable=False)
    store.rebuild = frozenset({"train"})
    for expected in (1.0, 2.0, 3.0):
        adapter = store.build(stage, NoParams())
        assert store.steps(adapter) == [{"step": 1, "loss": 0.5, "timestamp": expected}]
    sizes = store.storage.sizes
    store.storage.sizes = lambda folder: dict(reversed(sizes(folder).items()))
    assert store.steps(adapter)[0]["timestamp"] == 3.0
