"""Before and after: every figure with its interval, or why it has none."""

from tests.reporting.made_retrain import Made, make
from tunesmith.evaluation.metrics import YES_NO
from tunesmith.reporting.before_after import (
    TOO_FEW,
    Figure,
    as_documents,
    as_markdown,
    as_rows,
    as_text,
    before_after,
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
