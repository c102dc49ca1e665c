"""A learning curve says what its figures allow, in words, a table, a plot and a page."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.reporting.made_retrain import build, recipe
from tests.reporting.test_report_page import Page
from tunesmith.artifacts import Adapter, Examples, Predictions, Scores
from tunesmith.learning_curve import Curve, Point
from tunesmith.pipeline import Candidate
from tunesmith.records import Score
from tunesmith.reporting.curve import (
    Drawn,
    documents,
    draw,
    headline,
    knee_sentence,
    markdown,
    table,
    told,
)
from tunesmith.store import Store

SIZES = (100, 200, 500, 1_000, 2_000)
TESTS = 200


def measured(store: Store, name: str, right: int) -> Candidate:
    scores = [
        Score(row_id=str(n), group_id=str(n), values={"grounding": float(n < right)})
        for n in range(TESTS)
    ]
    ref = build(store, "evaluate", Scores, lambda d: d.seal_rows(Scores, scores), name)
    return Candidate(predictions=Predictions(digest="0" * 64, rows=TESTS), scores=ref)


def curve(store: Store, rights: Sequence[int], sizes: Sequence[int] = SIZES) -> Curve:
    points = [
        Point(
            rows=Examples(digest=str(size), rows=size, dropped=0),
            adapter=Adapter(digest=str(size), base="b"),
            measured=measured(store, str(size), right),
        )
        for size, right in zip(sizes, rights, strict=True)
    ]
    asked = Examples(digest="asked", rows=TESTS, dropped=0)
    return Curve(on="test", asked=asked, base=measured(store, "base", 10), points=tuple(points))


def drawn(store: Store, rights: Sequence[int], sizes: Sequence[int] = SIZES) -> Drawn:
    return draw(recipe(), store, curve(store, rights, sizes))


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return drawn(Store(str(tmp_path_factory.mktemp("flat"))), (60, 150, 176, 180, 181))


def test_a_flat_end_does_not_pay_and_the_knee_is_named(flat: Drawn) -> None:
    assert flat.pays == "no"
    assert headline(flat).startswith("More data would not pay: twice the examples, 4,000,")
    assert "under the margin of 0.15" in headline(flat)
    assert knee_sentence(flat).startswith(
        "The knee, from which on doubling gains less than 0.15, lies at "
    )


def test_every_size_has_its_interval_and_n(flat: Drawn) -> None:
    lines = table(flat)
    assert [line["examples"] for line in lines] == [0, *SIZES]
    assert lines[-1] == {
        "examples": 2_000,
        "grounding on test": "90% [86, 94]",
        "n": TESTS,
    }
    assert "2,000  90% [86, 94]" in told(flat)
    assert "| 2,000 | 90% &#91;86, 94&#93; | 200 |" in markdown(flat)


def test_few_sizes_settle_nothing_and_say_so(store: Store) -> None:
    few = drawn(store, (60, 150, 176), SIZES[:3])
    assert few.pays == "not settled"
    assert headline(few) == (
        "Not settled whether more data would pay: 3 sizes; a curve takes at least 4."
    )
    assert knee_sentence(few) == ""
    assert "fitted curve" not in Page(documents(recipe(), few)["learning-curve.html"]).text


def test_a_metric_that_applies_to_nothing_is_said(store: Store) -> None:
    made = curve(store, (1, 2, 3, 4, 5))
    given = recipe()
    other = given.model_copy(update={"gate": given.gate.model_copy(update={"primary": "format"})})
    assert "format applies to none" in headline(draw(other, store, made))


def test_lower_is_better_is_fitted_the_other_way(store: Store, monkeypatch) -> None:
    from tunesmith.evaluation.metrics import METRICS

    worse = replace(METRICS["grounding"], kind="share", better="lower")
    monkeypatch.setitem(METRICS, "grounding", worse)
    found = drawn(store, (190, 120, 60, 30, 20))
    assert found.bend is not None
    assert found.bend.doubling.estimate > 0
    assert 0 <= found.fitted(4_000) <= found.fitted(2_000)
    assert "grounding ↓ on test" in table(found)[0]


def test_the_page_is_one_file_that_loads_nothing(flat: Drawn) -> None:
    made = documents(recipe(), flat)
    page = Page(made["learning-curve.html"])
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(page.tags)
    assert page.text.index("More data would not pay") < page.text.index("by number of")
    assert made["learning-curve.png"].startswith(b"\x89PNG")
    document = json.loads(made["learning-curve.json"])
    assert document["pays"] == "no"
    assert document["examples"] == list(SIZES)
    assert document["doubling"]["high"] < 0.15
