"""Training rows that repeat what is held out, and what only comes near it."""

import msgspec
import pytest

from tests.made_rows import chat, distinct
from tunesmith.data.comparing import held_out as module
from tunesmith.data.comparing.held_out import HeldOut

TEMPLATE = " ".join(f"word{number}" for number in range(150)) + ".\n"


def question(about, answer=None, **fields):
    return chat(f"{TEMPLATE}{about}", answer or f"On {about} there is this.", **fields)


TEST = question("the brass lamps", group="test group", source="t:1")
VALIDATION = question("the iron gates", group="other group", source="v:1")


@pytest.fixture
def held_out(tmp_path):
    found = HeldOut({"test": [TEST], "validation": [VALIDATION]}, 0.8, tmp_path)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("row", "how"),
    [
        (question("a silk scarf"), ""),  # of the same template, and near as a whole
        (question("the brass lamps", "Nobody in town sells any of those nowadays."), ""),
        (distinct(1)[0], ""),
        (msgspec.structs.replace(distinct(1)[0], group_id="test group"), "its group stands in test"),
        (question("the brass lamps", system="Be brief."), "the same text stands in test: t:1"),
        (question("THE IRON GATES", "On the iron gates there is this!"), "the same text stands in validation: v:1"),
        (question("some brass lamps"), "near copy of a row of test: t:1"),
        (question("iron gates"), "near copy of a row of validation: v:1"),
    ],
)  # fmt: skip
def test_what_repeats_a_held_out_row(held_out, row, how):
    assert held_out.repeats([row]) == [how]
    assert held_out.repeats([distinct(2)[1], row, row]) == ["", how, how]


def test_what_comes_near_is_told_as_figures(held_out):
    assert held_out.repeats([]) == []
    assert held_out.figures() == {"rows": 2, "same_input": 0.0, "half_held": 0.0}
    held_out.repeats([question("the brass lamps", "Nobody in town sells any of those nowadays.")])
    held_out.repeats([question("brass lamps", "Why, you are the second to ask today!")])
    assert held_out.figures() == {"rows": 2, "same_input": 0.5, "half_held": 1.0}


def test_each_row_counts_once_in_the_figures(tmp_path):
    rows = [
        chat(f"What about the brass lamps of {n % 2}?", f"{n}", source=f"t:{n}") for n in range(4)
    ]
    found = HeldOut({"test": rows}, 0.8, tmp_path)
    for _ in range(2):
        found.repeats([chat("What about the brass lamps of 1?", "Nothing.")])
    assert found.figures() == {"rows": 4, "same_input": 0.5, "half_held": 0.0}
    found.close()


def test_without_held_out_rows_nothing_repeats_one(tmp_path):
    found = HeldOut({"test": []}, 0.8, tmp_path)
    assert found.repeats([TEST]) == [""]
    assert found.figures() == {"rows": 0, "same_input": 0.0, "half_held": 0.0}
    found.close()


def test_of_many_rows_some_are_looked_at_for_runs_of_words(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SAMPLED", 4)
    rows = distinct(10)
    found = HeldOut({"test": rows}, 0.8, tmp_path)
    assert found.repeats(rows) == [f"the same text stands in test: {row.source}" for row in rows]
    assert found.figures()["half_held"] == 1.0
    found.close()
