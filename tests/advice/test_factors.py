"""Eight factors, each with its value, bound, direction and source."""

import pytest

from tunesmith.advice.factors import Facts, Measured, factors
from tunesmith.advice.use import UseParams

NAMES = (
    "examples", "stability", "prompt", "latency", "volume", "format", "domain", "reasoning"
)  # fmt: skip


def factor(name, **known):
    use = known.pop("use", {})
    measured = {key: Measured(value, "store") for key, value in known.items()}
    found = {item.name: item for item in factors(Facts(use=UseParams(**use), **measured))}
    return found[name]


def test_nothing_known_is_eight_unknown_factors_each_with_what_to_write():
    found = factors(Facts())
    assert tuple(item.name for item in found) == NAMES
    assert {item.direction for item in found} == {"unknown"}
    assert {item.value for item in found} == {"unknown"}
    assert [item.ask for item in found] == [
        "run: tunesmith prepare RECIPE",
        "stable_months: 12",
        "run: tunesmith prepare RECIPE",
        "latency: 0.5",
        "calls_per_day: 20000",
        "consistency: identical  # or free",
        "specificity: specialised  # or general",
        "reasoning: single_step  # or multi_step",
    ]


def test_what_a_factor_asks_for_is_a_line_that_the_recipe_takes():
    import yaml

    lines = [item.ask for item in factors(Facts()) if not item.ask.startswith("run: ")]
    use = UseParams.model_validate(yaml.safe_load("\n".join(lines)))
    left = {item.name for item in factors(Facts(use=use)) if item.direction == "unknown"}
    assert left == {"examples", "prompt"}  # these are measured


@pytest.mark.parametrize(
    ("name", "known", "direction"),
    [
        ("examples", {"examples": 99}, "against"),
        ("examples", {"examples": 100}, "for"),
        ("examples", {"examples": 9_999, "use": {"knowledge": "stable"}}, "against"),
        ("examples", {"examples": 10_000, "use": {"knowledge": "stable"}}, "for"),
        ("examples", {"examples": 9_999, "use": {"knowledge": "changing"}}, "for"),
        ("stability", {"use": {"stable_months": 5.9}}, "against"),
        ("stability", {"use": {"stable_months": 6}}, "for"),
        ("prompt", {"prompt_tokens": 1_000}, "against"),
        ("prompt", {"prompt_tokens": 1_001}, "for"),
        ("latency", {"use": {"latency": 1}}, "against"),
        ("latency", {"use": {"latency": 0.99}}, "for"),
        ("volume", {"use": {"calls_per_day": 99_999}}, "against"),
        ("volume", {"use": {"calls_per_day": 100_000}}, "for"),
        ("format", {"form": 0.79}, "against"),
        ("format", {"form": 0.8}, "for"),
        ("format", {"use": {"consistency": "free"}}, "against"),
        ("format", {"use": {"consistency": "identical"}}, "for"),
        ("domain", {"unknown_words": 0.14}, "against"),
        ("domain", {"unknown_words": 0.15}, "for"),
        ("domain", {"use": {"specificity": "general"}}, "against"),
        ("domain", {"use": {"specificity": "specialised"}}, "for"),
        ("reasoning", {"use": {"reasoning": "multi_step"}}, "against"),
        ("reasoning", {"use": {"reasoning": "single_step"}}, "for"),
    ],
)
def test_a_value_on_either_side_of_its_bound(name, known, direction):
    found = factor(name, **known)
    assert found.direction == direction
    assert found.source in ("store", *(f"recipe, use.{key}" for key in known.get("use", ())))
    assert found.ask == ""


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (99, "training is refused under 100"),
        (100, "warning: under 500 a model often learns the form alone"),
        (499, "warning: under 500 a model often learns the form alone"),
        (500, "a style takes 1,000 or more"),
        (999, "a style takes 1,000 or more"),
        (1_000, "complex domain knowledge would take 10,000 or more"),
        (10_000, ""),
    ],
)
def test_how_many_examples_are_enough_for_what(rows, note):
    assert factor("examples", examples=rows).note == note


def test_no_more_is_asked_of_a_style_than_a_thousand_rows():
    assert factor("examples", examples=1_000, use={"knowledge": "input"}).note == ""


@pytest.mark.parametrize(
    ("name", "known", "note"),
    [
        ("format", {"form": 0.98, "use": {"consistency": "free"}}, "98% of the answers"),
        ("domain", {"unknown_words": 0.5, "use": {"specificity": "general"}}, "50% of the words"),
    ],
)
def test_what_somebody_says_counts_before_what_was_measured_which_is_told(name, known, note):
    found = factor(name, **known)
    assert found.direction == "against"
    assert found.note.startswith(f"measured: {note}")


def test_no_share_at_all_was_measured_too():
    assert factor("format", form=0.0).value == "0% of the answers have one form"
    assert factor("domain", unknown_words=0.0).direction == "against"


def test_rows_are_told_with_their_tokens():
    assert factor("examples", examples=1_200, tokens=90_000).value == "1,200 rows, 90,000 tokens"
