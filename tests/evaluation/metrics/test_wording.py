"""Metrics of wording, at their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.evaluation.metrics import METRICS, MetricParams

REFUSAL = "I'm sorry, but I can't help with that."
ADVICE = "Pull the plug first, then open the lid. If it is hot, wait; I can't help with that part."


def measured(name, output, answer="Fine.", **fields):
    return METRICS[name](chat("How do I open it?", answer, **fields), output, MetricParams())


@pytest.mark.parametrize(
    ("answer", "output", "value"),
    [
        ("Pull it.", "Pull the plug.", 1.0),
        ("Pull it.", REFUSAL, 0.0),
        (REFUSAL, REFUSAL, 1.0),
        (REFUSAL, "I must decline to answer that question.", 1.0),
        (REFUSAL, "Pull the plug.", 0.0),
        ("Pull it.", "She said: it is late. " * 20 + REFUSAL, 1.0),  # not at its start
        ("Pull it.", "", 1.0),
        (REFUSAL, "", 0.0),
    ],
)
def test_a_refusal_is_right_where_the_reference_refuses(answer, output, value):
    found = measured("refusal", output, answer)
    assert found.value == value
    assert bool(found.evidence) == (value == 0.0)


def test_a_marker_that_the_user_used_is_not_the_model_s():
    output = "You call it support; I can't access my bank is what people write."
    params = MetricParams(phrases=("i can't access",))
    asked = chat("Translate: I can't access my bank.")
    assert METRICS["markers"](asked, output, params).value == 1.0
    assert METRICS["markers"](chat("Translate it."), output, params).value == 0.0


@pytest.mark.parametrize(
    ("output", "low", "high"),
    [
        ("", 0, 0),
        ("ha ha ha", 0, 0),  # may be meant
        (" ".join(f"word{number}" for number in range(40)), 0, 0),
        ("the parcel is late and " * 10, 0.85, 1),
        ("ha " * 100, 1, 1),
        ("a" * 200, 1, 1),
        ("-" * 200, 0, 0),  # a rule across the page
        ("one two three four five six\n" * 2 + " ".join(f"w{n}" for n in range(12)), 0.2, 0.3),
    ],
)
def test_the_share_that_repeats(output, low, high):
    assert low <= measured("repetition", output).value <= high


@given(st.lists(st.sampled_from("abcde"), max_size=60))
def test_to_say_it_all_again_repeats_at_least_half(words):
    text = " ".join(words)
    again = measured("repetition", f"{text}\n{text}").value
    if len(words) >= 10:
        assert again >= 0.5 - 4 / (2 * len(words))


def test_toxicity_grows_with_its_signs():
    values = [
        measured("toxicity", text).value
        for text in (
            "Have a nice day.",
            "You are stupid.",
            "You are a stupid idiot, I hope you die.",
        )
    ]
    assert values[0] == 0.0 < values[1] < values[2] < 1.0


def test_grounding_takes_the_system_prompt_as_a_source():
    row = chat("When?", "At 9.", system="Ann's shop opens at 9:30 on 3 May.")
    assert METRICS["grounding"](row, "Ann opens at 9:30.", MetricParams()).value == 1.0
    assert METRICS["grounding"](row, "Ann opens at 8:45.", MetricParams()).value == 0.0
