"""What training reads: how much of what, in which order, and nothing that must stay unseen."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import toy_stages
from tests.made_rows import chat, distinct
from tunesmith.artifacts import Base, Scores
from tunesmith.data.comparing import external_sort
from tunesmith.errors import Unready
from tunesmith.records import Example, LabelExample, Score
from tunesmith.sampling import copies
from tunesmith.stage import Stage
from tunesmith.stages import split
from tunesmith.stages.mix import (
    STAGE,
    MixParams,
    ReplayParams,
    WeightParams,
    replay_weight,
)
from tunesmith.store import Store
from tunesmith.store import rows as row_files

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def tokenizer(tiny_base):
    return (tiny_base / "tokenizer.json").read_text()


def base(store, tokenizer, weights=None):
    def body(params, draft):
        folder = draft.scratch()
        (folder / "tokenizer.json").write_text(tokenizer)
        if weights is not None:
            shutil.copy(weights, folder / "model.safetensors")
        return draft.seal_files(Base, folder, model="tiny")

    return store.build(Stage("base", 1, Base, body), toy_stages.NoParams())


def mixed(store, tokenizer, rows, params=None, replay=None, fences=(), scores=None, weights=None):
    """Split rows, mix the train side, and return the mixture with its document."""
    given = toy_stages.given(store, rows)
    sides = store.build(split.STAGE, split.SplitParams(salt="s"), given, None)
    behind = {f"fence {n}": toy_stages.given(store, part) for n, part in enumerate(fences)}
    mixture = store.build(
        STAGE,
        params or MixParams(salt="s"),
        sides,
        {"ingest": given},
        behind,
        None if replay is None else toy_stages.given(store, replay),
        base(store, tokenizer, weights),
        scores,
    )
    return sides, mixture, store.json(mixture, "mixture.json")


def read(store, ref):
    return list(store.rows(ref, Example))


def moved(rows, name):
    """Rows as of another file."""
    return [
        msgspec.structs.replace(row, source=f"{name}:{number}")
        for number, row in enumerate(rows, 1)
    ]


GENERAL = moved(distinct(40, start=500), "general.jsonl")


def test_without_options_it_is_the_train_side_in_its_order(store, tokenizer):
    sides, mixture, document = mixed(store, tokenizer, distinct(120))
    assert mixture.train.digest == sides.train.digest
    assert (document["rows"], document["replay_share"]) == (sides.train.rows, 0.0)
    assert document["order"] == "split"


def test_every_token_is_counted_once(store, tokenizer):
    from tunesmith.data.token_counts import count_rows

    rows = distinct(120)
    sides, _, document = mixed(store, tokenizer, rows, MixParams(weights=(WeightParams(path="rows.jsonl", weight=3),)))  # fmt: skip
    kept = document["tokens"]["kept"]
    for name in ("train", "validation", "test"):
        here = read(store, getattr(sides, name))
        assert kept[name] == sum(tokens.all for tokens in count_rows(tokenizer, here))
    assert document["tokens"]["mixture"] == 3 * kept["train"]
    assert document["parts"]["task"] == {
        "rows": sides.train.rows, "copies": 3 * sides.train.rows,
        "repeated": 2 * sides.train.rows, "tokens": 3 * kept["train"],
    }  # fmt: skip


def test_a_weight_repeats_or_leaves_out_the_rows_of_its_files_alone(store, tokenizer):
    rows = [*moved(distinct(100), "old/a.jsonl"), *moved(distinct(100, start=100), "new/b.jsonl")]
    weights = (
        WeightParams(path="old/*.jsonl", weight=0.5),
        WeightParams(path="**/*.jsonl", weight=2),
    )
    sides, mixture, document = mixed(store, tokenizer, rows, MixParams(salt="s", weights=weights))
    train = read(store, sides.train)
    found = read(store, mixture.train)
    times = Counter(row.row_id for row in found)
    old = [row for row in train if row.source.startswith("old/")]
    assert {times[row.row_id] for row in train if row not in old} == {2}
    assert {times[row.row_id] for row in old} == {0, 1}
    assert 0.3 < sum(times[row.row_id] for row in old) / len(old) < 0.7
    left_out = list(store.dropped(mixture.train))
    assert {row.reason for row in left_out} == {"weight"}
    assert {row.row.row_id for row in left_out} == {row.row_id for row in old if not times[row.row_id]}  # fmt: skip
    named = {source["file"]: source for source in document["sources"]}
    assert named["new/b.jsonl"]["repeated"] == sum(row not in old for row in train)
    assert named["old/a.jsonl"]["copies"] == len(old) - len(left_out)
    # In the order of the split, copies beside one another.
    assert list(dict.fromkeys(row.row_id for row in found)) == [row.row_id for row in train if times[row.row_id]]  # fmt: skip


@given(st.text(), st.floats(0, 20), st.floats(0, 5))
def test_a_larger_weight_takes_no_copy_away(row_id, weight, more):
    few, many = copies(row_id, weight, "s"), copies(row_id, weight + more, "s")
    assert weight - 1 < few < weight + 1
    assert few <= many


def test_appended_rows_change_no_others_copies(store, tokenizer):
    weights = (WeightParams(path="rows.jsonl", weight=1.5),)
    rows = distinct(150)
    _, before, _ = mixed(store, tokenizer, rows[:100], MixParams(salt="s", weights=weights))
    _, after, _ = mixed(store, tokenizer, rows, MixParams(salt="s", weights=weights))
    known = {row.row_id for row in rows[:100]}
    assert [row for row in read(store, after.train) if row.row_id in known] == read(store, before.train)  # fmt: skip


@pytest.mark.parametrize(("share", "copies_of_each"), [(0.1, {0, 1}), (0.4, {1, 2})])
def test_replay_has_its_share(store, tokenizer, share, copies_of_each):
    params = MixParams(salt="s", replay=ReplayParams(share=share))
    sides, mixture, document = mixed(store, tokenizer, distinct(120), params, GENERAL)
    found = read(store, mixture.train)
    general = Counter(row.row_id for row in found if row.source.startswith("general"))
    assert found[: sides.train.rows] == read(store, sides.train)
    assert {general[row.row_id] for row in GENERAL} == copies_of_each
    assert general.total() / len(found) == pytest.approx(share, abs=0.06)
    assert document["replay_share"] == pytest.approx(general.total() / len(found), abs=1e-4)
    assert not any("replay" in text for text in document["warnings"])


def test_a_small_replay_set_is_not_repeated_for_ever(store, tokenizer):
    params = MixParams(salt="s", replay=ReplayParams(share=0.4, repeat=2))
    _, mixture, document = mixed(store, tokenizer, distinct(120), params, GENERAL[:5])
    assert Counter(row.row_id for row in read(store, mixture.train)).most_common(1)[0][1] == 2
    assert document["parts"]["replay"]["copies"] == 10
    (told,) = [text for text in document["warnings"] if text.startswith("replay is")]
    assert "not 40%: its 5 rows go in at most 2 times each" in told


@given(st.floats(0.01, 0.5), st.integers(1, 20), st.integers(0, 10**6), st.integers(1, 10**6))
def test_replay_is_never_more_than_its_share(share, repeat, rows, replay):
    weight = replay_weight(share, repeat, rows, replay)
    assert 0 <= weight <= repeat
    assert weight * replay <= share * (weight * replay + rows) + 1e-6 * (rows + replay)


def test_a_curriculum_goes_from_short_answers_to_long_ones(store, tokenizer, monkeypatch):
    from tunesmith.data.token_counts import count_rows

    monkeypatch.setattr(external_sort, "RUN_BYTES", 5_000)  # several runs
    rows = [
        chat(f"ticket{n} part{n * 7} machine{n * 13}", "word " * (n * 37 % 23 + 1), source=f"r.jsonl:{n + 1}")
        for n in range(120)
    ]  # fmt: skip
    params = MixParams(salt="s", curriculum="answer_tokens", replay=ReplayParams(share=0.2), weights=(WeightParams(path="r.jsonl", weight=0.8),))  # fmt: skip
    _, mixture, document = mixed(store, tokenizer, rows, params, GENERAL)
    found = read(store, mixture.train)
    lengths = [tokens.answer for tokens in count_rows(tokenizer, found)]
    assert lengths == sorted(lengths)
    assert document["order"] == "answer_tokens"
    places = [int(row.source.split(":")[1]) for row in found if row.source.startswith("r.") and row.answer == "word "]  # fmt: skip
    assert places == sorted(places)
    _, plain, _ = mixed(store, tokenizer, rows, params.model_copy(update={"curriculum": None}), GENERAL)  # fmt: skip
    assert sorted(row.source for row in read(store, plain.train)) == sorted(row.source for row in found)  # fmt: skip
    assert list(store.dropped(plain.train)) == list(store.dropped(mixture.train)) != []


def test_a_curriculum_by_quality_puts_the_best_first_and_what_has_none_last(store, tokenizer):
    rows = [
        msgspec.structs.replace(row, quality=None if n % 5 == 0 else n % 5 / 4)
        for n, row in enumerate(distinct(100))
    ]
    _, mixture, _ = mixed(store, tokenizer, rows, MixParams(curriculum="quality"))
    found = [row.quality for row in read(store, mixture.train)]
    scored = [value for value in found if value is not None]
    assert scored == sorted(scored, reverse=True)
    assert found[len(scored) :] == [None] * (len(found) - len(scored)) != []


def test_a_curriculum_by_difficulty_needs_the_bases_scores(store, tokenizer):
    rows = distinct(100)
    params = MixParams(curriculum="difficulty")
    with pytest.raises(Unready, match="the base has not been scored"):
        mixed(store, tokenizer, rows, params)
    scores = [
        Score(row_id=row.row_id, group_id=row.group_id, values={"overlap": n * 29 % 100 / 100})
        for n, row in enumerate(rows)
    ]
    ref = toy_stages.given(store, scores, Scores)
    _, mixture, _ = mixed(store, tokenizer, rows, params, scores=ref)
    value = {score.row_id: score.values["overlap"] for score in scores}
    found = [value[row.row_id] for row in read(store, mixture.train)]
    assert found == sorted(found, reverse=True)


def leaked(store, tokenizer, rows, **more):
    with pytest.raises(Unready) as raised:
        mixed(store, tokenizer, rows, **more)
    assert list(store.all_records("mix")) == []
    return str(raised.value)


def test_a_row_of_golden_is_refused_by_name(store, tokenizer):
    rows = distinct(120)
    train = [row for row in rows if split.side(row.group_id, split.SplitParams(salt="s")) == "train"]  # fmt: skip
    near = chat(train[3].messages[0].content.replace("stopped", "STOPPED!"), "Other.", source="golden.jsonl:7")  # fmt: skip
    told = leaked(store, tokenizer, rows, fences=[[near]])
    assert "1 rows of the training set stand behind the fence" in told
    assert f"{train[3].source}: near copy of input golden.jsonl:7" in told
    assert train[3].answer not in told


def test_replay_that_holds_a_test_row_is_refused(store, tokenizer):
    rows = distinct(120)
    test = [row for row in rows if split.side(row.group_id, split.SplitParams(salt="s")) == "test"]
    copy = msgspec.structs.replace(test[0], source="general.jsonl:9", group_id="other")
    params = MixParams(salt="s", replay=ReplayParams(share=0.3))
    told = leaked(store, tokenizer, rows, params=params, replay=[*GENERAL, copy])
    assert "general.jsonl:9: the same text stands in test" in told
    same_group = msgspec.structs.replace(GENERAL[0], group_id=test[1].group_id)
    told = leaked(store, tokenizer, rows, params=params, replay=[same_group, *GENERAL[1:]])
    assert "general.jsonl:1: its group stands in test" in told


def test_what_does_not_go_in_leaks_nothing(store, tokenizer):
    rows = moved(distinct(120), "old.jsonl") + moved(distinct(60, start=200), "new.jsonl")
    params = MixParams(weights=(WeightParams(path="old.jsonl", weight=0),))
    behind = [msgspec.structs.replace(row, source="golden.jsonl:1") for row in rows[:120]]
    _, mixture, _ = mixed(store, tokenizer, rows, params, fences=[behind])
    assert {row.source.split(":")[0] for row in read(store, mixture.train)} == {"new.jsonl"}


def test_many_leaks_are_counted_and_twenty_are_named(store, tokenizer):
    rows = distinct(120)
    told = leaked(store, tokenizer, rows, fences=[moved(rows, "golden.jsonl")])
    assert told.count("rows.jsonl:") == 20
    assert "more\n" in told


def test_the_document_tells_what_the_set_looks_like(store, tokenizer):
    rows = [
        LabelExample(
            row_id=f"{n:016x}", group_id=f"g{n}", source=f"r.csv:{n + 1}", origin="human",
            text=f"ticket{n} about machine{n * 13}", label="rare" if n == 0 else "ab"[n % 2],
        )
        for n in range(200)
    ]  # fmt: skip
    _, mixture, document = mixed(store, tokenizer, rows)
    assert document["surveys"]["schema"]["type"] == {"label": 1.0}
    assert document["surveys"]["labels"]["classes"] in (2, 3)
    (record,) = store.all_records("mix")
    assert record["notes"]["warnings"] == document["warnings"]
    assert record["counts"]["kept"] == mixture.train.rows


def test_what_says_the_same_in_other_words_is_counted_and_stays(store, tokenizer, tiny_base):
    sides, mixture, document = mixed(
        store, tokenizer, distinct(150), weights=tiny_base / "model.safetensors"
    )
    (record,) = store.all_records("mix")
    found = record["notes"]["semantic_copies"]
    assert found["compared"] == sides.train.rows == mixture.train.rows
    assert 0.0 <= found["share"] <= 1.0
    assert "semantic" not in str(document), "cosines differ among machines"


CODE = """
import sys
from tests.stages.test_mix import GENERAL, MixParams, ReplayParams, WeightParams, mixed, moved
from tests.made_rows import distinct
from tunesmith.store import draft, rows
from tunesmith.store import Store
rows.SHARD_BYTES, draft.BATCH_ROWS = 2000, 7
params = MixParams(salt="s", replay=ReplayParams(share=0.2), curriculum="answer_tokens", weights=(WeightParams(path="rows.jsonl", weight=1.3),))
_, mixture, _ = mixed(Store(sys.argv[1]), open(sys.argv[2]).read(), distinct(150), params, GENERAL, [distinct(5, start=900)])
print(mixture.digest, mixture.train.digest)
"""


def test_another_process_hash_seed_shards_and_batches_give_the_same_mixture(tiny_base, tokenizer, tmp_path):  # fmt: skip
    params = MixParams(salt="s", replay=ReplayParams(share=0.2), curriculum="answer_tokens", weights=(WeightParams(path="rows.jsonl", weight=1.3),))  # fmt: skip
    _, mixture, _ = mixed(Store(str(tmp_path / "a")), tokenizer, distinct(150), params, GENERAL, [distinct(5, start=900)])  # fmt: skip
    told = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "b"), str(tiny_base / "tokenizer.json")],
        check=True, capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout  # fmt: skip
    assert told.split() == [mixture.digest, mixture.train.digest]
    assert row_files.SHARD_BYTES > 2000


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=4)), max_size=40), st.integers(20, 2000))  # fmt: skip
def test_sorting_on_disk_is_sorting(tmp_path_factory, pairs, run_bytes):
    rows = [(float(key), chat(f"{text} {n}")) for n, (key, text) in enumerate(pairs)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(external_sort, "RUN_BYTES", run_bytes)
        found = list(external_sort.in_order(rows, tmp_path_factory.mktemp("runs")))
    assert found == [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def test_the_set_that_comes_along_is_well_formed():
    from tunesmith.data import replay

    lines = (replay.FOLDER / replay.GENERAL).read_text().splitlines()
    pairs = [json.loads(text)["messages"] for text in lines]
    assert 150 <= len(pairs) == len({pair[0]["content"] for pair in pairs})
    assert all([turn["role"] for turn in pair] == ["user", "assistant"] for pair in pairs)
    assert all(turn["content"].strip() == turn["content"] != "" for pair in pairs for turn in pair)


TOOL = " ".join(f"word{number}" for number in range(120)) + ".\n"


def test_a_training_row_that_is_a_copy_of_a_test_row_is_refused(store, tokenizer):
    rows = distinct(120)
    sides = {name: [] for name in split.SIDES}
    for row in rows:
        sides[split.side(row.group_id, split.SplitParams(salt="s"))].append(row)
    held, trained = sides["test"][2], sides["train"][0]
    # As if `dedup` had missed it: near, in a group of its own.
    copy = chat(
        held.messages[0].content, held.answer.replace("waits", "stays"),
        source="rows.jsonl:900", group=trained.group_id,
    )  # fmt: skip
    told = leaked(store, tokenizer, [*rows, copy])
    assert f"rows.jsonl:900: near copy of a row of test: {held.source}" in told
    assert "1 rows of the training set" in told


def test_what_test_and_training_share_is_noted(store, tokenizer):
    rows = distinct(120)
    test = [row for row in rows if split.side(row.group_id, split.SplitParams(salt="s")) == "test"]
    held_out = [row for row in rows if split.side(row.group_id, split.SplitParams(salt="s")) != "train"]  # fmt: skip
    train = next(row for row in rows if row not in held_out)
    again = chat(
        test[0].messages[0].content, "Quite another answer.", source="rows.jsonl:900",
        group=train.group_id,
    )  # fmt: skip
    mixed(store, tokenizer, [*rows, again])
    (record,) = store.all_records("mix")
    share = round(1 / len(held_out), 4)
    assert record["notes"]["held_out"] == {
        "rows": len(held_out), "same_input": share, "half_held": 0.0,
    }  # fmt: skip


drawn_rows = st.lists(
    st.tuples(
        st.integers(0, 7),  # what is asked; the last four in one long template
        st.sampled_from(["", "", "Please. ", "Could you say so? "]),
        st.integers(0, 2),  # which answer
        st.sampled_from([None, None, None, "g1", "g2", "g3"]),
    ),
    max_size=24,
)


def written(drawn, name, start=0):
    topics = ("brass lamps", "iron gates", "silk scarves", "oak tables")
    made = []
    for line, (asked, polite, answer, group) in enumerate(drawn, start):
        topic = topics[asked % 4]
        question = f"{TOOL}{topic}" if asked > 3 else f"Where were the {topic} in hall{asked} made?"
        said = (f"On {topic} there is this.", "Nobody knows.", f"Ask at the shop for {topic}, or by mail.")  # fmt: skip
        made.append(chat(polite + question, said[answer], source=f"{name}:{line}", group=group))
    return made


@settings(max_examples=25, deadline=None, derandomize=True)
@given(drawn_rows, drawn_rows, st.sampled_from("abcdef"))
def test_nothing_that_training_reads_stands_behind_any_fence(tmp_path_factory, tokenizer, drawn, behind, salt):  # fmt: skip
    """Through dedup, split and mix: no row of the mixture repeats one that must stay unseen."""
    from tunesmith.data.comparing.contradictions import input_key
    from tunesmith.data.comparing.differing import difference, row_parts
    from tunesmith.data.comparing.fence import leaks
    from tunesmith.data.comparing.near_duplicates import similarity
    from tunesmith.data.comparing.row_texts import asked, whole
    from tunesmith.data.normal_text import normalise
    from tunesmith.stages import dedup

    store = Store(str(tmp_path_factory.mktemp("mixed")))
    rows = [*written(drawn, "rows"), *distinct(60, start=100)]
    golden, benchmark = written(behind[:1], "golden"), written(behind[1:2], "benchmark")
    fences = [toy_stages.given(store, part) for part in (golden, benchmark)]
    kept = store.build(dedup.STAGE, dedup.DedupParams(), toy_stages.given(store, rows), tuple(fences))  # fmt: skip
    sides = store.build(split.STAGE, split.SplitParams(salt=salt), kept, None)
    mixture = store.build(
        STAGE, MixParams(salt=salt), sides, {}, dict(zip("gb", fences, strict=True)), None,
        base(store, tokenizer), None,
    )  # fmt: skip
    trained = read(store, mixture.train)
    assert list(leaks(trained, golden + benchmark, 0.8, 0.5)) == []
    (record,) = store.all_records("dedup")
    apart = record["notes"]["links"]["apart"]  # inputs whose groups both stood there before
    for held in read(store, sides.test) + read(store, sides.validation):
        for row in trained:
            assert row.group_id != held.group_id
            assert normalise(whole(row)) != normalise(whole(held))
            near = similarity(whole(row), whole(held)) >= 0.8
            assert not near or difference(row_parts(row), row_parts(held))
            same = input_key(asked(row), "chat") == input_key(asked(held), "chat")
            assert not same or apart
