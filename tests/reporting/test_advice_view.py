"""The advice on the page, in Prefect's UI, and where a baseline is enough."""

import pytest
from markdown_it import MarkdownIt

from tests.reporting.made_retrain import DROPPED_TEXT, TRAINING_TEXT, Made, make
from tests.reporting.test_report_page import Page
from tunesmith.reporting.advice_view import (
    advice_document,
    advice_markdown,
    factor_rows,
    failure_rows,
    in_short,
    named,
    stopped,
)
from tunesmith.reporting.report import documents
from tunesmith.reporting.stage_page import retrain_pages
from tunesmith.reporting.verdict import headline, verdict_document
from tunesmith.store import Store


@pytest.fixture(scope="module")
def enough(tmp_path_factory: pytest.TempPathFactory) -> Made:
    right = (("base test", 12), ("prompt_baseline test", 59), ("prompt_baseline golden", 29))
    store = Store(str(tmp_path_factory.mktemp("enough")))
    return make(store, outcome="prompt_is_enough", right=right)


def page(made: Made) -> str:
    return " ".join(Page(documents(*made.given)["report.html"]).words.split())


def test_the_page_tells_factors_failures_and_the_method(promoted: Made) -> None:
    text = page(promoted)
    advice = text[text.index("Is fine-tuning the answer?") : text.index("The data")]
    assert "The advice is LoRA SFT, as far as is known: fine-tuning pays" in advice
    assert "not all of it at or above the target of 0.8" in advice
    assert "nobody has said yet retrieve, if answers rest on knowledge that changes" in advice
    assert "latency unknown under 1 second unknown write under use: latency: 0.5" in advice
    assert "prompt 80 tokens over 1,000 tokens against" in advice
    assert "fails on 33 of 60 answers, in 33 groups" in advice
    assert "33 failures are too few to say what most of them are" in advice
    assert "out of distribution 33 100.0% 91.3% to 100.0%" in advice
    assert DROPPED_TEXT not in advice and TRAINING_TEXT not in advice


def test_a_baseline_that_is_enough_comes_first_with_its_figure_and_a_way_on(enough: Made) -> None:
    text = page(enough)
    sentence = (
        "The prompt baseline is good enough, so nothing was trained. Its grounding is 0.983 "
        "[0.923, 0.999] at 90%, n = 60: all of it at or above the target of 0.8. It was asked "
        "with the rows' own system prompt and 3 examples. Answers that do not pass every metric: 1 of 60; "
        "tunesmith advise RECIPE sorts them. Version 3 keeps serving. To train all the "
        "same, write train_beyond_target: true into the recipe, or change its target."
    )
    assert text.index("A prompt is enough") < text.index(sentence) < text.index("What was asked")
    assert "This retrain has no verdict" in text
    assert "adapter none, nothing was trained" in text
    assert "Package versions at training" not in text and "loss" not in text


def test_its_documents_and_pages_speak_of_no_adapter(enough: Made, promoted: Made) -> None:
    made = documents(*enough.given)
    assert documents(*promoted.given).keys() - made.keys() == {"loss.png", "criteria.png"}
    assert b'"adapter"' not in made["artifacts.json"]
    pages = retrain_pages(*enough.given)
    assert pages.images.keys() == {"funnel"}
    assert "To train all the same" in pages.verdict
    document = verdict_document(enough.store, enough.result, None)
    assert (document["decision"], document["adapter"]) == ("prompt_is_enough", None)
    assert headline(document, None, None) == " ".join(document["reasons"])
    assert "keeps serving" not in headline(document, None, None)


def test_prefect_shows_it_as_tables(promoted: Made) -> None:
    markdown = retrain_pages(*promoted.given).advice
    assert markdown.startswith("# Advice: LoRA SFT, as far as is known\n\nfine-tuning pays")
    html = MarkdownIt().enable("table").render(markdown)
    assert html.count("<table>") == 2
    assert html.count("<tr>") == 1 + 8 + 1 + 6
    assert html.count(">unknown</td>") == 2 * 6 and "latency: 0.5" in html


def test_an_unmeasured_advice_says_what_is_missing(promoted: Made) -> None:
    document = {
        **advice_document(promoted.store, promoted.result),
        "target": {"prompt_baseline": None, "retrieved": None},
        "failures": None,
    }
    assert in_short(document) == f"Advice: {named(document)}"
    assert failure_rows(document) == []
    assert "The prompt baseline has not been measured." in advice_markdown(document)


def test_without_a_target_it_is_said_once(promoted: Made) -> None:
    document = advice_document(promoted.store, promoted.result)
    none = {"reached": False, "reason": "the recipe has no target", "interval": None}
    short = {**none, "reason": "overlap is 0.9, which is not settled"}
    both = {**document, "target": {"prompt_baseline": none, "retrieved": none}}
    assert in_short(both).count("no target") == 1
    other = {**document, "target": {"prompt_baseline": none, "retrieved": short}}
    assert in_short(other).endswith("retrieved baseline: overlap is 0.9, which is not settled")


def test_passages_that_are_enough_are_named_as_such(enough: Made) -> None:
    document = advice_document(enough.store, enough.result)
    targets = document["target"]
    passages = {
        **document,
        "enough": "retrieved",
        "target": {"prompt_baseline": None, "retrieved": targets["prompt_baseline"]},
    }
    first, _, asked, _ = stopped(passages, None)
    assert first.startswith("The retrieved baseline is good enough")
    assert asked.endswith("and passages of the recipe's documents.")


def test_a_note_stands_beside_its_value(promoted: Made) -> None:
    document = advice_document(promoted.store, promoted.result)
    first = {**document["factors"][0], "value": "120 rows", "note": "a style takes 1,000 or more"}
    [row] = factor_rows({"factors": [first]})
    assert row["value"] == "120 rows (a style takes 1,000 or more)"
