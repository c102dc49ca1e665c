"""Rows that ask the same stand in one group, and no row that stood before moves."""

import pytest

from tests.made_rows import chat
from tunesmith.data.comparing import links as module
from tunesmith.data.comparing.links import links
from tunesmith.data.comparing.sketches import Collection, sketch

ASKS = "How deep is the lake near town?"


def linked(*rows, firsts=None, fenced=(), also=()):
    """What the group of each row is in the end, and the counts; a row is (input, group)."""
    collection = Collection([], [])
    collection.add(
        sketch(chat(asked, f"answer {at}", group=group)) for at, (asked, group) in enumerate(rows)
    )
    firsts = firsts or range(len(rows))
    found = links(collection, firsts, fenced, also)
    groups = [rows[first][1] for first in firsts]
    for at, to in zip(found.rows.tolist(), found.to.tolist(), strict=True):
        groups[at] = rows[to][1]
    return "".join(groups), found.groups, found.apart


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(ASKS, "a")],
        [(ASKS, "a"), (ASKS, "a")],
        [(ASKS, "a"), ("How deep is the sea near town?", "b")],
        [("hi there!", "a"), ("Hi there", "b")],  # says nothing
        [("Yes, please", "a"), ("yes please", "b")],
        [("How deep?", "a"), ("how deep", "b")],
        [("", "a"), ("", "b")],
    ],
)
def test_what_is_not_linked(rows):
    assert linked(*rows) == ("".join(group for _, group in rows), 0, 0)


def test_a_group_that_begins_with_a_known_input_follows_and_all_of_it():
    rows = [(ASKS, "a"), ("Another thing altogether", "b"), ("how deep the lake near town", "c")]
    assert linked(*rows) == ("aba", 1, 0)
    assert linked(*rows, ("Something else came up later", "c"), (ASKS, "d")) == ("abaaa", 2, 0)
    # What links to a group that followed another goes where that one went.
    more = [*rows, ("Something else came up later", "c"), ("Something else came up later", "e")]
    assert linked(*more) == ("abaaa", 2, 0)


def test_a_group_that_was_there_before_stays_and_it_is_counted():
    rows = [(ASKS, "a"), ("Another thing altogether", "b"), (ASKS, "b")]
    assert linked(*rows) == ("abb", 0, 1)
    # The first that asked is the one to follow.
    assert linked(*rows, (ASKS, "c")) == ("abba", 1, 1)


def test_a_copy_has_the_group_of_its_family():
    rows = [("One long question of a family", "a"), (ASKS, "b"), (ASKS, "c")]
    assert linked(*rows, firsts=[0, 0, 2]) == ("aaa", 1, 0)
    assert linked(*rows[1:], rows[0], firsts=[0, 1, 1]) == ("bbb", 1, 0)


def test_rows_behind_the_fence_link_nothing():
    rows = [(ASKS, "a"), (ASKS, "b"), (ASKS, "c")]
    assert linked(*rows, fenced=[0]) == ("abb", 1, 0)
    assert linked(*rows, fenced=[0, 1, 2]) == ("abc", 0, 0)
    assert linked(*rows, firsts=[0, 0, 2], fenced=[0]) == ("aac", 0, 0)


def test_pairs_that_were_found_otherwise_are_linked_too():
    rows = [("One", "a"), ("Two", "b"), ("Three", "c")]
    assert linked(*rows, also=[(2, 1)]) == ("abb", 1, 0)
    assert linked(*rows, also=[(2, 1), (1, 0)]) == ("aaa", 2, 0)
    assert linked(*rows, also=[(2, 1)], fenced=[1]) == ("abc", 0, 0)


def test_a_group_takes_in_so_many_others_and_no_more(monkeypatch):
    monkeypatch.setattr(module, "LEAST_JOINED", 2)
    rows = [(ASKS, chr(97 + number)) for number in range(6)]
    assert linked(*rows) == ("aaadef", 2, 3)
    monkeypatch.setattr(module, "SHARE_JOINED", 1)
    assert linked(*rows) == ("aaaaaa", 5, 0)


def test_what_is_appended_changes_no_earlier_group():
    rows = [
        (asked, group)
        for asked in (ASKS, "Another thing altogether", "Some third long thing", "hi")
        for group in "abcd"
    ]
    rows = [rows[at * 7 % len(rows)] for at in range(2 * len(rows))]
    whole, _, _ = linked(*rows)
    for end in range(len(rows)):
        groups, _, _ = linked(*rows[:end])
        assert whole.startswith(groups)
