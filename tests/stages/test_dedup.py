"""Copies go, what must stay unseen stays unseen, and no row changes sides when rows are added."""

from itertools import permutations, product

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat, distinct, kept, reasons
from tunesmith.data.comparing.differing import difference, row_parts
from tunesmith.data.comparing.near_duplicates import similarity
from tunesmith.errors import InputError
from tunesmith.records import Dropped, Example, LabelExample, Message, PreferenceExample
from tunesmith.stages.dedup import STAGE, ContradictionParams, DedupParams, dedup
from tunesmith.stages.split import SplitParams, side

PARAMS = DedupParams()
FIRST = DedupParams(keep="first")

# Forty words are 38 shingles, and a word that is changed spoils three of them. So two texts are
# near copies at 0.8 when one word differs (35/41), and are not when two apart do (32/44).
WORDS = tuple(f"w{number}" for number in range(40))
PLACES = (4, 12, 20, 28, 36)


def text(base=0, *edits):
    words = [f"b{base}{word}" for word in WORDS]
    for place in edits:
        words[PLACES[place]] += "x"
    return " ".join(words)


def row(line, base=0, *edits, answer=None, **fields):
    """A row whose whole text is `base` but for the edits; its answer is its last ten words."""
    words = text(base, *edits).split()
    return chat(" ".join(words[:30]), answer or " ".join(words[30:]), source=f"f:{line}", **fields)


def whole(a_row):
    return f"{a_row.prompt[-1].content} {a_row.answer}"


def test_the_texts_of_these_tests_are_as_near_as_said():
    assert similarity(text(0), text(0, 1)) == pytest.approx(35 / 41)
    assert similarity(text(0, 1), text(0, 3)) == pytest.approx(32 / 44)
    assert similarity(text(0), text(1)) == 0


# Copies


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(1)],
        [row(1), row(2, 1), row(3, 2)],
        [row(1), row(2, 0, 1, 3)],  # two edits are one too many
        [chat("Yes?", source="f:1"), chat("No?", source="f:2")],
        [chat("🙂", "👍", source="f:1"), chat("🙂", "👎", source="f:2")],
        distinct(40),
    ],
)
def test_rows_that_are_no_copies_pass_as_they_are(rows):
    assert list(dedup(rows, [], PARAMS)) == rows


@pytest.mark.parametrize(
    ("copy", "reason"),
    [
        (row(2), "exact_copy"),
        (row(2, system="Be brief."), "exact_copy"),  # rows share their system prompt anyway
        (chat(text().rsplit(" ", 10)[0] + " \n", " ".join(text().split()[30:]), source="f:2"), "exact_copy"),
        (row(2, 0, 2), "near_copy"),
        (chat(text().upper().rsplit(" ", 10)[0] + "!", " ".join(text().split()[30:]), source="f:2"), "near_copy"),
    ],
)  # fmt: skip
def test_a_copy_goes_with_its_reason_and_the_place_of_what_stays(copy, reason):
    found = list(dedup([row(1), copy], [], PARAMS))
    assert reasons(found) == [None, reason]
    assert found[1].row == copy
    assert (found[1].source, found[1].detail.split()[-1]) == ("f:2", "f:1")


def test_the_threshold_is_what_the_recipe_says():
    rows = [row(1), row(2, 0, 2)]
    assert reasons(dedup(rows, [], DedupParams(threshold=35 / 41))) == [None, "near_copy"]
    assert reasons(dedup(rows, [], DedupParams(threshold=0.86))) == [None, None]
    assert reasons(dedup([row(1), row(2)], [], DedupParams(threshold=1))) == [None, "exact_copy"]
    for wrong in (0.49, 1.01):
        with pytest.raises(ValidationError):
            DedupParams(threshold=wrong)


def test_the_best_stays_and_takes_the_group_of_the_first():
    rows = [
        row(1, 0, quality=0.8, group="a"),
        row(2, 0, 1, quality=0.9, group="b"),
        row(3, 0, 2, quality=1.0, group="c"),
        row(4, 0, 3, quality=1.0, group="d"),
        row(5, 0, 4, group="e"),
    ]
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == ["near_copy", "near_copy", None, "near_copy", "near_copy"]
    assert (found[2].group_id, found[2].source, found[2].quality) == ("a", "f:3", 1.0)
    assert [item.detail.split()[-1] for item in found if isinstance(item, Dropped)] == ["f:3"] * 4
    assert reasons(dedup(rows, [], FIRST)) == [None, *["near_copy"] * 4]


def test_a_copy_of_a_copy_belongs_to_the_first():
    # The third is a near copy of the second only; to keep it could put it on the other side.
    rows = [row(1), row(2, 0, 1), row(3, 0, 1, 3)]
    assert reasons(dedup(rows, [], FIRST)) == [None, "near_copy", "near_copy"]
    best = [row(1), row(2, 0, 1), row(3, 0, 1, 3, quality=1.0, group="z")]
    (only,) = kept(dedup(best, [], PARAMS))
    assert (only.source, only.group_id) == ("f:3", best[0].group_id)


def test_two_families_that_a_third_row_joins_keep_their_first_rows():
    rows = [row(1, 0, 1, quality=0.1), row(2, 0, 3, quality=0.2), row(3, quality=1.0)]
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == [None, None, "near_copy"]
    assert [item.group_id for item in found[:2]] == [item.group_id for item in rows[:2]]


# Templates, and rows that ask the same

TOOL = " ".join(f"word{number}" for number in range(120)) + ".\n"


def asking(line, question, answer=None, **fields):
    """A row whose question stands after a long instruction, and comes back in its answer."""
    answer = answer or f"On {question} there is this."
    return chat(TOOL + question, answer, source=f"f:{line}", **fields)


def test_rows_that_share_a_template_and_ask_something_else_stay_apart():
    rows = [asking(1, "brass lamps"), asking(2, "iron gates"), asking(3, "some brass lamps")]
    assert similarity(whole(rows[0]), whole(rows[1])) > 0.85
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == [None, None, "near_copy"]
    assert found[:2] == rows[:2]
    # The best of each stays, as it would without a template.
    better = [*rows[:2], asking(3, "some brass lamps", quality=1.0)]
    assert reasons(dedup(better, [], PARAMS)) == ["near_copy", None, None]


def test_one_row_of_a_template_behind_the_fence_takes_its_copies_and_no_others():
    rows = [
        asking(1, "brass lamps"), asking(2, "iron gates"),
        asking(3, "some brass lamps", group="golden-group"), asking(4, "silk scarves"),
    ]  # fmt: skip
    fence = chat("Quite another thing", group="golden-group", source="g:1")
    found = list(dedup(rows, [fence], PARAMS))
    assert reasons(found) == ["fence", None, "fence", None]
    assert "linked by near copies to f:3" in found[0].detail


def test_rows_that_ask_the_same_in_a_template_stay_in_one_group():
    other = "Nobody in town sells any of those nowadays."
    rows = [
        asking(1, "brass lamps"),
        asking(2, "brass lamps today", other),
        asking(3, "iron gates"),
    ]
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == [None] * 3
    assert [item.group_id for item in found] == [rows[0].group_id] * 2 + [rows[2].group_id]


def test_rows_that_ask_the_same_go_into_one_group_with_all_of_theirs():
    asks = "How deep is the lake near town?"
    rows = [
        chat(asks, "It is rather deep.", group="a", source="f:1"),
        chat("Something else, quite long", "Well.", group="b", source="f:2"),
        chat("how deep the lake near town", "Nobody knows.", group="c", source="f:3"),
        chat("A third thing that was asked", "So.", group="c", source="f:4"),
        chat(asks, "Ask somebody who dives.", group="b", source="f:5"),
        chat("thank you!", "You are welcome.", group="a", source="f:6"),
        chat("Thank you", "Any time.", group="d", source="f:7"),
    ]
    found = list(dedup(rows, [], PARAMS))
    assert [item.group_id for item in found] == ["a", "b", "a", "a", "b", "a", "d"]


def test_whose_group_stands_on_another_side_of_the_fence_takes_nobody_in():
    asks = "How deep is the lake near town?"
    fence = chat("Something else", group="g", source="g:1")
    rows = [chat(asks, "It is rather deep.", group="g"), chat(asks, "Nobody knows.", group="h")]
    assert [item.group_id for item in kept(dedup(rows, [fence], PARAMS))] == ["h"]


# The fence


@pytest.mark.parametrize(
    ("near", "detail"),
    [
        (row(9), "near copy of row g:1"),
        (row(9, 0, 2), "near copy of row g:1"),
        (row(9, answer="Quite another answer than the golden one has."), "near copy of input g:1"),
        (chat("Another question", group="golden-group", source="f:9"), "same group as g:1"),
    ],
)
def test_what_comes_near_a_fenced_row_goes(near, detail):
    fence = row(1, group="golden-group").__class__(
        **{**_fields(row(1, group="golden-group")), "source": "g:1"}
    )
    found = list(dedup([row(3, 1), near, row(4, 2)], [fence], PARAMS))
    assert reasons(found) == [None, "fence", None]
    assert found[1].detail == detail


def _fields(a_row):
    return {name: getattr(a_row, name) for name in a_row.__struct_fields__}


def test_the_answer_alone_is_no_reason():
    shared = "Thanks, we have sent the part and it should be with you by Monday noon."
    rows = [row(2, 1, answer=shared)]
    assert reasons(dedup(rows, [row(1, 0, answer=shared)], PARAMS)) == [None]


def test_the_fence_holds_along_every_link_of_a_chain():
    rows = [row(2, 0, 1, 3), row(3, 0, 1), row(4, 1)]
    copies_only = DedupParams(overlap=1)  # at 0.5 the first holds enough of the fenced row itself
    found = list(dedup(rows, [row(1)], copies_only))
    assert reasons(found) == ["fence", "fence", None]
    assert "f:3" in found[0].detail
    assert reasons(dedup(rows[:1], [row(1)], copies_only)) == [None]


def test_a_copy_of_a_fenced_row_is_no_copy_of_a_kept_one():
    rows = [row(1, quality=0.1), row(2, quality=1.0), row(3, 1), row(4, 1)]
    assert reasons(dedup(rows, [row(9)], PARAMS)) == ["fence", "fence", None, "exact_copy"]


# Which one stays


def test_the_newest_stays_whatever_its_zone_and_the_first_where_no_time_is_known():
    times = ["2026-03-01", "2026-03-02T01:00:00+03:00", "2026-03-01T23:30:00Z", None, "2026-02-28"]
    rows = [row(line, 0, *edit, written=time, quality=1 / line)
            for line, (edit, time) in enumerate(zip([(), (0,), (1,), (2,), (3,)], times, strict=True), 1)]  # fmt: skip
    found = list(dedup(rows, [], DedupParams(keep="newest")))
    assert [item.source for item in kept(found)] == ["f:3"]
    assert kept(found)[0].group_id == rows[0].group_id
    bare = [msgspec.structs.replace(item, written=None) for item in rows]
    assert [item.source for item in kept(dedup(bare, [], DedupParams(keep="newest")))] == ["f:1"]


def test_a_time_that_is_none_is_refused_with_its_row():
    with pytest.raises(InputError, match=r"f:7: written is 'last week'; expected .*ISO 8601"):
        list(dedup([row(7, written="last week")], [], PARAMS))


# Contradictions

DAYS = "How many days does it take to get my money back from you, please?"


def label(line, text, name, **fields):
    return LabelExample(
        row_id=str(line), group_id=text, source=f"f:{line}", origin="human", text=text, label=name, **fields
    )  # fmt: skip


def preference(line, chosen, rejected, prompt="Which one?"):
    return PreferenceExample(
        row_id=str(line), group_id=prompt, source=f"f:{line}", origin="human",
        prompt=(Message("user", prompt),), chosen=chosen, rejected=rejected,
    )  # fmt: skip


def flags(found):
    return [item.flags for item in kept(found)]


def acting(**actions):
    return DedupParams(contradictions=ContradictionParams(**actions))


def contradicting():
    return [
        chat(DAYS, "It takes 5 days.", source="f:1"),
        chat(
            "how many days will it take to get the money back?",
            "We pay within one week, or 7 days.",
            source="f:2",
        ),
        chat(DAYS, "It takes five days or so, not more.", source="f:3"),
        chat("Another question", "It takes 9 days.", source="f:4"),
    ]


def test_chats_that_contradict_are_flagged_and_stay():
    found = list(dedup(contradicting(), [], PARAMS))
    assert reasons(found) == [None] * 4
    assert flags(found) == [("contradiction",), ("contradiction",), ("contradiction",), ()]
    again = list(dedup(found, [], PARAMS))
    assert again == found


def test_on_drop_all_of_them_go_and_each_names_another():
    found = list(dedup(contradicting(), [], acting(chat="drop")))
    assert reasons(found) == ["contradiction", "contradiction", "contradiction", None]
    assert ["f:2" in found[0].detail, "f:1" in found[1].detail] == [True, True]
    assert "against" in found[0].detail


def test_off_does_not_look():
    found = list(dedup(contradicting(), [], acting(chat=False)))
    first, *rest = contradicting()
    assert found == [
        first, *(msgspec.structs.replace(item, group_id=first.group_id) for item in rest[:2]), rest[2]
    ]  # fmt: skip


def test_copies_of_a_row_that_contradicts_go_with_it():
    rows = [
        row(1, answer="Yes, it does."),
        row(2, answer="No, never."),
        row(3, 0, 1, answer="Yes, it does."),
    ]
    assert similarity(whole(rows[0]), whole(rows[1])) > 0.8  # a long question outweighs the answers
    assert reasons(dedup(rows, [], acting(chat="drop"))) == ["contradiction"] * 3
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == [None, None, "near_copy"]
    assert flags(found) == [("contradiction",)] * 2
    assert found[0].group_id == found[1].group_id  # near copies stay on one side


def test_labels_that_differ_on_one_text_go_by_default():
    rows = [
        label(1, "my card is lost", "lost"),
        label(2, "My card is LOST!", "stolen"),
        label(3, "my card is lost", "lost"),
        label(4, "my card was stolen", "stolen"),
    ]
    found = list(dedup(rows, [], PARAMS))
    assert reasons(found) == ["contradiction"] * 3 + [None]
    assert "label 'lost' against 'stolen' of f:2" in found[0].detail
    flagged = list(dedup(rows, [], acting(label="flag")))
    assert reasons(flagged) == [None, None, "exact_copy", None]
    assert flags(flagged) == [("contradiction",)] * 2 + [()]


def test_preferences_that_are_reversed():
    rows = [
        preference(1, "the red one", "the blue one"),
        preference(2, "the blue one", "the red one"),
    ]
    assert flags(dedup(rows, [], PARAMS)) == [("contradiction",)] * 2
    assert reasons(dedup(rows, [], acting(preference="drop"))) == ["contradiction"] * 2
    ranking = [rows[0], preference(2, "the blue one", "the green one")]
    assert flags(dedup(ranking, [], PARAMS)) == [(), ()]


def test_a_row_behind_the_fence_contradicts_nobody():
    rows = [
        chat(DAYS, "It takes 5 days.", group="g", source="f:1"),
        chat(DAYS, "In 7 days.", group="h", source="f:2"),
    ]
    fence = chat("Something else", "entirely", group="g", source="g:1")
    assert reasons(dedup(rows, [fence], acting(chat="drop"))) == ["fence", None]


# Properties

rows_strategy = st.lists(
    st.tuples(
        # At 2 and 3 rows share a template and ask one of two things, of which only one is a copy.
        st.sampled_from([0, 0, 0, 1, 2, 3]),
        # Chains of near copies: each differs in one place from some of the others.
        st.sampled_from([(), (0,), (1,), (0, 1), (1, 2), (0, 1, 2), (3,)]),
        st.sampled_from([None, None, None, "g1", "g2"]),
        st.sampled_from([0.5, 1.0]),
        st.sampled_from([None, None, None, "One answer.", "It takes 5 days.", "In 6 days."]),
    ),
    max_size=5,
)
params_strategy = st.sampled_from([PARAMS, FIRST, acting(chat="drop"), acting(chat="off")])
salts = st.sampled_from("abcdefgh")
fences_strategy = st.sampled_from([(), ((1, (), "g2", 1.0, None),), ((0, (1,), None, 1.0, None),)])
thorough = settings(
    max_examples=100, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip


def build(drawn, start=1):
    return [
        row(line, base, *edits, group=group, quality=quality, answer=answer)
        if base < 2
        else asking(
            line, ("brass lamps", "iron gates")[base - 2], answer, group=group, quality=quality
        )
        for line, (base, edits, group, quality, answer) in enumerate(drawn, start)
    ]


def sides_of(rows, salt):
    params = SplitParams(test=0.3, validation=0.3, salt=salt)
    return {item.source: side(item.group_id, params) for item in rows}


def near(one, other):
    return similarity(whole(one), whole(other)) >= PARAMS.threshold


def copies(one, other):
    return near(one, other) and not difference(row_parts(one), row_parts(other))


@given(rows_strategy, fences_strategy, params_strategy)
@thorough
def test_every_row_comes_out_once_in_order_and_only_its_group_may_change(drawn, fence, params):
    rows, fence = build(drawn), build(fence, 100)
    found = list(dedup(rows, fence, params))
    assert len(found) == len(rows)
    for given_row, item in zip(rows, found, strict=True):
        if isinstance(item, Dropped):
            assert (item.row, item.source) == (given_row, given_row.source)
            assert item.reason in ("fence", "exact_copy", "near_copy", "contradiction")
        else:
            assert set(item.flags) <= {"contradiction"}
            own = {"group_id": given_row.group_id, "flags": ()}
            assert {**_fields(item), **own} == _fields(given_row)
    assert list(dedup(rows, fence, params)) == found
    # Once more drops nothing. Groups that stood apart may be joined where the row is gone that
    # one of them began with, but no group is parted.
    again = list(dedup(kept(found), fence, params))
    joined = {item.group_id: other.group_id for item, other in zip(kept(found), again, strict=True)}
    assert again == [
        msgspec.structs.replace(item, group_id=joined[item.group_id]) for item in kept(found)
    ]
    if not any(group for *_, group, _, _ in drawn):
        assert again == kept(found)


@given(rows_strategy, fences_strategy, params_strategy)
@thorough
def test_what_is_kept_is_apart_from_each_other_and_from_the_fence(rows, fence, params):
    rows, fence = build(rows), build(fence, 100)
    found = kept(dedup(rows, fence, params))
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if copies(one, other):  # unless they contradict a copy, on the same side
                assert "contradiction" in (*one.flags, *other.flags)
                assert one.group_id == other.group_id
        assert not any(near(one, other) or one.group_id == other.group_id for other in fence)
    assert fence or params.contradictions.chat == "drop" or bool(found) == bool(rows)


@given(rows_strategy, rows_strategy, fences_strategy, params_strategy, salts)
@thorough
def test_no_row_changes_sides_when_rows_are_added(rows, more, fence, params, salt):
    rows, fence = build(rows), build(fence, 100)
    more = build(more, len(rows) + 1)
    before, after = kept(dedup(rows, fence, params)), kept(dedup(rows + more, fence, params))
    assert_stay(before, after, salt)


def assert_stay(before, after, salt):
    """No row stands on another side than before, nor does a copy of it.

    What was trained on last quarter is no test of this quarter's model, and what was held out is
    not trained on.
    """
    was, now = sides_of(before, salt), sides_of(after, salt)
    for old in before:
        for new in after:
            if old.source == new.source or copies(old, new):
                assert was[old.source] == now[new.source]


@pytest.mark.parametrize("order", list(permutations([(), (0,), (0, 1)])))
def test_no_link_of_a_chain_changes_sides_when_another_is_added(order):
    for known, qualities in product((1, 2), product((0.5, 1.0), repeat=3)):
        chain = [
            row(line, 0, *edits, quality=quality)
            for line, (edits, quality) in enumerate(zip(order, qualities, strict=True), 1)
        ]
        before, after = kept(dedup(chain[:known], [], PARAMS)), kept(dedup(chain, [], PARAMS))
        for salt in "abcdefgh":
            assert_stay(before, after, salt)


@given(rows_strategy, rows_strategy, fences_strategy)
@thorough
def test_with_the_first_kept_nothing_that_is_added_changes_what_became_of_a_row(rows, more, fence):
    rows, fence = build(rows), build(fence, 100)
    more = build(more, len(rows) + 1)
    before = list(dedup(rows, fence, FIRST))
    after = list(dedup(rows + more, fence, FIRST))[: len(rows)]
    for old, new in zip(before, after, strict=True):
        # But a new row may link an old one to the fence, which is absolute, or contradict it.
        if isinstance(new, Dropped):
            assert new == old or new.reason == "fence"
        else:
            assert "contradiction" in new.flags or new == old


def test_the_stage_reads_its_fences_and_accounts_for_its_own_rows_only(store):
    rows = [row(1), row(2), row(3, 1), row(4, 2)]
    source = toy_stages.given(store, rows)
    fences = tuple(toy_stages.given(store, [row(9, base)]) for base in (1, 3))
    ref = store.build(STAGE, PARAMS, source, fences)
    assert list(store.rows(ref, Example)) == [rows[0], rows[3]]
    assert [item.reason for item in store.dropped(ref)] == ["exact_copy", "fence"]
    (record,) = store.all_records("dedup")
    assert record["counts"] == {"rows_in": 4, "kept": 2, "dropped": {"exact_copy": 1, "fence": 1}}
    assert STAGE.key(PARAMS, source, fences) != STAGE.key(PARAMS, source, fences[:1])


@pytest.mark.parametrize(("workers", "batch"), [(1, 7), (2, 64), (3, 33)])
def test_workers_batches_and_shards_change_nothing(store, tmp_path, monkeypatch, workers, batch):
    from tunesmith.engine import LocalEngine
    from tunesmith.store import draft
    from tunesmith.store import rows as row_files

    rows = [
        *build([(n % 4, ((), (0,), (1, 2))[n % 3], None, n % 5 / 4, None) for n in range(60)]),
        *distinct(60, start=200),
        *(chat(f"How deep is lake {n % 9} near town?", f"Ask {n}.", group=f"x{n}") for n in range(40)),
    ]  # fmt: skip
    fence = [row(900, 1), *distinct(2, start=210)]
    alone = store.build(
        STAGE, PARAMS, toy_stages.given(store, rows), (toy_stages.given(store, fence),)
    )
    assert 0 < alone.dropped < alone.rows
    other = type(store)(str(tmp_path / "other"))
    monkeypatch.setattr("tunesmith.engine.ALONE_SECONDS", 0.0)
    monkeypatch.setattr(draft, "BATCH_ROWS", batch)
    monkeypatch.setattr(row_files, "SHARD_BYTES", 2000)
    monkeypatch.setattr(other, "engine", LocalEngine(workers))
    again = other.build(
        STAGE, PARAMS, toy_stages.given(other, rows), (toy_stages.given(other, fence),)
    )
    assert again == alone
    (record,) = other.all_records("dedup")
    assert record["notes"]["links"]["groups"] > 0
