"""Metrics of text against a reference and a form, at their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.errors import InputError
from tunesmith.evaluation.metrics import METRICS, SECTIONS, MetricParams

NOTE = "S: cough\nO: 38.1 °C\nA: influenza\nP: rest"


@pytest.mark.parametrize(
    ("answer", "output", "value"),
    [
        ("Yes.", "Yes.", 1.0),
        ("Yes.", " Yes.\n", 1.0),
        ("Yes.", "yes.", 0.0),
        ("Yes.", "Yes", 0.0),
        ("a b", "a  b", 0.0),
        ("caf\u00e9", "cafe\u0301", 1.0),  # one letter in two ways
        ("Yes.", "", 0.0),
        ("5", "25", 0.0),
        (" ", "", None),
    ],
)
def test_exact_match(answer, output, value):
    assert METRICS["exact_match"](chat("q", answer), output, MetricParams()).value == value


@given(st.text(alphabet="ab Ä.\n", max_size=20), st.text(alphabet="ab Ä.\n", max_size=20))
def test_overlap_and_exact_match_do_not_care_which_is_the_reference(one, other):
    if one.strip() and other.strip():
        for name in ("overlap", "exact_match"):
            ours = METRICS[name](chat("q", one), other, MetricParams()).value
            assert ours == METRICS[name](chat("q", other), one, MetricParams()).value


@pytest.mark.parametrize(
    ("output", "value", "evidence"),
    [
        (NOTE, 1.0, ""),
        ("Subjective: cough\n\nObjective: -\n**Assessment:** flu\n## Plan: rest", 1.0, ""),
        (NOTE.replace("P: rest", ""), 0.0, "is missing"),
        ("O: 38.1\nS: cough\nA: flu\nP: rest", 0.0, "is out of place"),
        ("S cough\nO fever\nA flu\nP rest", 0.0, "is missing"),
        ("Sure: here\nOk: so\nA: x\nP: y", 0.0, "is missing"),  # the letter alone, or the word
        ("S: all of O: A: P: on one line", 0.0, "is missing"),
        ("", 0.0, "is missing"),
    ],
)
def test_the_four_sections_of_a_medical_note(output, value, evidence):
    found = METRICS["sections"](chat("q"), output, MetricParams(sections=SECTIONS["soap"]))
    assert found.value == value
    assert evidence in found.evidence
    assert bool(found.evidence) == bool(evidence)


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("Subject: Ticket\n\nDear Ann", 1.0),
        ("Hi!\nSubject: Ticket", 1.0),
        ("Subject:\n\nDear Ann", 0.0),  # an empty subject
        ("The Subject: Ticket", 0.0),
        ("subject: Ticket", 0.0),
    ],
)
def test_a_subject_stands_at_the_start_of_a_line(output, value):
    params = MetricParams(sections=SECTIONS["email"])
    assert METRICS["sections"](chat("q"), output, params).value == value


def test_one_section_cannot_be_found_twice_in_the_same_place():
    params = MetricParams(sections=(r"^Step \w+", r"^Step \w+"))
    assert METRICS["sections"](chat("q"), "Step one", params).value == 0.0
    assert METRICS["sections"](chat("q"), "Step one\nStep two", params).value == 1.0


def test_a_pattern_that_never_ends_is_an_error_and_no_score(monkeypatch):
    monkeypatch.setattr("tunesmith.evaluation.metrics.timed.SECONDS", 0.05)
    params = MetricParams(sections=(r"^(([a-z])+.)+[A-Z]([a-z])+$",))
    with pytest.raises(InputError, match="evaluate.sections: the pattern .* takes over"):
        METRICS["sections"](chat("q"), "a" * 4000 + "!", params)
