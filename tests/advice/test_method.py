"""The table that names a method: known cases, and what flipping one fact does."""

import itertools
from collections import Counter
from types import SimpleNamespace

import pytest

from tunesmith.advice.factors import Facts, Measured
from tunesmith.advice.failures import KINDS, Failure, Sorted
from tunesmith.advice.method import RULES, Case, choose
from tunesmith.advice.target import Reached
from tunesmith.advice.use import UseParams

FOR = {
    "examples": 5_000, "stable_months": 12, "prompt_tokens": 3_000, "latency": 0.3,
    "calls_per_day": 500_000, "consistency": "identical", "specificity": "specialised",
    "reasoning": "single_step",
}  # fmt: skip
AGAINST = {
    "examples": 60, "stable_months": 1, "prompt_tokens": 200, "latency": 5.0,
    "calls_per_day": 300, "consistency": "free", "specificity": "general",
    "reasoning": "multi_step",
}  # fmt: skip
GAINS = ("prompt_tokens", "latency", "calls_per_day", "consistency", "specificity")
PLAIN = {**FOR, **{name: AGAINST[name] for name in GAINS}, "knowledge": "input", "checkable": False}
"""A task that could be tuned, and gains nothing from it."""


def failed(**shares):
    """So many failures of each kind."""
    counts = Counter({kind.replace("_", " "): count for kind, count in shares.items()})
    assert counts.keys() <= set(KINDS)
    judged = SimpleNamespace()
    failures = tuple(Failure(judged, kind, "why") for kind in counts.elements())
    return Sorted(200, len(failures), failures)


def case(failures=None, reached=False, retrieved=None, preferences=0.0, **known):
    measured = {
        name: Measured(known.pop(name), "store")
        for name in ("examples", "prompt_tokens")
        if known.get(name) is not None
    }
    known = {key: value for key, value in known.items() if value is not None}
    shares = None if preferences is None else Measured(preferences, "store")
    facts = Facts(use=UseParams(**known), preferences=shares, **measured)
    reached, retrieved = (
        None if stop is None else Reached(stop, "so") for stop in (reached, retrieved)
    )
    return Case(facts, failures, reached, retrieved)


CASES = {
    "support e-mails, all facts in the ticket, one format": (
        {"consistency": "identical"}, {"failures": failed(fact=60, format=20)},
        "LoRA SFT", "else",
    ),
    "a prompt that is good enough already": (
        {"consistency": "identical"}, {"reached": True}, "prompt", "good enough",
    ),
    "questions that the handbook's passages answer": (
        {"latency": 0.5}, {"retrieved": True}, "retrieve", "passages do",
    ),
    "forty rows, however fast it must be": (
        {"examples": 40, "latency": 0.2}, {}, "prompt", "too few",
    ),
    "answers about prices that change every week": (
        {"knowledge": "changing", "consistency": "identical"}, {}, "retrieve", "changing facts",
    ),
    "drug interactions from memory, on three thousand rows": (
        {"knowledge": "stable", "examples": 3_000, "specificity": "specialised"}, {},
        "retrieve", "deep knowledge",
    ),
    "drug interactions from memory, on thirty thousand rows": (
        {"knowledge": "stable", "examples": 30_000, "specificity": "specialised"}, {},
        "LoRA SFT", "else",
    ),
    "a campaign that ends in six weeks": (
        {"stable_months": 1.5, "calls_per_day": 900_000}, {}, "prompt", "unstable",
    ),
    "proofs that a checker verifies": (
        {"reasoning": "multi_step", "checkable": True}, {}, "RL", "checked reasoning",
    ),
    "legal opinions that weigh one thing against another": (
        {"reasoning": "multi_step", "specificity": "specialised"}, {}, "prompt", "reasoning",
    ),
    "short summaries, a few hundred a day": ({}, {}, "prompt", "nothing to gain"),
    "two answers each, and which one people liked": (
        {"calls_per_day": 200_000}, {"preferences": 1.0}, "DPO", "preferences",
    ),
    "a vendor's service tunes and serves": (
        {"latency": 0.5, "hosting": "managed"}, {}, "managed SFT", "managed",
    ),
    "tickets nobody could answer": (
        {"latency": 0.5}, {"failures": failed(ambiguous=70, fact=20)}, "prompt", "ambiguous",
    ),
    "production sends what the rows never had": (
        {"latency": 0.5}, {"failures": failed(out_of_distribution=70, format=20)},
        "prompt", "unlike training",
    ),
    "wrong facts, which only the handbook has": (
        {"knowledge": "stable", "examples": 30_000, "latency": 0.5},
        {"failures": failed(fact=70, format=10)}, "retrieve", "missing facts",
    ),
    "the trade's words are what is wrong": (
        {}, {"failures": failed(terminology=40, fact=40)}, "LoRA SFT", "else",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_known_case_gets_its_method_by_its_rule(name):
    known, more, method, rule = CASES[name]
    advice = choose(case(**{**PLAIN, **known}, **more))
    assert (advice.method, advice.rule) == (method, rule)
    assert advice.settled
    assert advice.reason.startswith(next(item.because for item in RULES if item.name == rule))


def test_every_rule_chooses_in_some_case():
    assert {rule for *_, rule in CASES.values()} == {rule.name for rule in RULES}


FLIPS = [*itertools.product((False, True), repeat=len(FOR))]


@pytest.mark.parametrize("name", FOR)
def test_flipping_a_factor_changes_the_method_or_its_reason_whatever_the_others_are(name):
    at = list(FOR).index(name)
    for sides in FLIPS:
        flipped = [side != (number == at) for number, side in enumerate(sides)]
        one, other = (
            choose(
                case(
                    knowledge="input",
                    checkable=False,
                    **{
                        key: (FOR if side else AGAINST)[key]
                        for key, side in zip(FOR, each, strict=True)
                    },
                )
            )
            for each in (sides, flipped)
        )
        assert (one.method, one.reason) != (other.method, other.reason)
        word = {"stable_months": "stability", "prompt_tokens": "prompt", "calls_per_day": "volume",
                "consistency": "format", "specificity": "domain"}.get(name, name)  # fmt: skip
        assert word in _side(one, "for fine-tuning") ^ _side(other, "for fine-tuning")


def _side(advice, words):
    """The factors that a reason names on one side."""
    named = advice.reason.rpartition("(")[2].rstrip(")").split("; ")
    found = dict(part.split(": ") for part in named)
    return set(found.get(words, "").split(", "))


@pytest.mark.parametrize("name", FOR)
def test_each_factor_alone_decides_the_method_of_some_task(name):
    base = {**PLAIN, "latency": 0.5} if name not in GAINS else PLAIN
    one = choose(case(**{**base, name: FOR[name]}))
    other = choose(case(**{**base, name: AGAINST[name]}))
    assert (one.method, other.method) == ("LoRA SFT", "prompt")


@pytest.mark.parametrize(
    ("missing", "other"),
    [
        ("stable_months", "prompt"),
        ("examples", "prompt"),
        ("reasoning", "prompt"),
        ("knowledge", "retrieve"),
    ],
)
def test_what_is_not_known_is_told_with_what_would_change_and_what_settles_it(missing, other):
    advice = choose(case(**{**PLAIN, "latency": 0.5, missing: None}))
    assert advice.method == "LoRA SFT"
    assert not advice.settled
    assert other in {item.method for item in advice.unless}
    settles = "tunesmith prepare" if missing == "examples" else f"{missing}: "
    assert all(settles in item.text for item in advice.unless)


def test_an_unknown_that_leads_to_the_same_method_unsettles_nothing():
    advice = choose(case(**{**PLAIN, "stable_months": None}))
    assert (advice.method, advice.rule) == ("prompt", "nothing to gain")
    assert advice.settled


def test_a_gain_that_is_known_makes_the_unknown_ones_matter_no_more():
    known = {**PLAIN, "latency": 0.5, "calls_per_day": None, "consistency": None}
    assert choose(case(**known)).settled
    unsure = choose(case(**{**PLAIN, "calls_per_day": None}))
    assert [item.method for item in unsure.unless] == ["prompt"]


def test_a_baseline_that_was_not_measured_may_still_be_good_enough():
    advice = choose(case(reached=None, **{**PLAIN, "latency": 0.5}))
    assert advice.method == "LoRA SFT"
    assert [item.rules[0].name for item in advice.unless] == ["good enough"]


@pytest.mark.parametrize(
    ("failures", "method"),
    [
        (failed(ambiguous=33, format=27), "LoRA SFT"),  # 55 % is not credibly most
        (failed(ambiguous=45, format=15), "prompt"),
        (failed(ambiguous=45), "LoRA SFT"),  # fewer than fifty settle nothing
        (failed(ambiguous=60), "prompt"),
    ],
)
def test_most_is_said_of_enough_failures_by_the_lower_limit(failures, method):
    assert choose(case(failures, **{**PLAIN, "latency": 0.5})).method == method


@pytest.mark.parametrize(("count", "method"), [(17, "prompt"), (25, "LoRA SFT")])
def test_failures_of_format_are_a_gain_from_a_credible_quarter(count, method):
    found = choose(case(failed(format=count, other=60 - count), **PLAIN))
    assert found.method == method
