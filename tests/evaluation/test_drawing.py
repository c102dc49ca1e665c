"""A draw hangs on the row and its seed, not on the rows beside it."""

import math

import pytest
import torch

from tests.tiny_model import tiny_examples
from tunesmith.evaluation.generation import Draws, answer, load
from tunesmith.evaluation.generation.drawing import Drawing
from tunesmith.training.device import pick
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

ROWS = 4000
LOGITS = torch.tensor([math.log(share) for share in (0.15, 0.5, 0.05, 0.3)])


def drawn(temperature=1.0, top_p=1.0, rows=ROWS):
    """How often each of the four tokens is drawn, by as many seeds."""
    draws = Draws(temperature, top_p, range(rows))
    tokens = Drawing(draws, range(rows), 1).choose(LOGITS.repeat(rows, 1))
    return [(tokens == token).sum().item() / rows for token in range(4)]


def test_tokens_come_as_often_as_they_are_likely():
    assert drawn() == pytest.approx([0.15, 0.5, 0.05, 0.3], abs=0.02)


def test_a_temperature_sharpens_or_flattens():
    squares = [0.15**2, 0.5**2, 0.05**2, 0.3**2]
    expected = [square / sum(squares) for square in squares]
    assert drawn(temperature=0.5) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [(0.49, [0, 1, 0, 0]), (0.51, [0, 0.625, 0, 0.375]), (0.79, [0, 0.625, 0, 0.375]),
     (0.81, [0.158, 0.526, 0, 0.316])],
)  # fmt: skip
def test_only_the_likeliest_are_drawn_that_make_up_top_p(top_p, expected):
    assert drawn(top_p=top_p) == pytest.approx(expected, abs=0.03)
    assert [share > 0 for share in drawn(top_p=top_p)] == [share > 0 for share in expected]


def test_what_cannot_be_written_is_never_drawn():
    held = LOGITS.clone()
    held[1] = float("-inf")
    tokens = Drawing(Draws(2.0, 1.0, range(500)), range(500), 1).choose(held.repeat(500, 1))
    assert set(tokens.tolist()) == {0, 2, 3}


@pytest.fixture(scope="module")
def loaded(tiny_base):
    return load(tiny_base, None, pick("fp32"))


@pytest.fixture(scope="module")
def ids(loaded):
    rows = tiny_examples(9, seed=5)
    asked = [prompt_ids(loaded.tokenizer, turns(row.prompt)) for row in rows]
    return [*asked[:8], asked[0]]


OPTIONS = {"max_new_tokens": 24, "draws": Draws(1.5, 0.95, [7, 8, 9, 10, 11, 12, 13, 14, 15])}


def test_a_draw_does_not_feel_the_rows_beside_it(loaded, ids):
    alone = answer(loaded, ids, batch_size=1, **OPTIONS).outputs
    assert answer(loaded, ids, batch_size=9, **OPTIONS).outputs == alone
    assert len({output.completion_tokens for output in alone}) > 3, "no row ends before another"
    assert alone[0] != alone[8], "the same prompt with another seed"
    seeds = {"draws": Draws(1.5, 0.95, [7] * 9)}
    again = answer(loaded, ids, batch_size=4, **(OPTIONS | seeds)).outputs
    assert again[0] == again[8] == alone[0]


def test_the_likeliest_alone_is_what_is_taken_without_a_draw(loaded, ids):
    greedy = answer(loaded, ids, max_new_tokens=24, batch_size=9).outputs
    draws = Draws(1.0, 1e-9, range(9))
    assert answer(loaded, ids, batch_size=9, max_new_tokens=24, draws=draws).outputs == greedy
    assert answer(loaded, ids, batch_size=9, **OPTIONS).outputs != greedy
