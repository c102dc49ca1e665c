"""A gateway's file: what is refused before it starts, and what of it is told."""

import pytest

from tunesmith.errors import RecipeError
from tunesmith.gateway.config import RECIPE_NAME, GatewayParams, check_address, load
from tunesmith.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {}", "models"),
        ("models: {tiny: {upstream: 'ftp://x', serves: m}}", "models.tiny.upstream"),
        ("models: {tiny: {upstream: 'http://me:key@x/v1', serves: m}}", "models.tiny.upstream"),
        ("models: {tiny: {upstream: 'http://x:port/v1', serves: m}}", "models.tiny.upstream"),
        ("models: {tiny: {upstream: 'http://x/v1?version=2', serves: m}}", "models.tiny.upstream"),
        ("models: {tiny: {upstream: 'http://x/v1'}}", "models.tiny.serves"),
        ("modles: {}", "modles"),
        ("[", "line 1: not YAML"),
        ("- models", "line 1: expected keys such as models and keys"),
        ("models: {tiny: {upstream: 'http://x/v1', serves: m}}\nkeys: []\nkeys: []",
         "line 3: keys stands twice; the first is on line 2"),
        ("lease: 60\nmodels: {}", "line 2: models"),
        ("lease: 0.1\nmodels: {tiny: {upstream: 'http://x/v1', serves: m}}", "line 1: lease"),
        ("models: {tiny: {upstream: 'http://x/v1', serves: m}}\nkeys: [{id: 1, name: a, digest: b}]",
         "keys.0.id"),
        ("models: {tiny: {upstream: 'http://model..internal/v1', serves: m}}",
         "models.tiny.upstream: expected http"),
        (f"models: {{tiny: {{upstream: 'http://{'a' * 64}/v1', serves: m}}}}",
         "models.tiny.upstream: expected http"),
        (f"models: {{tiny: {{upstream: 'http://x/v1', serves: {'m' * 201}}}}}",
         "models.tiny.serves: string should have at most 200"),
        ("models: {Tiny: {upstream: 'http://x/v1', serves: m}}",
         "models: 'Tiny': expected a recipe's name"),
        ("models: {tiny: {upstream: 'http://x/v1', serves: m}}\ncapture: {keep_days: 1.0e+12}",
         "line 2: capture.keep_days: found 1000000000000.0; input should be less"),
        ("models: {tiny: {}}", "models.tiny.serves: is missing; expected: The upstream's name"),
        ("models: {tiny: {}}", "models.tiny.upstream: is missing; expected: Base URL"),
        ("models: {tiny: {upstream: x, serves: m}}", "models.tiny.upstream: expected: Base URL"),
        ("models: {tiny: m}", "models.tiny: expected keys, each with a value"),
        ("modles: {}", "modles: is not a key that is known here"),
        ("models: {tiny: {upstream: 'http://x/v1', serves: m}}\ndurability: disc",
         "line 2: durability: found 'disc'"),
        ("models:\n  tiny: {upstream: 'http://x/v1', serves: m,\n    upstream_key: NOT_THERE}\n"
         "outcomes: {webhook: 'http://x', secret: NOR_THIS}",
         "line 3: models.tiny.upstream_key: the variable NOT_THERE is not set[^$]*"
         "line 4: outcomes.secret: the variable NOR_THIS is not set"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words_before_it_starts(tmp_path, text, told):
    (tmp_path / "g.yaml").write_text(text)
    with pytest.raises(RecipeError, match=told):
        load(tmp_path / "g.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "models: {tiny: http://me:sk-4f0a9c@x/v1}",
        "models: {tiny: {upstream: 'http://me:sk-4f0a9c@x/v1', serves: m}}",
        "models: {tiny: {upstream: 'http://me:sk-4f0a9c/v1', serves: m}}",
        "models: {tiny: {upstream: sk-4f0a9c, serves: m}}",
        "models: {tiny: {upstream: 'http://x/v1', serves: m}}\nkeys: [sk-4f0a9c]",
        "models: {tiny: {upstream: 'http://x/v1', serves: m}}\nkeys: [{digest: sk-4f0a9c}]",
        "models: {tiny: {upstream: 'http://x/v1', serves: m}}\noutcomes: sk-4f0a9c",
        "models: {tiny: {upstream: 'http://x/v1', serves: m}}\noutcomes: {secret: sk-4f0a9c}",
        "models: {tiny: {upstream: 'http://x/v1', serves: m}}\nkeys: !!int sk-4f0a9c",
    ],
)
def test_no_key_is_shown_wherever_it_was_put(tmp_path, text):
    (tmp_path / "g.yaml").write_text(text)
    with pytest.raises(RecipeError) as told:
        load(tmp_path / "g.yaml")
    assert "sk-4f0a9c" not in str(told.value)


def test_a_gateways_names_are_those_that_recipes_may_have():
    (pattern,) = (each.pattern for each in Recipe.model_fields["name"].metadata)
    assert pattern == f"^{RECIPE_NAME}$"


@pytest.mark.parametrize(
    ("url", "warned"), [("http://x:8000", True), ("http://x/", True), ("http://x/openai", False)]
)
def test_an_upstream_without_a_path_is_warned_of(tmp_path, caplog, url, warned):
    (tmp_path / "g.yaml").write_text(f"models:\n  tiny: {{upstream: '{url}', serves: m}}\n")
    load(tmp_path / "g.yaml")
    assert ("line 2: models.tiny.upstream: has no path" in caplog.text) == warned


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "gateway.example"])
def test_it_does_not_stand_open_to_others_without_a_key(host):
    with pytest.raises(RecipeError, match="has no keys"):
        check_address(host, keys=False)
    check_address(host, keys=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_may_come_in(host):
    check_address(host, keys=False)


@pytest.mark.parametrize("pasted", ["sk-proj-4f0a9c", "hf_4f0a9c", "tsk_0badcafe_x"])
def test_a_key_in_place_of_the_variables_name_is_not_shown(tmp_path, pasted):
    (tmp_path / "g.yaml").write_text(
        f"models: {{tiny: {{upstream: 'http://x/v1', serves: m, upstream_key: {pasted}}}}}"
    )
    with pytest.raises(RecipeError, match="models.tiny.upstream_key") as told:
        load(tmp_path / "g.yaml")
    assert pasted not in str(told.value)


def test_a_key_of_an_upstream_comes_from_the_environment():
    made = GatewayParams.model_validate(
        {"models": {"tiny": {"upstream": "http://x/v1/", "upstream_key": "KEY_X", "serves": "m"}}}
    )
    assert made.models["tiny"].upstream == "http://x/v1"
    assert made.upstream_key("tiny", {"KEY_X": "secret"}) == "secret"
    with pytest.raises(RecipeError, match="the variable KEY_X is not set"):
        made.upstream_key("tiny", {})
