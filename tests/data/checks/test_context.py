"""A set without its sources: when it is refused, and what the person who brought it reads."""

import pytest

from tunesmith.data.checks.context import FEWEST, Ungrounded, explain, is_ungrounded_set
from tunesmith.data.grounding import Entity


@pytest.mark.parametrize(
    ("ungrounded", "rows", "most", "refused"),
    [(FEWEST, FEWEST, 0.5, True), (FEWEST - 1, FEWEST - 1, 0.5, False), (50, 100, 0.5, False),
     (51, 100, 0.5, True), (100, 100, 1.0, False), (0, 0, 0.5, False), (20, 1000, 0.0, True)],
)  # fmt: skip
def test_a_set_is_refused_above_the_share_and_not_for_a_handful(ungrounded, rows, most, refused):
    assert is_ungrounded_set(ungrounded, rows, most) == refused


def rows(count):
    for number in range(count):
        yield Ungrounded(
            f"mail.jsonl:{number}",
            (
                Entity("date", "14 March", "--03-14"),
                Entity("name", "Maria Jones", "maria jones"),
                Entity("id", "maria@firm.co", "maria@firm.co"),
                Entity("number", "45", "45"),
                Entity("number", "46", "46"),
            ),
        )


def test_the_report_explains_itself():
    told = explain(rows(12), 900, 1000, 0.5)
    for part in ("900 of 1000 answers (90%)", "at most 50%", "A fact is ungrounded when",
                 "learns to invent", "What to bring", "score.checks.context"):  # fmt: skip
        assert part in told
    assert told.count("mail.jsonl:") == 10
    assert "date '14 March', name 'M… J…', id '<EMAIL_1>', number '45' and 1 more" in told
    assert "numbers and amounts; dates and times" in told


def test_nobody_is_named_in_it():
    told = explain(rows(1), 20, 20, 0.5)
    assert "Maria" not in told
    assert "firm" not in told
