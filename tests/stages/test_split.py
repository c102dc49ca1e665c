"""Each group on one side, by a hash that knows nothing of the other rows."""

import os
import subprocess
import sys
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat, distinct
from tunesmith.artifacts import Scores
from tunesmith.errors import Unready
from tunesmith.records import Dropped, Example, Score
from tunesmith.stages.split import (
    AWAITING,
    BALANCE,
    SIDES,
    STAGE,
    Placing,
    SplitParams,
    side,
    stratification,
)

PARAMS = SplitParams(salt="support-email")


def test_the_sides_are_what_they_always_were():
    # Rows of the last quarter stand on these sides: the function must never change.
    found = "".join(side(f"group {number}", PARAMS)[:2] for number in range(20))
    assert found == "trtrtrtrtrtetrtrvatrtrtrtrtetrtrtrtrtrtr"


def test_shares_come_out_as_asked():
    counts = Counter(side(str(number), PARAMS) for number in range(20_000))
    for name, share in (("test", 0.15), ("validation", 0.10), ("train", 0.75)):
        assert counts[name] / 20_000 == pytest.approx(share, abs=0.01)


def test_another_recipe_has_other_sides():
    other = SplitParams(salt="other")
    groups = [str(number) for number in range(2_000)]
    agreed = sum(side(group, PARAMS) == side(group, other) for group in groups)
    assert agreed / 2_000 == pytest.approx(0.15**2 + 0.10**2 + 0.75**2, abs=0.04)


@given(st.text(), st.text(max_size=80))
def test_any_group_and_salt_have_a_side(group, salt):
    assert side(group, SplitParams(salt=salt)) in SIDES


@given(st.text(), st.floats(0.01, 0.49), st.floats(0, 0.2))
def test_a_larger_test_share_takes_no_row_out_of_the_test_side(group, share, more):
    small = SplitParams(test=share, salt="s")
    large = SplitParams(test=min(share + more, 0.499), salt="s")
    assert side(group, small) != "test" or side(group, large) == "test"


@pytest.mark.parametrize(
    "fields", [{"test": 0}, {"test": 0.5}, {"validation": 0}, {"validation": 0.6}]
)
def test_shares_that_leave_a_side_empty_are_refused(fields):
    with pytest.raises(ValidationError):
        SplitParams(**fields)


def sides(store, ref):
    return {name: list(store.rows(getattr(ref, name), Example)) for name in SIDES}


def test_every_row_is_on_one_side_in_input_order(store):
    rows = distinct(120)
    found = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows), None))
    assert sorted(sum(found.values(), []), key=rows.index) == rows
    for name, part in found.items():
        assert part == [row for row in rows if side(row.group_id, PARAMS) == name]
    (record,) = store.all_records("split")
    assert record["counts"] == {"rows_in": 120, "kept": 120, "dropped": {}}


def test_added_rows_move_none(store):
    rows = distinct(150)
    before = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows[50:]), None))
    after = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows), None))
    for name in SIDES:
        assert [row for row in after[name] if row in rows[50:]] == before[name]


def test_rows_of_a_group_stay_together(store):
    rows = [
        chat(f"question {number}", group=f"customer {number % 40}", source=f"f:{number}")
        for number in range(200)
    ]
    found = sides(store, store.build(STAGE, PARAMS, toy_stages.given(store, rows), None))
    groups = [{row.group_id for row in part} for part in found.values()]
    assert sum(len(names) for names in groups) == len(set.union(*groups)) == 40


def test_too_few_groups_to_split_are_not_trained_on(store):
    rows = [chat(f"question {number}", group=f"c{number % 3}") for number in range(200)]
    with pytest.raises(Unready, match="200 rows in 3 groups"):
        store.build(STAGE, PARAMS, toy_stages.given(store, rows), None)
    assert list(store.all_records("split")) == []


def test_the_document_says_how_the_sides_compare(store):
    rows = [
        chat(
            f"q{number}", "answer", system="sys", metadata={"topic": "ab"[number % 2], "n": number}
        )
        for number in range(100)
    ]
    params = SplitParams(salt="s", report=("topic", "none"))
    ref = store.build(STAGE, params, toy_stages.given(store, rows), None)
    document = store.json(ref, "split.json")
    assert document["sides"] == stratification(rows, params)
    assert document["parts"] == {name: getattr(ref, name).digest for name in SIDES}
    train = document["sides"]["train"]
    assert (train["rows"], train["groups"]) == (ref.train.rows, ref.train.rows)
    assert train["answer_chars"] == 6.0
    assert train["fields"]["topic"].keys() == {"a", "b"}
    assert sum(train["fields"]["topic"].values()) == train["rows"]
    assert train["fields"]["none"] == {"None": train["rows"]}
    assert train["origin"] == {"human": train["rows"]}


def test_sides_do_not_depend_on_the_process():
    code = (
        "from tunesmith.stages.split import SplitParams, side;"
        "print([side(str(n), SplitParams(salt='s')) for n in range(50)])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": "3"},
    ).stdout  # fmt: skip
    assert told.strip() == str([side(str(n), SplitParams(salt="s")) for n in range(50)])


TOPICS = SplitParams(salt="s", stratify="topic")
MADE = st.lists(st.tuples(st.sampled_from("aab"), st.integers(0, 60)), max_size=150)
"""Rows as topic and group: a group may come back with another topic."""


def rows_of(made):
    return [
        chat(f"q{number}", group=f"g{group}", metadata={"topic": topic}, source=f"f:{number}")
        for number, (topic, group) in enumerate(made)
    ]


def placed(rows, params, scores=None):
    placing = Placing(params, scores)
    return [placing.place(row)[0] for row in rows], placing


@given(MADE, MADE)
def test_strata_keep_what_was_placed_when_rows_are_appended(made, more):
    rows = rows_of(made + more)
    before, _ = placed(rows[: len(made)], TOPICS)
    after, _ = placed(rows, TOPICS)
    assert after[: len(made)] == before


@given(MADE)
def test_a_group_stays_together_whatever_its_strata(made):
    rows = rows_of(made)
    found, _ = placed(rows, TOPICS)
    of_group = {}
    for row, where in zip(rows, found, strict=True):
        assert of_group.setdefault(row.group_id, where) == where


@given(MADE, st.floats(0.05, 0.45), st.floats(0.05, 0.45))
def test_every_stratum_has_its_share_to_a_few_groups_at_every_moment(made, test, validation):
    params = SplitParams(salt="s", stratify="topic", test=test, validation=validation)
    placing = Placing(params)
    for row in rows_of(made):
        placing.place(row)
        for counts in placing.strata.values():
            for name, share in (("test", test), ("validation", validation)):
                assert abs(counts[name] - share * counts.total()) <= BALANCE + 1


def test_a_hash_alone_would_not_give_a_stratum_its_share():
    # Twenty strata of a hundred groups: without the stick some are off by far more.
    rows = [chat(f"q{n}", group=f"g{n}", metadata={"topic": str(n % 20)}) for n in range(2_000)]
    bare = Counter(row.metadata["topic"] for row in rows if side(row.group_id, TOPICS) == "test")
    _, placing = placed(rows, TOPICS)
    assert max(abs(count - 15) for count in bare.values()) > BALANCE + 2
    held = [counts["test"] for counts in placing.strata.values()]
    assert max(abs(count - 15) for count in held) <= BALANCE + 1


def test_most_groups_stay_where_their_hash_says_and_a_removed_row_moves_few():
    rows = [chat(f"q{n}", group=f"g{n}", metadata={"topic": str(n % 5)}) for n in range(1_000)]
    found, _ = placed(rows, TOPICS)
    overruled = sum(where != side(row.group_id, TOPICS) for row, where in zip(rows, found, strict=True))  # fmt: skip
    assert 0 < overruled < 120
    again, _ = placed(rows[1:], TOPICS)
    assert sum(one != other for one, other in zip(found[1:], again, strict=True)) < 40


def test_thirds_of_the_bases_score_are_strata_that_growth_does_not_move():
    rows = distinct(600)
    scores = {row.row_id: n * 37 % 600 / 600 for n, row in enumerate(rows)}
    params = SplitParams(salt="s", stratify="difficulty")
    before, first = placed(rows[:300], params, scores)
    after, placing = placed(rows, params, scores)
    assert after[:300] == before
    assert placing.strata.keys() == {"hard", "medium", "easy"}
    for counts in placing.strata.values():
        assert 150 < counts.total() < 250
        assert abs(counts["test"] - 0.15 * counts.total()) <= BALANCE + 1
    assert sum(counts.total() for counts in first.strata.values()) == 300


def test_difficulty_asks_for_the_bases_scores_and_tells_of_rows_without(store):
    rows = distinct(120)
    params = SplitParams(salt="s", stratify="difficulty")
    with pytest.raises(Unready, match="the base has not been scored on the rows"):
        store.build(STAGE, params, toy_stages.given(store, rows), None)
    scores = [
        Score(row_id=row.row_id, group_id=row.group_id, values={"overlap": None if n < 30 else n / 120})
        for n, row in enumerate(rows)
    ]  # fmt: skip
    ref = store.build(STAGE, params, toy_stages.given(store, rows), toy_stages.given(store, scores, Scores))  # fmt: skip
    document = store.json(ref, "split.json")
    assert sum(document["strata"]["groups"]["no score"].values()) == 30
    assert "split: 30 groups have no score of the base" in document["warnings"]


REVIEWED = SplitParams(salt="s", test_from="production_reviewed")


def production(count, reviewed):
    return [
        msgspec.structs.replace(
            chat(f"q{n}", group=f"g{n}", source=f"p:{n}"),
            origin="production", reviewed_by="ada" if reviewed(n) else None,
        )
        for n in range(count)
    ]  # fmt: skip


def test_only_reviewed_production_is_tested_on_and_the_rest_waits(store):
    rows = production(200, reviewed=lambda n: n % 2 == 0)
    human = [chat(f"h{n}", group=f"h{n}", source=f"h:{n}", reviewed_by="ada") for n in range(200)]
    ref = store.build(STAGE, REVIEWED, toy_stages.given(store, [*rows, *human]), None)
    found = sides(store, ref)
    assert all(row.origin == "production" and row.reviewed_by for row in found["test"])
    waiting = list(store.dropped(ref.test))
    assert {row.reason for row in waiting} == {AWAITING}
    aside = {row.group_id for row in rows if side(row.group_id, REVIEWED) == "test"}
    assert {row.group_id for row in found["test"]} | {row.row.group_id for row in waiting} == aside
    assert len(found["test"]) > 5 < len(waiting)
    assert ref.train.dropped == ref.validation.dropped == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.booleans(), st.booleans(), st.booleans()), max_size=80
    ),
    st.integers(0, 80),
)
def test_no_review_and_no_appended_row_ever_moves_one_to_another_side(made, first):
    """A row: its group, whether from production, reviewed at first, reviewed later."""

    def rows(later):
        return [
            msgspec.structs.replace(
                chat(f"q{n}", group=f"g{group}", source=f"f:{n}"),
                origin="production" if of_production else "human",
                reviewed_by="ada" if (now or (later and then)) else None,
            )
            for n, (group, of_production, now, then) in enumerate(made)
        ]

    def found(rows):
        placing = Placing(REVIEWED)
        return [(where, isinstance(made, Dropped)) for where, made in map(placing.place, rows)]

    before, after = found(rows(later=False)[:first]), found(rows(later=True))
    for (where, waits), (later, still) in zip(before, after, strict=False):
        assert where == later
        assert waits or not still  # nothing that was used goes back to wait
        assert not waits or where == "test"


def test_without_any_reviewed_production_it_says_what_to_review(store):
    rows = production(100, reviewed=lambda n: False)
    with pytest.raises(Unready, match="nobody has reviewed") as raised:
        store.build(STAGE, REVIEWED, toy_stages.given(store, rows), None)
    assert raised.value.look is not None
    assert raised.value.look[1] == AWAITING


WORDS = ["refund", "broken", "late", "parcel", "screen", "battery", "invoice", "address"]
OTHER_WORDS = ["login", "password", "router", "cable", "signal", "account", "lock", "mail"]


def dated(count, words, start, month):
    """Production rows of so many words, each its own group."""
    return [
        msgspec.structs.replace(
            chat(
                " ".join(words[(n * k + k) % len(words)] for k in range(1, 9)) + f" {n}",
                group=f"g{n}", source=f"p:{n}",
            ),
            origin="production", written=f"2026-{month:02d}-01T10:00:00Z",
        )
        for n in range(start, start + count)
    ]  # fmt: skip


@pytest.mark.parametrize(("new", "warned"), [(OTHER_WORDS, True), (WORDS, False)])
def test_a_test_set_unlike_recent_production_is_warned_of(store, new, warned):
    rows = [*dated(2_500, WORDS, 0, 1), *dated(2_000, new, 3_000, 9)]
    ref = store.build(STAGE, SplitParams(salt="s"), toy_stages.given(store, rows), None)
    document = store.json(ref, "split.json")
    assert document["shift"]["test"]["shifted"] is warned
    told = any("test side is unlike recent production" in text for text in document["warnings"])
    assert told is warned


def test_without_dates_the_distance_is_not_tested_and_that_is_said(store):
    ref = store.build(STAGE, PARAMS, toy_stages.given(store, distinct(120)), None)
    assert (
        "0 recent production groups" in store.json(ref, "split.json")["shift"]["test"]["untested"]
    )


def test_the_power_of_the_recipes_margin_is_told(store):
    from tunesmith.statistics.power import power_not_worse

    params = SplitParams(salt="s", margin=0.2, alpha=0.1)
    ref = store.build(STAGE, params, toy_stages.given(store, distinct(300)), None)
    document = store.json(ref, "split.json")
    groups = document["sides"]["test"]["groups"]
    assert document["power"]["power"] == round(power_not_worse(groups, 0.2, 0.1, 0.1), 4)
    assert document["warnings"] == []
    params = SplitParams(salt="s", margin=0.05)
    narrow = store.build(STAGE, params, toy_stages.given(store, distinct(300)), None)
    (told,) = store.json(narrow, "split.json")["warnings"]
    assert f"split: {groups} test groups" in told
    assert f"about {store.json(narrow, 'split.json')['power']['needed']} are needed" in told
    (record,) = [found for found in store.all_records("split") if found["params"]["margin"] == 0.05]
    assert record["notes"]["warnings"] == [told]


def test_a_stratum_too_small_to_test_is_told(store):
    rows = [chat(f"q{n}", group=f"g{n}", metadata={"topic": "rare" if n < 2 else "often"}) for n in range(120)]  # fmt: skip
    ref = store.build(STAGE, TOPICS, toy_stages.given(store, rows), None)
    document = store.json(ref, "split.json")
    untested = [name for name, counts in document["strata"]["groups"].items() if not counts["test"]]
    told = [text for text in document["warnings"] if "too small for a test row" in text]
    assert bool(told) == bool(untested)
    assert document["strata"]["by"] == "topic"
