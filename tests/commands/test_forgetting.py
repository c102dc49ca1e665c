"""A forgotten row is nowhere in the store, and everything else is where it was."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from tests.made_rows import chat
from tests.toy_stages import DRAW, NoParams, given
from tunesmith.artifacts import Examples, Predictions, Scores
from tunesmith.commands.forgetting import LOCK, find
from tunesmith.commands.forgetting import forget as forget_found
from tunesmith.commands.upkeep import damage
from tunesmith.errors import InputError
from tunesmith.records import Dropped, Example, Prediction, Score
from tunesmith.stage import Stage
from tunesmith.store import INPUTS, Store
from tunesmith.store import rows as rows_module
from tunesmith.store.draft import Draft
from tunesmith.store.lease import held as lease_held
from tunesmith.store.rows import tombstone

ROOT = Path(__file__).parents[2]
SECRET = "Mrs. Whitcombe-Ashdown"
ROW = chat("Who called?", f"{SECRET} did.", source="calls.jsonl:2", metadata={"of": SECRET})
ASKED = ROW.row_id
OTHERS = [chat(f"What is {n}?", "It is.", source=f"calls.jsonl:{n + 3}") for n in range(4)]
QUOTING = chat(f'Is "row_id":"{ASKED}" a row?', "Not this one.", source="calls.jsonl:9")
RAW = Dropped(source="calls.jsonl:1", reason="bad_json", detail="column 1", row=f"{{{SECRET}")


def predicted(row, output="Somebody."):
    return Prediction(
        row_id=row.row_id, group_id=row.group_id, prompt_digest="d", output=output,
        finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


def dropped(row):
    return Dropped(source=row.source, reason="format", detail="no subject", row=row)


def scored(row):
    return Score(row_id=row.row_id, group_id=row.group_id, values={"a": 1.0}, evidence={"a": "x"})


ALL = [RAW, ROW, *OTHERS, QUOTING]


def filled(store):
    """Put the row into every place where one can be; return the artifacts by name."""
    return {
        "ingest": given(store, ALL),
        "later": given(store, [dropped(ROW), *OTHERS]),
        "without": given(store, OTHERS),
        "predictions": given(store, [predicted(ROW, SECRET), predicted(QUOTING)], Predictions),
        "scores": given(store, [scored(row) for row in (ROW, QUOTING)], Scores),
    }


@pytest.fixture
def refs(any_store):
    return filled(any_store)


def forget(store, asked=ASKED):
    return forget_found(store, find(store, asked), "Ann@desk", "2026-01-01", "asked to")


def everything(store):
    """All bytes of a store and of what is fetched from it, unpacked."""
    import pyarrow.parquet as pq

    for folder in (Path(store.url), store.scratch):
        for path in folder.rglob("*") if folder.is_dir() else ():
            if path.suffix == ".parquet":
                yield path, "\n".join(pq.read_table(path).column("row").to_pylist())
            elif path.is_file():
                yield path, path.read_text("utf-8", "replace")
    if store.storage.local is None:
        kinds = ("examples", "predictions", "scores", "work")
        for name in [f"{kind}/{path}" for kind in kinds for path in store.storage.sizes(kind)]:
            target = store.scratch.parent / "looked" / name
            store.storage.fetch(name, target)
            text = target.read_text("utf-8", "replace")
            if target.suffix == ".parquet":
                text = "\n".join(pq.read_table(target).column("row").to_pylist())
            yield name, text


def stones(store, ref, which="kept"):
    lines = rows_module._every_line(store.path(ref), store.manifest(ref)["files"], which)
    return [stone for line in lines if (stone := tombstone(line))]


def test_the_row_is_gone_everywhere_and_every_other_is_where_it_was(any_store, refs):
    for ref in refs.values():
        any_store.path(ref)  # from elsewhere: a copy on this machine
    before = {name: any_store.manifest(ref)["counts"] for name, ref in refs.items()}
    done = forget(any_store)
    assert done.total() == 4
    forget(any_store, "calls.jsonl:1")
    assert [str(path) for path, text in everything(any_store) if SECRET in text] == []
    assert list(any_store.rows(refs["ingest"], Example)) == [*OTHERS, QUOTING]
    assert list(any_store.rows(refs["later"], Example)) == OTHERS
    assert list(any_store.dropped(refs["later"])) == []
    assert list(any_store.rows(refs["scores"], Score)) == [scored(QUOTING)]
    assert [row.row_id for row in any_store.rows(refs["predictions"], Prediction)] == [QUOTING.row_id]  # fmt: skip
    assert {name: any_store.manifest(ref)["counts"] for name, ref in refs.items()} == before
    assert any_store.manifest(refs["ingest"])["forgotten"] == 2
    assert "forgotten" not in any_store.manifest(refs["without"])


def test_what_is_left_still_has_its_digest(any_store, refs):
    forget(any_store)
    assert list(damage(any_store)) == []
    fresh = Store(any_store.url, any_store.scratch)
    assert len(list(fresh.rows(refs["ingest"], Example))) == 5


def test_the_tombstone_says_who_when_and_why_and_keeps_the_hash(store):
    import hashlib

    from tunesmith.canonical import canonical_row

    refs = filled(store)
    forget(store)
    (stone,) = stones(store, refs["ingest"])
    assert msgspec.to_builtins(stone) == {
        "id": ASKED, "by": "Ann@desk", "when": "2026-01-01", "why": "asked to",
        "sha256": hashlib.sha256(canonical_row(ROW)).hexdigest(),
    }  # fmt: skip
    assert len(stones(store, refs["later"], "dropped")) == 1


def test_a_tombstone_for_another_row_is_damage(store):
    refs = filled(store)
    forget(store)
    folder = store.path(refs["scores"])
    (name,) = store.manifest(refs["scores"])["files"]
    text = '{"forgotten":{"by":"","id":"","sha256":"%s","when":"","why":""}}' % ("ab" * 32)
    new = rows_module.rewritten(folder / name, name, folder, lambda line: text)
    store.exchange(refs["scores"], {name: new}, 1)
    assert list(damage(store)) == [
        f"scores {refs['scores'].short}: its content does not have its digest"
    ]


def test_a_build_from_the_same_source_adopts_the_tombstone(store):
    ref = filled(store)["ingest"]
    forget(store)
    store.storage.delete("records")
    assert given(store, ALL) == ref
    assert ROW not in list(store.rows(ref, Example))


def test_only_what_holds_the_row_is_written_anew(store, monkeypatch):
    monkeypatch.setattr(rows_module, "SHARD_BYTES", 1)
    refs = filled(store)
    files = {ref.digest: set(store.manifest(ref)["files"]) for ref in refs.values()}
    forget(store)
    for name, ref in refs.items():
        now = set(store.manifest(ref)["files"])
        assert len(files[ref.digest] - now) == (name != "without")
        assert len(now) == len(files[ref.digest])
        on_disk = store.storage.sizes(f"{ref.kind}/{ref.digest}").keys() - {"manifest.json"}
        assert on_disk == now


def test_looking_says_where_it_is_and_changes_nothing(store):
    refs = filled(store)
    before = {path: path.read_bytes() for path in Path(store.url).rglob("*") if path.is_file()}
    found = find(store, ASKED)
    names = {f"{refs[n].kind}/{refs[n].digest}" for n in ("ingest", "later", "predictions", "scores")}  # fmt: skip
    assert found.held.keys() == names
    assert found.made_from == {f"examples/{refs['ingest'].digest}"}  # dropped is not trained on
    assert found.lines == ("calls.jsonl:2",)
    assert found.rows == 4
    assert before == {p: p.read_bytes() for p in Path(store.url).rglob("*") if p.is_file()}


def test_once_forgotten_it_is_known_as_forgotten(store):
    filled(store)
    forget(store)
    found = find(store, ASKED)
    assert (found.rows, len(found.held), len(found.made_from)) == (0, 4, 1)
    assert forget(store).total() == 0


@pytest.mark.parametrize("asked", ["ab" * 8, "", ASKED[:8], ASKED + "0", "calls.jsonl:2", SECRET])
def test_a_row_that_is_nowhere_is_an_error(store, asked):
    # calls.jsonl:2 became a row, so its id is its name: another version of the file may have
    # another row in that line.
    filled(store)
    with pytest.raises(InputError, match="no row"):
        find(store, asked)


def test_a_reason_is_needed(store):
    filled(store)
    with pytest.raises(InputError, match="why"):
        forget_found(store, find(store, ASKED), "Ann", "now", " ")
    assert find(store, ASKED).rows == 4


def test_pieces_of_the_row_are_named(store):
    """Rows with other ids from the same line, in what was made of the row, and nowhere else."""
    first = given(store, [ROW, *OTHERS])
    piece = chat("Who called? (1)", "She did.", source=ROW.source)

    def cut(params, draft, source):
        draft.count_in(1)
        list(draft.rows(source))
        return draft.seal_examples([piece, dropped(chat("other", source=ROW.source)), *OTHERS])

    store.build(Stage("cut", 1, Examples, cut), NoParams(), first)
    given(store, [chat("of another file of that name", source=ROW.source)])
    found = find(store, ASKED)
    assert found.relatives == {
        piece.row_id: ROW.source, chat("other", source=ROW.source).row_id: ROW.source
    }  # fmt: skip


def test_files_of_a_writer_that_died_go(any_store, refs):
    ingest = refs["ingest"]
    name = min(n for n in any_store.manifest(ingest)["files"] if n.startswith("kept"))
    shard = any_store.storage.read(f"examples/{ingest.digest}/{name}")
    stray = f"examples/{ingest.digest}/kept-00000-of-other-layout.parquet"
    orphan = f"examples/{'ab' * 32}/kept-00000-x.parquet"
    any_store.storage.create(stray, shard)
    any_store.storage.create(orphan, shard)
    assert find(any_store, ASKED).rows == 6
    forget(any_store)
    assert [str(path) for path, text in everything(any_store) if ROW.answer in text] == []


def test_a_shard_that_cannot_be_read_is_told_and_stops_nothing(store):
    refs = filled(store)
    path = f"scores/{refs['scores'].digest}/{min(store.manifest(refs['scores'])['files'])}"
    store.storage.replace(path, b"no parquet")
    store.storage.replace(f"predictions/{refs['predictions'].digest}/manifest.json", b"{")
    found = find(store, ASKED)
    assert found.unreadable == (f"predictions/{refs['predictions'].digest}/manifest.json", path)
    assert forget(store).total() == 2
    assert store.storage.read(path) == b"no parquet"


# Unfinished work


def die(params, draft: Draft, source):
    (draft.state / "checkpoint").write_text(SECRET)
    draft.save()
    raise KeyboardInterrupt


def unfinished(store, source, name="train"):
    with pytest.raises(KeyboardInterrupt):
        store.build(Stage(name, 1, DRAW.produces, die), NoParams(), source)


def test_unfinished_work_that_may_have_read_the_row_goes_and_other_stays(any_store, refs):
    unfinished(any_store, refs["ingest"])
    unfinished(any_store, refs["without"], "elsewhere")
    any_store.storage.create("work/ingest/key/state/half", b"of files, so who knows")
    found = find(any_store, ASKED)
    assert [folder.split("/")[1] for folder in found.work] == ["ingest", "train"]
    forget(any_store)
    left = {name.split("/")[0] for name in any_store.storage.sizes("work")}
    assert left == {"elsewhere"}
    assert not list(any_store.scratch.glob("work/train/*/state/*"))


def test_the_inputs_of_finished_work_are_not_left(store):
    refs = filled(store)
    store.build(DRAW, NoParams(), refs["ingest"])
    assert store.storage.sizes("work") == {}
    unfinished(store, refs["later"], "half")
    (name,) = (n for n in store.storage.sizes("work") if n.endswith(INPUTS))
    (ref,) = json.loads(store.storage.read(f"work/{name}"))
    assert ref == refs["later"].model_dump(mode="json")


@pytest.fixture
def waiting():
    """An event that is set once somebody waits for a builder at work."""
    waits = threading.Event()
    handler = logging.Handler()
    handler.emit = lambda record: waits.set() if "at work" in record.getMessage() else None
    logger = logging.getLogger("tunesmith.store.lease")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield waits
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_a_builder_at_work_is_waited_for_and_what_it_seals_is_looked_at(store, waiting):
    refs = filled(store)
    reading, go = threading.Event(), threading.Event()

    def slow(params, draft, source):
        rows = draft.peek(source)  # it knows the names of the shards, and has yet to open them
        reading.set()
        assert go.wait(60)
        rows = list(rows)
        draft.count_in(len(rows))
        return draft.seal_examples(rows[::-1])

    stage = Stage("turn", 1, Examples, slow)
    made = []
    builder = threading.Thread(
        target=lambda: made.append(Store(store.url).build(stage, NoParams(), refs["ingest"]))
    )
    builder.start()
    assert reading.wait(60)
    forgetter = threading.Thread(target=lambda: forget(store))
    forgetter.start()
    assert waiting.wait(60)
    go.set()
    builder.join()
    forgetter.join()
    assert list(store.rows(made[0], Example)) == [QUOTING, *OTHERS[::-1]]
    assert find(store, ASKED).rows == 0
    assert list(damage(store)) == []


def test_of_two_that_forget_at_once_neither_undoes_the_other(store):
    refs = filled(store)
    looked = [find(store, ASKED), find(store, QUOTING.row_id)]
    with lease_held(store.storage, LOCK):
        both = [
            threading.Thread(target=forget_found, args=(Store(store.url), found, "a", "b", "c"))
            for found in looked
        ]
        for thread in both:
            thread.start()
    for thread in both:
        thread.join()
    assert list(store.rows(refs["ingest"], Example)) == OTHERS
    assert len(stones(store, refs["scores"])) == 2
    assert list(damage(store)) == []


# Kills


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Stores in which forgetting was killed before each change that it makes."""
    folder = tmp_path_factory.mktemp("killed")
    store = Store(str(folder / "000"))
    refs = filled(store)
    unfinished(store, refs["ingest"])
    told = subprocess.run(
        [sys.executable, "-m", "tests.killed_forgetting", str(folder), ASKED],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, timeout=120, check=True,
    ).stdout  # fmt: skip
    assert json.loads(told)["exit"] == 0
    assert json.loads(told)["steps"] > 60
    roots = sorted(path for path in folder.iterdir() if path.name.isdigit() and int(path.name))
    return refs, [(root, Store(str(root))) for root in roots]


def test_killed_anywhere_nothing_is_damaged_and_no_other_row_is_lost(killed):
    refs, stores = killed
    for _, store in stores:
        assert list(damage(store)) == []
        kept = list(store.rows(refs["ingest"], Example))
        assert [row for row in kept if row != ROW] == [*OTHERS, QUOTING]
        assert list(store.rows(refs["without"], Example)) == OTHERS


def test_killed_anywhere_the_same_call_finishes(killed):
    _, stores = killed
    unfinished = 0
    for root, store in stores:
        unfinished += bool(find(store, ASKED).rows)
        forget(store)
        found = find(store, ASKED)
        assert (found.rows, len(found.held), found.work) == (0, 4, ())
        assert [str(path) for path, text in everything(store) if ROW.answer in text] == []
        assert list(damage(store)) == []
        for folder in {path.parent for path in root.rglob("manifest.json")}:
            named = json.loads((folder / "manifest.json").read_bytes())["files"]
            assert named.keys() | {"manifest.json"} == {path.name for path in folder.iterdir()}
    assert 10 < unfinished < len(stores)
