"""What is said of a verdict says what the verdict says."""

import pytest

from tests.reporting.made_retrain import Made
from tunesmith.reporting.tracking import Registered
from tunesmith.reporting.verdict import headline, verdict_document, verdict_markdown


def said(made: Made) -> str:
    document = verdict_document(made.store, made.result, made.started.champion)
    return headline(document, made.started.champion, made.registered)


def test_promoted(promoted: Made) -> None:
    assert said(promoted) == (
        "The candidate is better than the base and the prompt baseline on grounding (test) and "
        "not worse than the champion by 0.15 on grounding (test and golden). It was promoted as "
        "support-email-v4-2026-11."
    )


def test_rejected_says_worse_than_whom_and_by_how_much(rejected: Made) -> None:
    assert said(rejected) == (
        "The candidate is credibly worse than the base and the prompt baseline on grounding "
        "(test) and worse than the champion by more than 0.15 on grounding (test and golden). "
        "The gate did not promote it."
    )


def test_what_is_not_fit_to_serve_is_said_before_how_good_it_is(unfit: Made) -> None:
    assert said(unfit) == (
        "The candidate is not fit to serve (package: 2 of 8 answers end by a stop token). The gate "
        "did not promote it."
    )


def test_not_settled_names_only_what_is_open_and_what_would_settle_it(unsettled: Made) -> None:
    criteria = verdict_document(unsettled.store, unsettled.result, None)["criteria"]
    [open_one] = [item for item in criteria if item["answer"] != "yes"]
    more = open_one["examples_needed"] - open_one["n"]
    assert said(unsettled) == (
        "The examples do not settle whether the candidate is better than the prompt baseline on "
        f"grounding (test). The gate did not promote it. About {more} more examples would settle it."
    )


def test_no_number_is_promised_where_one_criterion_has_none(unsettled: Made) -> None:
    document = verdict_document(unsettled.store, unsettled.result, None)
    hopeless = [{**item, "answer": "not settled"} for item in document["criteria"]]
    assert any(item["examples_needed"] is None for item in hopeless)
    assert "more examples" not in headline({**document, "criteria": hopeless}, None, None)


def test_unchanged_has_a_document_but_no_verdict(unchanged: Made) -> None:
    document = verdict_document(unchanged.store, unchanged.result, unchanged.started.champion)
    assert document["decision"] == "unchanged"
    assert document["criteria"] == []
    assert document["adapter"] == unchanged.result.adapter.digest
    assert "version 3" in said(unchanged)


@pytest.mark.parametrize("name", ["<b>x</b>", "a|b", "[x](y)"])
def test_markdown_escapes_a_hostile_name(promoted: Made, name: str) -> None:
    document = verdict_document(promoted.store, promoted.result, None)
    registered = Registered(name=name, version="1")
    markdown = verdict_markdown(name, document, None, registered)
    assert name not in markdown


def test_markdown_gives_every_reason(rejected: Made) -> None:
    document = verdict_document(rejected.store, rejected.result, None)
    assert verdict_markdown("t", document, None, None).count("\n- ") == 4


def test_a_lost_suite_is_named_with_its_reason(promoted: Made, rejected: Made) -> None:
    suite = {"suite": "format_lock", "answer": "no", "reason": "worse by 20%"}
    held = {"suite": "shift", "answer": "not settled", "reason": "too few"}
    document = verdict_document(promoted.store, promoted.result, None)
    lost = {**document, "decision": "reject", "suites": [suite, held]}
    assert headline(lost, None, None) == (
        "The candidate fails the suite format lock (worse by 20%). The gate did not promote it."
    )
    both = {
        **verdict_document(rejected.store, rejected.result, None),
        "suites": [suite, {**suite, "suite": "shift"}],
    }
    assert headline(both, None, None).endswith(
        "on grounding (test and golden) and fails the suites format lock (worse by 20%) and shift "
        "(worse by 20%). The gate did not promote it."
    )
