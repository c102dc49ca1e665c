"""A model that writes letters writes JSON that complies, where it may write nothing else."""

import json

import jsonschema
import pytest
import torch

from tests.tiny_model import tiny_examples
from tunesmith.errors import InputError
from tunesmith.evaluation.constraints import Constraint, problem
from tunesmith.evaluation.generation import answer, generate, load
from tunesmith.training.device import pick
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

SCHEMA = {
    "type": "object",
    "properties": {
        "item": {"enum": ["lamps", "chairs"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "note": {"type": "string", "maxLength": 8},
    },
    "required": ["item", "count", "note"],
    "additionalProperties": False,
}
PROMPTS = [turns(row.prompt) for row in tiny_examples(6, seed=3)]


@pytest.fixture(scope="module")
def loaded(tiny_base):
    return load(tiny_base, None, pick("fp32"))


@pytest.fixture(scope="module")
def constraint(loaded):
    return Constraint(loaded.tokenizer, loaded.ends, json.dumps(SCHEMA))


def test_whatever_the_model_prefers_it_writes_what_complies(tiny_base):
    found = generate(
        tiny_base, None, PROMPTS, max_new_tokens=100, batch_size=4, device=pick("fp32"),
        schema=json.dumps(SCHEMA),
    )  # fmt: skip
    for output in found.outputs:
        assert output.finish_reason == "stop"
        jsonschema.validate(json.loads(output.text), SCHEMA)
    free = generate(tiny_base, None, PROMPTS, max_new_tokens=30, batch_size=4, device=pick("fp32"))
    assert not any(output.text.startswith("{") for output in free.outputs)


def test_a_row_does_not_feel_the_rows_beside_it(loaded):
    ids = [prompt_ids(loaded.tokenizer, prompt) for prompt in PROMPTS]
    limits = {"max_new_tokens": 100, "schema": json.dumps(SCHEMA)}
    alone = answer(loaded, ids, batch_size=1, **limits).outputs
    assert answer(loaded, ids, batch_size=6, **limits).outputs == alone
    assert len({output.completion_tokens for output in alone}) > 1, "all rows end together"


@pytest.mark.parametrize("seed", range(5))
def test_even_noise_becomes_json_that_complies(loaded, constraint, seed):
    """And what is left of it where it was cut off can still be completed: no dead ends."""
    draws = torch.Generator().manual_seed(seed)
    held = constraint.start(3)
    rows, ended = [[], [], []], set()
    for _ in range(300):
        logits = torch.randn(3, loaded.model.config.vocab_size + 100, generator=draws)
        tokens = held.restrict(logits).argmax(dim=-1).tolist()
        held.take(tokens)
        for number, token in enumerate(tokens):
            if token in loaded.ends:
                ended.add(number)
            elif number not in ended:
                rows[number].append(token)
    assert ended == {0, 1, 2}
    for row in rows:
        jsonschema.validate(json.loads(loaded.tokenizer.decode(row)), SCHEMA)


def test_rows_that_go_on_stand_where_they_stood(loaded, constraint):
    quote, letter = (loaded.tokenizer.encode(text, add_special_tokens=False)[0] for text in '"D')
    (brace,) = loaded.tokenizer.encode("{", add_special_tokens=False)
    (space,) = loaded.tokenizer.encode(" ", add_special_tokens=False)
    held = constraint.start(2)
    held.take([brace, brace])
    held.take([space, quote])
    before = held.restrict(torch.zeros(2, 400))
    held.leave([1])
    after = held.restrict(torch.zeros(1, 400))
    assert torch.equal(after[0], before[1])
    assert not torch.equal(before[0], before[1])
    assert after[0, letter] == float("-inf")


def test_a_token_that_was_taken_out_is_never_gone_on_with(loaded, constraint):
    held = constraint.start(1)
    (letter,) = loaded.tokenizer.encode("D", add_special_tokens=False)
    assert held.restrict(torch.zeros(1, 400))[0, letter] == float("-inf")
    with pytest.raises(RuntimeError, match="was not allowed"):
        held.take([letter])
    with pytest.raises(RuntimeError, match="was not allowed"):
        held.take([letter])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(SCHEMA, ""), ({"type": "strin"}, "strin"), ({"not": {}}, "not"),
     ({"$ref": "http://example.org/a"}, "example.org")],
)  # fmt: skip
def test_a_schema_that_cannot_be_held_to_is_told_before(schema, expected):
    assert (expected in problem(schema)) if expected else problem(schema) == ""


def test_a_schema_that_cannot_be_held_to_writes_nothing(loaded):
    constraint = Constraint(loaded.tokenizer, loaded.ends, '{"not": {}}')
    with pytest.raises(InputError, match="cannot be held to it"):
        constraint.start(1)
