"""What a retrain cost, and how a bound on latency or cost shows in its report."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.deciding.test_bounds import answers, seconds
from tests.deciding.test_bounds_in_a_retrain import COST, LATENCY, timed
from tests.reporting.made_retrain import Made, build, make
from tests.reporting.test_report_page import page
from tests.toy_stages import given
from tunesmith.artifacts import Predictions, Probes, Scores
from tunesmith.deciding.params import GateParams
from tunesmith.evaluation.endpoint import Prices
from tunesmith.evaluation.suites import Probe
from tunesmith.pipeline import Candidate
from tunesmith.records import Score
from tunesmith.reporting.card import card
from tunesmith.reporting.cost import costs, works
from tunesmith.reporting.plots import criteria_png
from tunesmith.reporting.report import artifacts, summary_metrics
from tunesmith.stages import gate
from tunesmith.store import Store
from tunesmith.store.draft import Draft

PRICES = Prices(input=0.15, output=0.6)


def probe(number: int) -> Probe:
    return Probe(
        item=f"arithmetic-{number}",
        suite="forgetting",
        part="arithmetic",
        group_id=f"g{number}",
        asked="What is 2 + 2?",
        prompt_digest="0" * 64,
        output="4",
        finish_reason="stop",
        prompt_tokens=12,
        completion_tokens=3,
        values={"format": True},
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(Store(str(tmp_path_factory.mktemp("plain"))))


@pytest.fixture(scope="module")
def made_with(plain: Made) -> Callable[..., Made]:
    """A retrain whose recipe bounds both, on which so many requests were slow."""

    def bounded(slow: int = 0, tokens: int = 80) -> Made:
        store, result = plain.store, plain.result
        params = GateParams.model_validate({**plain.recipe.gate.model_dump(), **LATENCY, **COST})
        probes = given(store, [probe(at) for at in range(5)], Probes)
        latencies = timed(store, seconds(100, slow))
        predictions = given(store, answers(150, tokens), Predictions)
        scores = {name: found.scores for name, found in result.measured.items()}
        verdict = store.build(
            gate.STAGE, params, scores, result.package, {}, latencies, predictions
        )
        changed = {
            "outcome": verdict.decision,
            "verdict": verdict,
            "latencies": latencies,
            "probes": {"candidate suites": probes},
        }
        return replace(
            plain,
            recipe=plain.recipe.model_copy(update={"gate": params}),
            result=result.model_copy(update=changed),
        )

    return bounded


def test_without_prices_there_is_no_money(plain: Made) -> None:
    assert {cost.per_thousand for cost in costs(plain.store, plain.result, None)} == {""}


def test_answers_are_priced_by_their_tokens(plain: Made) -> None:
    first = costs(plain.store, plain.result, PRICES)[0]
    assert (first.prompt_each, first.answer_each) == (80, 20)
    assert first.per_thousand == "0.024 USD"  # 80 at 0.15 and 20 at 0.60 for a thousand


def test_training_packaging_suites_and_the_clock_are_told(made_with: Callable[..., Made]) -> None:
    made = made_with()
    found = {work.what: work for work in works(made.store, made.result)}
    assert list(found) == [
        "training",
        "packaging and its checks",
        "suites, candidate",
        "single requests, timed",
    ]
    assert found["training"].seconds is not None
    suites = found["suites, candidate"]
    assert (suites.asked, suites.prompt_tokens, suites.answer_tokens) == (5, 60, 15)
    assert found["single requests, timed"].asked == 100


def test_a_judge_is_told_with_what_was_paid(plain: Made) -> None:
    def judged(paid: dict[str, Any] | None, at: str) -> Made:
        def body(draft: Draft) -> Any:
            facts = {"prompt": 4_000, "completion": 300}
            draft.notes["asked"] = {
                "absolute": {"tokens": facts, "cost": {"amount": 0.0125, "currency": "EUR"}},
                "facts": {"tokens": facts, "cost": paid},
            }
            rows = [
                Score(row_id=f"{at} {n}", group_id="g", values={"rubric": 1.0}) for n in range(7)
            ]
            return draft.seal_rows(Scores, rows)

        scores = build(plain.store, "judge", Scores, body, at)
        before = plain.result.measured["candidate test"]
        changed = Candidate(predictions=before.predictions, scores=scores)
        measured = {**plain.result.measured, "candidate test": changed}
        return replace(plain, result=plain.result.model_copy(update={"measured": measured}))

    made = judged({"amount": 0.05, "currency": "EUR"}, "paid")
    work = works(made.store, made.result)[-1]
    assert work.what == "judge of candidate, test"
    assert (work.asked, work.prompt_tokens, work.answer_tokens) == (14, 8_000, 600)
    assert work.paid == "0.0625 EUR"
    unknown = judged(None, "unknown")
    assert works(unknown.store, unknown.result)[-1].paid == ""


def test_without_a_record_the_time_is_unknown(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    made.store.storage.delete("records/train")
    assert works(made.store, made.result)[0].seconds is None


def test_nothing_more_was_done_where_nothing_was_trained(plain: Made) -> None:
    nothing = plain.result.model_copy(update={"adapter": None, "package": None})
    assert works(plain.store, nothing) == []


def test_the_page_shows_bounds_as_criteria(made_with: Callable[..., Made]) -> None:
    made = made_with(40, 80)
    text = page(made).text
    assert "latency on test: within 2 s in 95% of requests? no: credibly beyond" in text
    assert "cost on test: within 0.1 USD for a thousand answers? yes" in text
    assert "to spare, in s: -1, between" in text
    assert "on build-7 (merged model in transformers 5.23.0 on znver4, bf16, 2 threads" in text
    assert "0.024 USD" in text
    assert "suites, candidate" in text


def test_the_plot_draws_each_bound_on_a_scale_of_its_own(made_with: Callable[..., Made]) -> None:
    made = made_with()
    document = made.store.json(made.result.verdict, "verdict.json")
    without = [item for item in document["criteria"] if item["against"] != "bound"]
    assert len(criteria_png(document)) > len(criteria_png({"criteria": without}))


def test_mlflow_gets_the_figures_and_the_artifact(made_with: Callable[..., Made]) -> None:
    made = made_with()
    found = summary_metrics(made.store, made.result)
    assert found["test/candidate/latency"] == pytest.approx(1.94)
    assert found["test/candidate/cost"] == pytest.approx(0.0777, abs=1e-3)
    assert artifacts(made.started, made.result)["latencies"] == made.result.latencies
    assert not any("latency" in name for name in summary_metrics(made.store, _without(made)))


def _without(made: Made) -> Any:
    return made.result.model_copy(update={"verdict": None})


def test_the_card_tells_what_the_bounds_could_not_have_shown(
    made_with: Callable[..., Made],
) -> None:
    made = made_with()
    text = card(*made.given[:4])
    assert "latency on test against the bound: n = 100" in text
    assert "within 2 s in 95% of requests" in text
