"""Which examples are shown is decided by a rule, not by how they look."""

from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.made_retrain import Made, make
from tunesmith.records import Score
from tunesmith.reporting.comparisons import (
    LONGEST,
    Tally,
    comparisons,
    largest_changes,
    tallies,
    tally,
)
from tunesmith.store import Store


def scores(**values: dict[str, float | None]) -> dict[str, Score]:
    return {
        row_id: Score(row_id=row_id, group_id=row_id, values=found)
        for row_id, found in values.items()
    }


def test_more_turned_metrics_come_first_then_losses_then_other_differences() -> None:
    before = scores(
        gained={"format": 0.0, "grounding": 1.0, "overlap": 0.0},
        lost={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        both={"format": 0.0, "grounding": 0.0, "overlap": 0.5},
        drifted={"format": 1.0, "grounding": 1.0, "overlap": 0.0},
        same={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
    )
    after = scores(
        gained={"format": 1.0, "grounding": 1.0, "overlap": 1.0},
        lost={"format": 0.0, "grounding": 1.0, "overlap": 0.5},
        both={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        drifted={"format": 1.0, "grounding": 1.0, "overlap": 0.9},
        same={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
    )
    assert largest_changes(before, after) == ["both", "lost", "gained", "drifted", "same"]


def test_a_difference_counts_at_most_one_and_a_missing_value_nothing() -> None:
    before = scores(
        a={"length_ratio": 90.0, "overlap": None}, b={"length_ratio": 2.0, "overlap": 0.2}
    )
    after = scores(a={"length_ratio": 1.0, "overlap": 1.0}, b={"length_ratio": 1.0, "overlap": 0.3})
    assert largest_changes(before, after) == ["b", "a"]


@given(st.permutations([f"row{n}" for n in range(14)]))
def test_order_of_the_rows_does_not_matter(names: list[str]) -> None:
    before = scores(**{name: {"format": 0.0} for name in names})
    after = scores(**{name: {"format": float(int(name[3:]) % 2)} for name in names})
    wanted = ["row1", "row11", "row13", "row3", "row5", "row7", "row9", "row0", "row10", "row12"]
    assert largest_changes(before, after) == wanted


def test_tallies_count_both_ways() -> None:
    before = scores(a={"format": 0.0}, b={"format": 1.0}, c={"format": 1.0}, d={"format": None})
    after = scores(a={"format": 1.0}, b={"format": 0.0}, c={"format": 1.0}, d={"format": 1.0})
    assert tallies(before, after) == [Tally("format", better=1, worse=1, same=1)]


def test_everybody_answers_between_what_went_in_and_the_reference(promoted: Made) -> None:
    shown = comparisons(promoted.store, promoted.result)
    assert len(shown) == 10
    for example in shown:
        assert [text.who for text in example.texts] == [
            "what went in",
            "base",
            "prompt baseline",
            "champion",
            "candidate",
            "reference",
        ]
        asked, base, _, _, candidate, reference = example.texts
        number = asked.text.split(":")[0].removeprefix("ticket ")
        assert base.text == f"base test says {number}"
        assert candidate.text == f"candidate test says {number}"
        assert str(int(number) + 400) in reference.text


def test_evidence_stands_only_where_a_metric_said_no(promoted: Made) -> None:
    for example in comparisons(promoted.store, promoted.result):
        for text in example.texts:
            denied = {metric for metric, yes in text.answered if not yes}
            assert {line.split(":")[0] for line in text.evidence} == denied & {"grounding"}


def test_the_system_prompt_is_not_repeated(promoted: Made) -> None:
    shown = comparisons(promoted.store, promoted.result)
    assert not any("You write" in text.text for example in shown for text in example.texts)


def test_long_texts_are_cut_and_say_so(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False, answers=("w " * LONGEST,) * 60)
    text = comparisons(made.store, made.result)[0].texts[-1]
    assert (len(text.text), text.cut) == (LONGEST, LONGEST)


def test_nothing_to_compare_without_a_candidate(unchanged: Made) -> None:
    assert comparisons(unchanged.store, unchanged.result) == []
    assert tally(unchanged.store, unchanged.result) == []
