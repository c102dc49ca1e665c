"""What comes too near to rows that must stay unseen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.data.comparing import fence as module
from tunesmith.data.comparing.fence import Fence, fenced, leaks
from tunesmith.data.comparing.near_duplicates import similarity
from tunesmith.data.comparing.row_texts import asked, whole
from tunesmith.records import ChatExample, LabelExample, Message, PreferenceExample, ToolCall


def words(start, count, name="n"):
    return " ".join(f"{name}{number}" for number in range(start, start + count))


QUESTION, ANSWER = words(0, 30), words(100, 20)
GOLDEN = chat(QUESTION, ANSWER, source="g:1", group="golden")


def leak(row, *fences):
    found = [how for _, how in leaks([row], fences or [GOLDEN], 0.8, 0.5)]
    return (found[0].kind, found[0].source) if found else None


@pytest.mark.parametrize(
    "row",
    [
        chat("Quite another question", "and its answer", system=QUESTION),
        chat("Quite another question", ANSWER),
        chat(words(0, 16), "and an answer"),  # nine of 23 runs
        chat(words(0, 8), words(100, 8)),
        LabelExample(
            row_id="1", group_id="1", source="f:1", origin="human", text="short", label="a"
        ),
    ],
)
def test_what_is_not_behind_the_fence(row):
    assert leak(row) is None


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (chat("Another", group="golden"), "group"),
        (chat(QUESTION, ANSWER), "row"),
        (chat(QUESTION.title() + "?!", ANSWER), "row"),
        (chat(QUESTION.replace("n15 ", "x "), ANSWER), "row"),
        (chat(QUESTION, "another answer altogether, and a long one at that, so that it counts"), "input"),
        (chat(f"{words(0, 90, 'x')} {QUESTION} {words(0, 90, 'y')}", "so"), "overlap"),
        (chat(words(0, 90, "x"), f"{words(0, 90, 'z')} {words(4, 22)} {words(0, 50, 'y')}"), "overlap"),
        (
            LabelExample(row_id="1", group_id="1", source="f:1", origin="human", text=QUESTION, label="a"),
            "input",
        ),
        (
            PreferenceExample(
                row_id="1", group_id="1", source="f:1", origin="human",
                prompt=(Message("user", "What is it?"),), chosen="This.", rejected=f"{QUESTION} {ANSWER}",
            ),
            "row",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_leak(row, kind):
    assert leak(row) == (kind, "g:1")


def test_the_detail_names_kind_and_source_and_share():
    row = chat(f"{words(0, 90, 'x')} {QUESTION}", "so")
    ((same, how),) = leaks([row], [GOLDEN], 0.8, 0.5)
    assert same is row
    assert str(how) == "holds 100% of the runs of 8 words of g:1"


def test_rows_without_input_are_no_copies_of_one_another():
    alone = ChatExample(
        row_id="1", group_id="1", source="f:1", origin="human", messages=(Message("assistant", ANSWER),)
    )  # fmt: skip
    other = ChatExample(
        row_id="2", group_id="2", source="g:2", origin="human", messages=(Message("assistant", "Hello."),)
    )  # fmt: skip
    assert leak(alone, other) is None
    assert leak(alone, other, alone) == ("group", "f:1")


def test_calls_of_tools_are_part_of_what_is_said():
    call = ToolCall("1", "look_up", '{"order": 12}')
    row = ChatExample(
        row_id="1", group_id="1", source="f:1", origin="human",
        messages=(Message("user", "Where is it?"), Message("assistant", "", tool_calls=(call,))),
    )  # fmt: skip
    assert whole(row) == 'Where is it?\n\nlook_up {"order": 12}'
    assert asked(row) == "Where is it?"
    assert whole(row).startswith(asked(row))


def test_no_fence_lets_all_pass():
    assert Fence([], 0.8, 0.5).leaks([GOLDEN]) == [None]
    assert list(leaks([GOLDEN], [], 0.8, 0.5)) == []


row_lists = st.lists(
    st.tuples(
        st.sampled_from([(0, 30), (0, 16), (3, 30), (50, 30), (90, 5)]), st.sampled_from("abc")
    ),
    max_size=6,
)


def build(drawn, name):
    return [
        chat(words(*span), f"answer {group}", group=group, source=f"{name}:{at}")
        for at, (span, group) in enumerate(drawn)
    ]


@settings(deadline=None)
@given(row_lists, row_lists)
def test_whatever_passes_is_apart_from_every_fenced_row(drawn, fences):
    rows, unseen = build(drawn, "f"), build(fences, "g")
    found = {row.source for row, _ in leaks(rows, unseen, 0.8, 0.5)}
    for row in rows:
        near = any(
            row.group_id == other.group_id
            or similarity(whole(row), whole(other)) >= 0.8
            or similarity(asked(row), asked(other)) >= 0.8
            for other in unseen
        )
        assert near <= (row.source in found)
        assert unseen or row.source not in found


@settings(max_examples=30, deadline=None)
@given(row_lists, row_lists)
def test_batches_and_order_change_nothing(drawn, fences):
    rows, unseen = build(drawn, "f"), build(fences, "g")
    expected = list(leaks(rows, unseen, 0.8, 0.5))
    kept = module._BATCH_ROWS
    try:
        module._BATCH_ROWS = 2
        assert list(leaks(iter(rows), unseen, 0.8, 0.5)) == expected
    finally:
        module._BATCH_ROWS = kept
    alone = Fence([fenced(row) for row in unseen], 0.8, 0.5)
    assert [how for row in rows if (how := alone.leaks([row])[0])] == [how for _, how in expected]
