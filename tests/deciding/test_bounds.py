"""Latency and cost promote only if credibly within their bounds, and reject only if beyond."""

import random

import msgspec
import pytest
from pydantic import ValidationError

from tunesmith.canonical import canonical
from tunesmith.deciding.bounds import CostBound, LatencyBound, cost, latency, reason
from tunesmith.deciding.params import GateParams
from tunesmith.records import Prediction
from tunesmith.reporting.verdict import claim, headline
from tunesmith.stages.gate import decide

MACHINE = {
    "host": "build-7",
    "form": "merged",
    "runtime": "transformers 5.23.0",
    "device": "znver4",
    "precision": "bf16",
    "threads": 2,
    "load": 0.4,
}
QUICK = LatencyBound(seconds=2.0)
CHEAP = CostBound(per_thousand=0.1, prices={"input": 0.15, "output": 0.6})
ALPHA = 0.05


def seconds(n, slow):
    """`n` requests of one to two seconds, of which so many took three."""
    return [3.0] * slow + [1 + at / n for at in range(n - slow)]


def answers(n, tokens=100, spread=40, groups=None):
    """`n` answers of 200 tokens asked and about so many answered."""
    return [
        Prediction(
            row_id=f"r{at}",
            group_id=f"g{at % (groups or n)}",
            prompt_digest="0" * 64,
            output="so",
            finish_reason="stop",
            prompt_tokens=200,
            completion_tokens=tokens + at * 7 % spread - spread // 2,
        )
        for at in range(n)
    ]


def decided(*bounded):
    decision, document = decide(GateParams(better_than=("base",)), EQUAL, bounded=bounded)
    return decision, document["criteria"][-len(bounded) :], document


EQUAL = {}
"""Everybody's scores: the candidate beats the base by far."""


@pytest.fixture(autouse=True)
def scored():
    from tests.stages.test_gate import against

    EQUAL.clear()
    EQUAL.update(against(50, 20))
    for rows in EQUAL.values():
        for row in rows.values():
            row.values["grounding"] = row.values["format"]


@pytest.mark.parametrize(("n", "slow", "answer", "decision"), [
    (100, 0, "yes", "promote"), (100, 1, "yes", "promote"), (100, 2, "not settled", "inconclusive"),
    (100, 9, "not settled", "inconclusive"), (100, 15, "no", "reject"),
    (58, 0, "not settled", "inconclusive"), (10, 10, "no", "reject"),
])  # fmt: skip
def test_requests_are_quick_enough_or_not(n, slow, answer, decision):
    found, [item], _ = decided(latency(QUICK, seconds(n, slow), MACHINE, ALPHA))
    assert (item["answer"], found) == (answer, decision)
    assert item["discordant"] == slow
    assert canonical(item)  # no number that JSON cannot hold


def test_an_interval_that_clears_the_bound_is_the_test_that_passes():
    for slow in range(20):
        item = latency(QUICK, seconds(200, slow), MACHINE, ALPHA)
        assert (item["low"] >= 0) is (item["p_pass"] <= ALPHA)
        assert (item["high"] < 0) is (item["p_worse"] <= ALPHA)
        assert item["low"] <= item["estimate"] <= item["high"]


def test_the_reason_names_the_machine_and_what_would_settle_it():
    _, [item], document = decided(latency(QUICK, seconds(100, 2), MACHINE, ALPHA))
    told = document["reasons"][-1]
    assert told == reason(item)
    assert "95% of requests answered in 1.94 s [1.9, 3], 2 s allowed" in told
    assert (
        "on build-7 (merged model in transformers 5.23.0 on znver4, bf16, 2 threads, load 0.4), n = 100"
        in told
    )
    more = item["examples_needed"] - 100
    assert f"not settled whether within 2 s in 95% of requests; about {more} more would" in told
    late = decided(latency(QUICK, [3.0] * 9, MACHINE, ALPHA))[2]
    assert "credibly not within 2 s in 95% of requests" in late["reasons"][-1]


def test_too_few_requests_say_how_many_it_takes():
    _, [item], document = decided(latency(QUICK, seconds(40, 0), MACHINE, ALPHA))
    assert item["examples_needed"] == 59
    assert "(no upper limit: 40 requests, expected 59 or more)" in document["reasons"][-1]
    assert "about 19 more would settle it" in document["reasons"][-1]


def test_a_recipe_that_can_never_settle_its_bound_is_refused():
    GateParams(latency=LatencyBound(seconds=2, prompts=59))
    with pytest.raises(ValidationError, match="58 prompts cannot show .* expected at least 59"):
        GateParams(latency=LatencyBound(seconds=2, prompts=58))
    with pytest.raises(ValidationError, match="expected at least 299"):
        GateParams(latency=LatencyBound(seconds=2, share=0.99))


@pytest.mark.parametrize(("tokens", "answer", "decision"), [
    (80, "yes", "promote"), (116, "not settled", "inconclusive"), (140, "no", "reject"),
])  # fmt: skip
def test_answers_are_cheap_enough_or_not(tokens, answer, decision):
    # 200 tokens at 0.15 and 116.7 at 0.60 for a million are 0.1 for a thousand answers.
    found, [item], _ = decided(cost(CHEAP, answers(150, tokens), ALPHA))
    assert (item["answer"], found) == (answer, decision)


def test_the_cost_is_that_of_both_kinds_of_tokens():
    item = cost(CHEAP, answers(150, 100), ALPHA)
    paid = [200 * 0.15 + row.completion_tokens * 0.6 for row in answers(150, 100)]
    assert item["candidate"] == pytest.approx(1_000 * sum(paid) / 150 / 1e6)
    assert item["estimate"] == pytest.approx(0.1 - item["candidate"])
    assert item["low"] < item["estimate"] < item["high"] < 0.1


@pytest.mark.parametrize("times", [1e-6, 1.0, 1e6])
def test_a_currency_changes_no_decision(times):
    prices = {"input": 0.15 * times, "output": 0.6 * times, "currency": "JPY"}
    dear = CostBound(per_thousand=0.1 * times, prices=prices)
    item, same = cost(CHEAP, answers(150, 100), ALPHA), cost(dear, answers(150, 100), ALPHA)
    assert same["p_pass"] == item["p_pass"] < ALPHA
    assert same["low"] == pytest.approx(item["low"] * times)


def test_so_many_answers_are_wrongly_called_cheap_enough_in_at_most_their_share():
    """Answers whose mean cost is just the bound, one in twenty of them five times as long."""
    draw = random.Random(11)
    bound = CostBound(per_thousand=0.6, prices={"input": 0.0, "output": 1.0})
    wrong = 0
    for _ in range(100):
        rows = [
            msgspec.structs.replace(row, completion_tokens=2_500 if draw.random() < 0.05 else 500)
            for row in answers(120)
        ]
        wrong += cost(bound, rows, ALPHA)["p_pass"] <= ALPHA
    assert wrong / 100 <= 0.05 + 0.04


def test_too_few_answers_settle_no_cost():
    found, [item], document = decided(cost(CHEAP, answers(99, 20), ALPHA))
    assert (item["answer"], found) == ("not settled", "inconclusive")
    assert "(no interval: 99 " in document["reasons"][-1]
    assert cost(CHEAP, answers(150, 20, groups=20), ALPHA)["p_pass"] == 1.0


def test_being_beyond_a_bound_is_corrected_over_all_that_can_reject():
    slow = latency(QUICK, seconds(100, 10), MACHINE, ALPHA)
    assert 0.01 < slow["p_worse"] < 0.05
    assert decided(slow)[1][0]["answer"] == "not settled"  # of two, each at half of alpha
    alone = decided(latency(QUICK, seconds(100, 11), MACHINE, ALPHA))
    assert alone[1][0]["answer"] == "no"


def test_the_sentence_of_the_verdict_claims_the_bounds():
    _, _, document = decided(
        latency(QUICK, seconds(100, 0), MACHINE, ALPHA), cost(CHEAP, answers(150, 80), ALPHA)
    )
    assert claim(document["criteria"][-1]) == "within 0.1 USD for a thousand answers"
    assert headline(document, None, None) == (
        "The candidate is better than the base on grounding (test), within 2 s in 95% of requests "
        "and within 0.1 USD for a thousand answers. It was promoted."
    )
    _, _, late = decided(latency(QUICK, seconds(100, 50), MACHINE, ALPHA))
    assert "is credibly not within 2 s in 95% of requests" in headline(late, None, None)
