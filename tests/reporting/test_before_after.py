"""Before and after: every figure with its interval, or why it has none."""

import json
from dataclasses import replace

import pytest

from tests.reporting.made_retrain import Made, make
from tunesmith.evaluation.metrics import METRICS, YES_NO, own, set_value
from tunesmith.records import Score
from tunesmith.reporting.before_after import (
    TOO_FEW,
    Figure,
    as_documents,
    as_markdown,
    as_rows,
    as_text,
    before_after,
    figure,
    in_order,
)
from tunesmith.statistics import proportion
from tunesmith.store import Store


def find(figures: list[Figure], where: str, who: str, metric: str) -> Figure:
    [found] = [
        item for item in figures if (item.where, item.who, item.metric) == (where, who, metric)
    ]
    return found


def test_a_rate_has_its_exact_interval(promoted: Made) -> None:
    figure = find(before_after(promoted.store, promoted.result), "test", "candidate", "grounding")
    exact = proportion(56, 60, 0.95)
    assert (figure.kind, figure.value, figure.n) == ("rate", 56 / 60, 60)
    assert (figure.low, figure.high) == (exact.low, exact.high)
    assert figure.text == "93% [84, 98]"


def test_a_mean_of_too_few_has_no_interval_and_says_so(promoted: Made) -> None:
    figure = find(before_after(promoted.store, promoted.result), "test", "base", "length_ratio")
    assert (figure.kind, figure.low, figure.high, figure.note) == ("mean", None, None, TOO_FEW)
    assert figure.text == "1.00"


def test_a_mean_of_enough_has_one(tmp_path) -> None:
    made = make(Store(str(tmp_path)), test=140, champion=False)
    figure = find(before_after(made.store, made.result), "test", "base", "length_ratio")
    assert figure.low is not None and figure.high is not None
    assert figure.low < figure.value < figure.high
    assert figure.note == ""


def test_rows_without_a_value_are_not_counted(promoted: Made) -> None:
    figure = find(before_after(promoted.store, promoted.result), "test", "candidate", "overlap")
    assert figure.n == 59


def test_order_is_test_before_golden_and_base_before_candidate(promoted: Made) -> None:
    figures = before_after(promoted.store, promoted.result)
    assert [figure.who for figure in figures[:4]] == [
        "base",
        "prompt_baseline",
        "champion",
        "candidate",
    ]
    assert list(dict.fromkeys(figure.where for figure in figures)) == ["test", "golden"]
    assert list(dict.fromkeys(figure.metric for figure in figures)) == [
        "format",
        "grounding",
        "markers",
        "length_ratio",
        "overlap",
    ]


def test_kinds_follow_the_metric(promoted: Made) -> None:
    figures = before_after(promoted.store, promoted.result)
    assert {item.metric for item in figures if item.kind == "rate"} <= YES_NO


def test_table_has_a_cell_for_everybody_who_was_measured(promoted: Made) -> None:
    rows = as_rows(before_after(promoted.store, promoted.result))
    grounding = {row["examples"]: row for row in rows if row["metric"] == "grounding"}
    assert grounding["golden (n = 30)"]["base"] == ""
    assert grounding["golden (n = 30)"]["candidate"] == "93% [78, 99]"
    assert grounding["test (n = 60)"]["prompt baseline"] == "45% [32, 58]"


def test_an_unchanged_retrain_has_no_columns_for_whom_it_did_not_measure(unchanged: Made) -> None:
    rows = as_rows(before_after(unchanged.store, unchanged.result))
    assert list(rows[0]) == ["examples", "metric", "base", "prompt baseline"]


def test_text_is_plain_and_fits_a_terminal(promoted: Made) -> None:
    lines = as_text(before_after(promoted.store, promoted.result)).splitlines()
    table = lines[:-1]
    assert max(len(line) for line in table) <= 100
    start = table[0].index("candidate")
    assert all(line[start - 1] == " " for line in table)
    assert "95% interval" in lines[-1] and "n is too small" in lines[-1]


def test_markdown_holds_the_same_table(promoted: Made) -> None:
    markdown = as_markdown(before_after(promoted.store, promoted.result))
    assert markdown.count("\n| ") == 11  # the rule, and five metrics in two places


def test_groups_are_told_where_rates_ignore_them(tmp_path, promoted: Made) -> None:
    alone = as_text(before_after(promoted.store, promoted.result))
    made = make(Store(str(tmp_path)), rows_a_group=2, champion=False)
    figures = before_after(made.store, made.result)
    assert find(figures, "test", "base", "grounding").groups == 30
    assert "one group" in as_text(figures) and "one group" not in alone


def test_documents_are_unrounded(promoted: Made) -> None:
    figures = before_after(promoted.store, promoted.result)
    assert as_documents(figures)[0]["low"] == figures[0].low


def labelled(n: int, right: int, groups: int) -> list[Score]:
    names = ("billing", "repair", "other")
    return [
        Score(
            row_id=str(at),
            group_id=f"g{at % groups}",
            values={"macro_f1": None},
            evidence={
                "macro_f1": json.dumps(
                    {"expected": names[at % 3], "found": names[at % 3 if at < right else at % 2]}
                )
            },
        )
        for at in range(n)
    ]


def test_a_figure_of_the_set_has_its_interval() -> None:
    rows = labelled(150, 120, groups=150)
    found = figure("macro_f1", "candidate", "test", rows)
    assert (found.kind, found.n, found.groups) == ("set", 150, 150)
    assert found.value == set_value("macro_f1", rows)
    assert found.low is not None and found.high is not None
    assert found.value - 0.1 < found.low < found.value < found.high < found.value + 0.1


def test_a_figure_of_the_set_counts_only_rows_that_it_applies_to() -> None:
    other = Score(
        row_id="x",
        group_id="x",
        values={"macro_f1": None},
        evidence={"macro_f1": "the reference answer is none of the labels"},
    )
    rows = [*labelled(20, 15, groups=20), other]
    found = figure("macro_f1", "candidate", "test", rows)
    assert (found.n, found.low, found.note) == (20, None, TOO_FEW)
    assert figure("macro_f1", "base", "test", [other]).text == "–"


def test_lower_is_better_is_shown() -> None:
    rows = [Score(row_id=str(n), group_id=str(n), values={"repetition": n / 10}) for n in range(10)]
    found = figure("repetition", "base", "test", rows)
    assert (found.better, found.name) == ("lower", "repetition ↓")
    assert "↓: lower is better" in as_text([found])
    assert as_rows([found])[0]["metric"] == "repetition ↓"


def test_a_users_own_metric_is_listed_after_those_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    words = replace(METRICS["length_ratio"], name="words", kind="number", better="lower")
    monkeypatch.setattr(own, "load", lambda name: (words, "ours 1.0"))
    rows = [Score(row_id="a", group_id="a", values={"words": 1234.5, "format": 1.0})]
    assert in_order(rows[0].values.keys()) == ["format", "words"]
    found = figure("words", "base", "test", rows)
    assert (found.kind, found.text, found.name) == ("mean", "1,234", "words ↓")
