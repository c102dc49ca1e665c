"""Which examples are shown is decided by a rule, not by how they look."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.made_retrain import Made, make
from tunesmith.evaluation.metrics import METRICS
from tunesmith.records import Score
from tunesmith.reporting.comparisons import (
    LONGEST,
    Changes,
    Tally,
    Told,
    change,
    comparisons,
    ends,
    tallies,
    tally,
)
from tunesmith.store import Store


def scores(**values: dict[str, float | None]) -> dict[str, Score]:
    return {
        row_id: Score(row_id=row_id, group_id=row_id, values=found)
        for row_id, found in values.items()
    }


def test_the_primary_metric_comes_first_then_turned_metrics_then_other_gains() -> None:
    before = scores(
        primary={"format": 0.0, "grounding": 1.0, "overlap": 0.9},
        turned={"format": 1.0, "grounding": 0.0, "overlap": 0.9},
        drifted={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        same={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        sank={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        lost={"format": 1.0, "grounding": 0.0, "overlap": 0.5},
    )
    after = scores(
        primary={"format": 1.0, "grounding": 0.0, "overlap": 0.0},
        turned={"format": 1.0, "grounding": 1.0, "overlap": 0.0},
        drifted={"format": 1.0, "grounding": 1.0, "overlap": 0.6},
        same={"format": 1.0, "grounding": 1.0, "overlap": 0.5},
        sank={"format": 1.0, "grounding": 1.0, "overlap": 0.4},
        lost={"format": 0.0, "grounding": 1.0, "overlap": 0.5},
    )
    assert ends(before, after, "format") == (
        ["lost", "sank"],
        ["primary", "turned", "drifted"],
        1,
    )


def test_lower_is_better_where_the_metric_says_so_and_no_way_counts_nothing() -> None:
    before = scores(a={"repetition": 0.5, "length_ratio": 1.0}, b={"repetition": 0.1})
    after = scores(a={"repetition": 0.2, "length_ratio": 9.0}, b={"repetition": 0.4})
    assert ends(before, after, "repetition") == (["b"], ["a"], 0)
    assert change(before["a"], after["a"], "repetition") == (0.3, 0, 0.0)
    assert tallies(before, after) == [Tally("repetition", better=1, worse=1, same=0)]


def test_a_gain_counts_at_most_one_and_a_missing_value_nothing() -> None:
    before = scores(a={"format": 1.0, "overlap": None, "far": 0.0}, b={"format": 1.0})
    after = scores(a={"format": 1.0, "overlap": 1.0, "far": 90.0}, b={"format": 1.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METRICS, "far", replace(METRICS["overlap"], name="far", kind="number"))
        assert change(before["a"], after["a"], "format") == (0.0, 0, 1.0)


def test_values_that_differ_in_the_last_digit_are_the_same() -> None:
    before, after = scores(a={"overlap": 0.1 + 0.2}), scores(a={"overlap": 0.3})
    assert ends(before, after, "overlap") == ([], [], 1)


@given(st.permutations([f"row{n}" for n in range(14)]))
def test_order_of_the_rows_does_not_matter(names: list[str]) -> None:
    before = scores(**{name: {"format": 0.5} for name in names})
    after = scores(**{name: {"format": float(int(name[3:]) % 2)} for name in names})
    worse, better, same = ends(before, after, "format")
    assert worse == ["row0", "row10", "row12", "row2", "row4", "row6", "row8"]
    assert better == ["row1", "row11", "row13", "row3", "row5", "row7", "row9"]
    assert same == 0


def test_tallies_count_both_ways_and_leave_out_what_cannot_get_better() -> None:
    before = scores(
        a={"format": 0.0, "length_ratio": 1.0}, b={"format": 1.0}, c={"format": 1.0}, d={}
    )
    before["d"].values["format"] = None
    after = scores(
        a={"format": 1.0, "length_ratio": 2.0},
        b={"format": 0.0},
        c={"format": 1.0},
        d={"format": 1.0},
    )
    assert tallies(before, after) == [Tally("format", better=1, worse=1, same=1)]


def changes(made: Made) -> Changes:
    found = comparisons(made.store, made.result, "grounding")
    assert found is not None
    return found


def test_the_candidate_stands_against_the_champion_beside_it(promoted: Made) -> None:
    found = changes(promoted)
    assert (found.against, found.better, found.worse, found.same) == ("champion", 6, 0, 54)
    assert (len(found.best), found.worst) == (6, ())
    assert found.best[0].change == "grounding gained, format gained"


def test_without_a_champion_it_stands_against_the_prompt_baseline(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    assert changes(made).against == "prompt_baseline"
    assert tally(made.store, made.result)[0] == Tally("format", better=29, worse=0, same=31)


def test_ten_at_most_of_each_end(rejected: Made) -> None:
    found = changes(rejected)
    assert (len(found.worst), found.worse, found.best) == (10, 26 + 2, ())
    assert found.worst[0].change == "grounding lost, format lost"


def test_everybody_answers_after_what_went_in_and_the_reference(promoted: Made) -> None:
    for example in changes(promoted).best:
        assert [text.who for text in example.texts] == [
            "what went in",
            "reference",
            "champion",
            "candidate",
            "base",
            "prompt baseline",
        ]
        asked, reference, _, candidate, base, _ = example.texts
        number = asked.text.split(":")[0].removeprefix("ticket ")
        assert base.text == f"base test says {number}"
        assert candidate.text == f"candidate test says {number}"
        assert str(int(number) + 400) in reference.text


def test_every_metric_of_an_answer_is_told(promoted: Made) -> None:
    candidate = changes(promoted).best[0].texts[3]
    assert [item.metric for item in candidate.told] == [
        "format",
        "grounding",
        "markers",
        "length_ratio",
        "overlap",
    ]
    assert candidate.told[0] == Told("format", "yes", True)
    assert candidate.told[3].good is None


def test_evidence_stands_only_where_a_metric_said_no(promoted: Made) -> None:
    for example in changes(promoted).best:
        for text in example.texts:
            denied = {item.metric for item in text.told if item.good is False}
            assert {line.split(":")[0] for line in text.evidence} == denied & {"grounding"}


def test_the_system_prompt_is_not_repeated(promoted: Made) -> None:
    shown = changes(promoted).best
    assert not any("You write" in text.text for example in shown for text in example.texts)


def test_long_texts_are_cut_and_say_so(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False, answers=("w " * LONGEST,) * 60)
    text = changes(made).best[0].texts[1]
    assert (len(text.text), text.cut) == (LONGEST, LONGEST)


def test_nothing_to_compare_without_a_candidate(unchanged: Made) -> None:
    assert comparisons(unchanged.store, unchanged.result, "grounding") is None
    assert tally(unchanged.store, unchanged.result) == []
