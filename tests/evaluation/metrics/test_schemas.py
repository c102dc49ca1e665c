"""JSON Schemas: which are refused beforehand, and that none runs for long or fetches anything."""

import socket

import pytest

from tunesmith.errors import InputError
from tunesmith.evaluation.metrics.json_reading import DEEPEST
from tunesmith.evaluation.metrics.schemas import first_error, validator_of


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ([], "expected a JSON object"),
        ({"type": "strin"}, r"not a JSON Schema: \$.type"),
        ({"$schema": "http://x.y/z"}, r"\$schema is 'http://x.y/z'"),
        ({"$schema": 3}, r"\$schema is 3"),
        ({"$ref": "http://127.0.0.1:9/s.json"}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "other.json"}}}, r"\$.properties.a.\$ref is 'other.json'"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "nothing is fetched"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"$ref": "#"}, "refers to itself"),
        ({"properties": {"x": {"$ref": "#/$defs/a"}},
          "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}, "refers to itself"),
        ({"pattern": "("}, r"\$.pattern: '\(' is not a 'regex'"),
        ({"patternProperties": {"[[:a:]]": {}}}, r"'\[\[:a:\]\]' is not a regular expression"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "is not supported"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
def test_what_cannot_be_used_is_refused_with_its_place(schema, told):
    with pytest.raises(ValueError, match=told):
        validator_of(schema)


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({}, {"a": 1}, None),
        ({"const": {"$ref": "http://data.no.schema"}}, {"$ref": "http://data.no.schema"}, 1),
        ({"properties": {"$ref": {"type": "string"}, "pattern": {"type": "null"}}},
         {"$ref": "x", "pattern": None}, {"pattern": 3}),
        ({"$id": "http://x.y/z", "$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, None, 1),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]}, [None], [1]),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "null"}]},
         [None], [1]),
        ({"pattern": "^a+$"}, "aaa", "aab"),
        ({"pattern": "^a{e}$"}, "a{e}", "b"),  # no count: the brace itself
        ({"pattern": r"^\{\d{2}}$"}, "{12}", "{1}"),
        ({"pattern": "b"}, "abc", "a"),  # found anywhere
        ({"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
         {"n_a": 1}, {"m_a": 1}),
        ({"patternProperties": {"^n_": {"type": "integer"}}}, {"n_a": 1, "x": "y"}, {"n_a": "1"}),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
         {"a": 1, "b": "x"}, {"a": 1, "b": 2}),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}, None, 0, False], [{"a": [1]}, {"a": [1.0]}]),
        ({"uniqueItems": False}, [1, 1], None),
    ],
)  # fmt: skip
def test_schemas_of_all_drafts(schema, right, wrong):
    validator = validator_of(schema)
    assert first_error(validator, right) is None
    assert wrong is None or first_error(validator, wrong) is not None


def test_our_keywords_agree_with_the_library_s(monkeypatch):
    import jsonschema

    values = [
        {}, {"a": 1}, {"a": "x", "b1": 2}, {"b1": "x"}, {"c": 1}, [1, 2], [1, 1], [[1], [1]],
        [1, True], [{"a": 1}, {"a": 1}], [0, False, 0.0], "ab", "b",
    ]  # fmt: skip
    schemas = [
        {"pattern": "^a"}, {"uniqueItems": True},
        {"properties": {"a": {"type": "string"}}, "patternProperties": {"^b": {"type": "integer"}},
         "additionalProperties": {"type": "null"}},
        {"patternProperties": {"[0-9]$": {}}, "additionalProperties": False},
    ]  # fmt: skip
    for schema in schemas:
        ours, theirs = validator_of(schema), jsonschema.Draft202012Validator(schema)
        for value in values:
            assert (first_error(ours, value) is None) == theirs.is_valid(value), (schema, value)


def test_nothing_is_fetched(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    schema = {"$dynamicRef": "http://example.org/schema.json#x"}
    with pytest.raises(ValueError, match="nothing is fetched"):
        validator_of(schema)


def test_many_items_are_compared_at_once():
    # 20,000 items, each with each: the library takes longer than a test may.
    items = [{"a": number} for number in range(20_000)]
    assert first_error(validator_of({"uniqueItems": True}), items) is None
    assert first_error(validator_of({"uniqueItems": True}), [*items, {"a": 7.0}]) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"pattern": r"^(([a-z])+.)+[A-Z]([a-z])+$"}}},
        {"patternProperties": {r"^(([a-z])+.)+[A-Z]([a-z])+$": {}}},
    ],
)
def test_a_pattern_that_never_ends_is_an_error_and_no_score(monkeypatch, schema):
    monkeypatch.setattr("tunesmith.evaluation.metrics.timed.SECONDS", 0.05)
    text = "a" * 4000 + "!"
    with pytest.raises(InputError, match="evaluate.json_schema: the pattern .* takes over"):
        first_error(validator_of(schema), {"a": text, text: 1})


def test_a_schema_of_itself_reads_the_deepest_answers():
    node = {
        "anyOf": [
            {"type": "null"},
            {
                "type": "object",
                "properties": {"n": {"$ref": "#/$defs/n"}},
                "additionalProperties": False,
            },
        ]
    }
    validator = validator_of({"$defs": {"n": node}, "$ref": "#/$defs/n"})
    value = None
    for _ in range(DEEPEST):
        value = {"n": value}
    assert first_error(validator, value) is None
    assert first_error(validator, {"n": {"m": 1}}) is not None
