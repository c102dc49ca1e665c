"""What a text works out before the reader's eyes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.entities.arithmetic import worked_out, worked_out_plainly


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("48/2 = 24", "24"),
        ("She sold 48 / 2 = <<48/2=24>>24 clips.", "24"),
        ("12 apples + 30 apples = 42 apples", "42"),
        ("3 boxes x $4.50 = $13.50", "13.50"),
        ("(8 + 4) * 3 = 36", "36"),
        ("2 + 3 * 4 = 14", "14"),
        ("1,200 - 200 = 1,000", "1000"),
        ("10 / 3 = 3.33", "3.33"),
        ("20% * 50 = 10", "10"),
        ("12 / 48 = 25%", "25"),
        ("5 × 4 − 1 = 19", "19"),
        ("a two-point lead, so 5 x 2 = 10", "10"),
        ("$3,600/year x 3 years = $10,800", "10800"),
        ("0.5 * .5 = .25", "0.25"),
    ],
)
def test_a_right_calculation_gives_its_result(text: str, result: str) -> None:
    assert Decimal(result) in worked_out(text).values


@pytest.mark.parametrize(
    "text",
    [
        "48/2 = 25",
        "12 apples + 30 apples = 43 apples",
        "2 + 3 * 4 = 20",
        "10 / 3 = 3.4",
        "10 / 3 = 4",
        "5 / 0 = 7",
        "x = 7",
        "It was 7 = lucky.",
        "They paid 3. In all 4 + = 7",
        "3 + 4, so = 7",
        "(3 + 4 = 7 (",
        "2x = 14",
        "2024-03-05 = 7",
    ],
)
def test_a_wrong_one_or_none_gives_nothing(text: str) -> None:
    given_out = worked_out(text).values - {Decimal(one) for one in (1, 2, 12)}
    assert given_out <= ({Decimal(7)} if text.startswith("(3") else set())


def test_what_everybody_brings_counts_in_a_right_calculation_alone() -> None:
    assert worked_out("3 * 365 = 1095").values == {Decimal(365), Decimal(1095)}
    assert worked_out("3 * 365 = 1096").values == set()
    assert worked_out("365 days").values == set()
    assert worked_out("3 * 366 = 1098").values == {Decimal(1098)}


def test_the_place_of_a_calculation_is_told() -> None:
    text = "It takes 24/12 = 2 weeks."
    assert [text[start:end] for start, end in worked_out(text).spans] == ["24/12 = 2"]
    assert worked_out_plainly(text).spans == worked_out(text).spans


NUMBERS = st.integers(1, 10**6)


@given(one=NUMBERS, other=NUMBERS, sign=st.sampled_from("+-*"))
def test_every_calculation_of_two_numbers_is_read(one: int, other: int, sign: str) -> None:
    result = {"+": one + other, "-": one - other, "*": one * other}[sign]
    if result >= 0:
        text = f"That makes {one} {sign} {other} = {result} in all."
        assert Decimal(result) in worked_out_plainly(text).values & worked_out(text).values
        wrong = worked_out(f"That makes {one} {sign} {other} = {result + 1} in all.")
        assert Decimal(result + 1) not in wrong.values - {Decimal(one), Decimal(other)}


@given(st.text("0123456789.,()+-*/=x$% <>", max_size=80))
def test_any_signs_are_read(text: str) -> None:
    worked_out(text)
    worked_out_plainly(text)


@pytest.mark.timeout(60)  # a step that is not linear needs minutes for one of these
@pytest.mark.parametrize("unit", ["1+", "(", "1 ", "1=", "9" * 50, "1*1=1 ", "2^", "<<"])
def test_repetitive_text_takes_linear_time(unit: str) -> None:
    worked_out(unit * (60_000 // len(unit)))
    worked_out_plainly(unit * (60_000 // len(unit)))
