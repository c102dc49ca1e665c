"""A recipe: every mistake at once with its line, and nothing that could not be built later."""

import hashlib
import json

import pytest
import yaml

from tests.made_rows import line
from tunesmith.canonical import canonical
from tunesmith.errors import RecipeError
from tunesmith.recipe import Recipe, load
from tunesmith.stage import Stage

GOOD = """\
# A comment.
name: tickets
task: Write a short answer that says only what the ticket says.
reference_examples: reference.jsonl
base: {model: some/model}
ingest:
  sources:
    - {path: 'rows/*.jsonl', origin: human}
golden:
  path: golden.jsonl
  sha256: SHA
score:
  format: '^Subject:'
  phrases: [As an AI]
evaluate:
  metrics: [format, grounding, overlap]
  primary: format
train: {method: sft}
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a recipe that is right, and the files that it names."""
    golden = "".join(f"{line(f'golden {n}')}\n" for n in range(3))
    (tmp_path / "golden.jsonl").write_text(golden)
    (tmp_path / "reference.jsonl").write_text("".join(f"{line(f'r {n}')}\n" for n in range(3)))
    sha256 = hashlib.sha256(golden.encode()).hexdigest()
    (tmp_path / "recipe.yaml").write_text(GOOD.replace("SHA", sha256))
    return tmp_path


def loaded(folder, text=None, **fields):
    """Load the recipe of the folder, with other text or other fields (by dotted path)."""
    path = folder / "recipe.yaml"
    if text is None:
        raw = yaml.safe_load(path.read_text())
        for name, value in fields.items():
            *parents, last = name.split("__")
            at = raw
            for parent in parents:
                at = at.setdefault(parent, {})
            at[last] = value
        text = yaml.safe_dump(raw)
    path.write_text(text)
    return load(path)


def mistakes(folder, text=None, **fields):
    with pytest.raises(RecipeError) as raised:
        loaded(folder, text, **fields)
    return str(raised.value)


def test_a_right_recipe_is_loaded_and_knows_where_it_lies(folder):
    recipe = load(folder / "recipe.yaml")
    assert (recipe.name, recipe.train.method) == ("tickets", "sft")
    assert recipe.root == folder
    assert recipe.path == folder / "recipe.yaml"
    assert recipe.validate_.expectations
    assert recipe.drops.minimum_rows == 100


def test_its_paths_are_looked_up_from_its_folder_wherever_one_stands(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    from pathlib import Path

    assert load(Path(folder.name) / "recipe.yaml").root == folder


def test_what_one_part_takes_from_another(folder):
    recipe = load(folder / "recipe.yaml")
    assert recipe.evaluate.format == "^Subject:"
    assert recipe.evaluate.phrases == ("As an AI",)
    assert recipe.gate.primary == "format"
    assert recipe.split.salt == "tickets"


def test_what_is_said_there_comes_first(folder):
    recipe = loaded(
        folder, evaluate__format="^Re:", evaluate__phrases=["hm"], gate={"primary": "grounding"},
        split={"salt": "kept"},
    )  # fmt: skip
    assert (recipe.evaluate.format, recipe.evaluate.phrases) == ("^Re:", ("hm",))
    assert (recipe.gate.primary, recipe.split.salt) == ("grounding", "kept")


def test_its_digest_is_of_what_it_says_and_not_of_how(folder):
    first = load(folder / "recipe.yaml").digest
    raw = yaml.safe_load((folder / "recipe.yaml").read_text())
    same = "# other\n" + yaml.safe_dump(dict(reversed(raw.items())), default_flow_style=True)
    assert loaded(folder, same).digest == first
    assert loaded(folder, yaml.safe_dump({**raw, "drops": {"total": 0.4}})).digest == first
    others = {
        loaded(folder, yaml.safe_dump({**raw, "drops": {"total": 0.5}})).digest,
        loaded(folder, yaml.safe_dump({**raw, "task": raw["task"] + " and more"})).digest,
        loaded(folder, yaml.safe_dump({**raw, "name": "other"})).digest,
    }
    assert len({first, *others}) == 4


def test_every_part_of_a_recipe_has_a_key(folder):
    recipe = loaded(folder, split__report=["topic"], validate={"expectations": [EXPECTATION]})
    canonical(recipe.model_dump(mode="json", by_alias=True))
    for name in type(recipe).model_fields:
        part = getattr(recipe, name)
        if hasattr(part, "model_dump"):
            assert Stage(name, 1, None, None).key(part)


EXPECTATION = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "answer_words", "min_value": 3},
}


def test_a_schema_may_lie_in_a_file_and_is_part_of_the_recipe_then(folder):
    (folder / "order.schema.json").write_text('{"type": "object", "required": ["id"]}')
    metrics = {"metrics": ["format", "json_schema"], "primary": "format"}
    named = loaded(folder, evaluate={**metrics, "json_schema": "order.schema.json"})
    assert named.evaluate.json_schema == {"type": "object", "required": ["id"]}
    (folder / "order.schema.json").write_text('{"type": "object"}')
    again = loaded(folder, evaluate={**metrics, "json_schema": "order.schema.json"})
    assert again.digest != named.digest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "has a mistake; nothing was run"),
        (None, "s.json: cannot be read: No such file or directory"),
        ("{", "not JSON"),
        ('{"type": 5}', "evaluate.json_schema"),
        ('{"$ref": "http://example.org/s.json"}', "evaluate.json_schema"),
        ("[]" + " " * (1 << 20), "larger than 1 MiB"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_its_file(folder, content, says):
    if content is not None:
        (folder / "s.json").write_text(content)
    metrics = {"metrics": ["format", "json_schema"], "primary": "format"}
    assert says in mistakes(folder, evaluate={**metrics, "json_schema": "s.json"})


def test_texts_on_and_off_the_tone_lie_in_a_file_of_labelled_rows(folder):
    rows = [
        {"text": f"{word} {number}", "label": label}
        for number in range(50)
        for word, label in (("Kindly note order", "on"), ("yo grab order", "off"))
    ]
    (folder / "tone.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = {"metrics": ["format", "tone"], "primary": "format"}
    recipe = loaded(folder, evaluate={**metrics, "tone": "tone.jsonl"})
    assert len(recipe.evaluate.tone.on) == len(recipe.evaluate.tone.off) == 50
    (folder / "tone.jsonl").write_text('{"text": "a", "label": "nice"}\n')
    found = mistakes(folder, evaluate={**metrics, "tone": "tone.jsonl"})
    assert "tone.jsonl:1: expected a text and its label, `on` or `off`" in found


def test_expectations_may_lie_in_a_file_and_are_part_of_the_recipe_then(folder):
    (folder / "e.json").write_text(json.dumps([EXPECTATION]))
    recipe = loaded(folder, validate={"expectations": "e.json"})
    assert recipe.validate_.expectations[0].kwargs == EXPECTATION["kwargs"]
    (folder / "e.json").write_text(json.dumps([{**EXPECTATION, "reason": "short"}]))
    assert load(folder / "recipe.yaml").digest != recipe.digest


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(folder):
    text = (
        (folder / "recipe.yaml").read_text()
        .replace("name: tickets", "name: My Tickets")
        .replace("task: Write", "task: Do. Write")
        .replace("origin: human", "origin: robot")
        .replace("score:", "scor:")
        .replace("sha256: ", "sha256: x")
        .replace("method: sft", "method: magic, epoch: 3")
    )  # fmt: skip
    (folder / "reference.jsonl").write_text("{}\n")
    told = mistakes(folder, text).splitlines()
    assert told[0].endswith("mistakes; nothing was run:")
    at = [told_line.split("recipe.yaml line ")[1].split(": ")[:2] for told_line in told[1:]]
    assert at == [
        ["2", "name"],
        ["3", "task"],
        ["4", "reference_examples"],
        ["4", "reference_examples"],
        ["8", "ingest.sources.0.origin"],
        ["11", "golden.sha256"],
        ["12", "scor"],
        ["18", "train.epoch"],
        ["18", "train.method"],
    ]
    assert "found 'My Tickets'" in told[1]
    assert "reference.jsonl:1: wrong_shape" in told[3] + told[4]


@pytest.mark.parametrize("name", ["task", "reference_examples", "golden", "evaluate", "base", "ingest", "train", "name"])  # fmt: skip
def test_what_nothing_can_be_judged_without_is_asked_for(folder, name):
    raw = yaml.safe_load((folder / "recipe.yaml").read_text())
    del raw[name]
    told = mistakes(folder, yaml.safe_dump(raw))
    assert f"{name}: is missing; expected: " in told


def test_all_that_is_missing_in_a_part_is_told(folder):
    raw = yaml.safe_load((folder / "recipe.yaml").read_text())
    told = mistakes(folder, yaml.safe_dump({**raw, "golden": {}}))
    assert "golden.path: is missing; expected: JSONL file" in told
    assert "golden.sha256: is missing; expected: sha256 of that file" in told


def test_what_is_expected_is_told_of_the_field_itself(folder):
    rollout = {"guardrails": {"closed": {"value": "closed", "better": "higher", "window_hours": 1}}}
    told = mistakes(folder, rollout=rollout)
    assert "rollout.guardrails.closed.margin: is missing; expected: How much worse" in told


def test_a_pattern_is_told_in_words(folder):
    text = (folder / "recipe.yaml").read_text().replace("name: tickets", "name: My Tickets")
    assert "name: found 'My Tickets'; expected: Name of the model" in mistakes(folder, text)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"score": ["a"]}, "score: expected keys, each with a value"),
        ({"rollout": {"stages": [50, 100]}}, "rollout: stages (50, 100): from 25 % on"),
    ],
)
def test_a_whole_part_is_not_told_as_what_was_found(folder, fields, says):
    assert says in mistakes(folder, **fields)


@pytest.mark.parametrize(
    "task",
    ["", "Classify.", "Write good e-mails", "Do this thing. Then do the other.", "What is it? Say so now."],
)  # fmt: skip
def test_a_task_is_one_sentence(folder, task):
    assert "one sentence" in mistakes(folder, task=task)


@pytest.mark.parametrize("task", ["Write what is asked, e.g. a note.", "Sort tickets of 3.5 kB by topic"])  # fmt: skip
def test_a_full_stop_inside_it_is_no_second_one(folder, task):
    assert loaded(folder, task=task).task == task


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"gate": {"primary": "length_ratio"}}, "gate.primary: found 'length_ratio'"),
        ({"gate": {"primary": "markers"}}, "gate.primary: found 'markers'"),  # not measured
        (
            {"gate": {"better_on": ["grounding", "length_ratio"]}},
            "gate.better_on: found 'length_ratio'",
        ),
        ({"score": {}}, "gate.primary: found 'format', but the recipe has no pattern"),
        ({"gate": {"better_than": ["retrieved"]}}, "gate.better_than: found 'retrieved', but"),
    ],
)
def test_what_the_gate_could_not_judge_is_refused_before_anything_is_trained(folder, fields, says):
    assert says in mistakes(folder, **fields)


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
@pytest.mark.parametrize(
    "field",
    [
        "score: {weights: {length: %s}}",
        "dedup: {threshold: %s}",
        "gate: {margin: %s}",
        "target: %s",
    ],
)
def test_numbers_without_a_value_are_refused(folder, number, field):
    text = (folder / "recipe.yaml").read_text()
    name = field.split(":")[0]
    if name == "score":
        text = text.replace("score:\n", f"score:\n  weights: {{length: {number}}}\n")
    else:
        text += field % number + "\n"
    assert f"{name}" in mistakes(folder, text)


@pytest.mark.parametrize("value", [".nan", "2026-01-01", "!!binary aGk=", "{1: 2}"])
def test_arguments_of_expectations_are_json(folder, value):
    text = (folder / "recipe.yaml").read_text() + (
        "validate:\n  expectations:\n"
        "    - type: expect_column_values_to_be_between\n"
        f"      kwargs: {{column: answer_words, min_value: {value}}}\n"
    )
    assert "arguments must be JSON values" in mistakes(folder, text)


def test_an_expectation_that_stands_twice_is_refused(folder):
    twice = [EXPECTATION, {**EXPECTATION, "reason": "other"}]
    assert "stands twice" in mistakes(folder, validate={"expectations": twice})


@pytest.mark.parametrize("fields", [{"score__min_tokens": 60, "score__max_tokens": 50}, {"score__phrases": [" "]}, {"score__phrases": []}])  # fmt: skip
def test_checks_that_no_row_or_every_row_fails_are_refused(folder, fields):
    assert "score." in mistakes(folder, **fields)


BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "more than 20000 fields"),
        ("name: &a [*a]\n", "not YAML"),
        ("? {a: b}\n: c\n", "line 1: a key is a list or a mapping"),
        ("? [a, b]\n: c\n", "line 1: a key is a list or a mapping"),
        (
            "name: a\nbase: {model: x, model: y}\n",
            "line 2: model stands twice; the first is on line 2",
        ),
        ("name: a\n\tname: b\n", "line 2: not YAML"),
        ("name: !!python/object/apply:os.getcwd []\n", "not YAML"),
        ("[" * 5000, "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("1: x\n", "is"),
        ("name: a\nbase: 2026-02-30\n", "line 2: not YAML: this is read as timestamp, and is none"),
        ("name: a\nbase: 2026-01-01 25:00:00\n", "line 2: not YAML: this is read as timestamp"),
        ("name: a\nbase: {model: 0x_}\n", "line 2: not YAML: this is read as int, and is none"),
        ("name: !!int foo\n", "line 1: not YAML: this is read as int, and is none"),
        ("name: !!bool foo\n", "line 1: not YAML: this is read as bool, and is none"),
        ("name: !!timestamp foo\n", "line 1: not YAML: this is read as timestamp, and is none"),
        ("just text\n", "expected keys such as name"),
        ("name: \x00\n", "not YAML"),
    ],
)
def test_what_is_no_recipe_at_all_is_told_quickly(folder, text, says):
    assert says in mistakes(folder, text)


def test_aliases_may_be_used_with_measure(folder):
    text = (folder / "recipe.yaml").read_text()
    text = text.replace("phrases: [As an AI]", "phrases: &words [As an AI]").replace(
        "  primary: format", "  primary: format\n  phrases: *words"
    )
    assert loaded(folder, text).evaluate.phrases == ("As an AI",)


@pytest.mark.parametrize("path", ["nowhere.jsonl", ".", 'a"\0b'])
def test_a_golden_set_that_cannot_be_read_is_told(folder, path):
    text = (
        (folder / "recipe.yaml")
        .read_text()
        .replace("path: golden.jsonl", f"path: {json.dumps(path)}")
    )
    assert "golden.path" in mistakes(folder, text)


@pytest.mark.parametrize("path", ["nowhere.jsonl", ".", "", "/no/*.jsonl", "**x", 'a"\0b'])
def test_reference_examples_that_cannot_be_read_are_told(folder, path):
    assert "reference_examples" in mistakes(folder, reference_examples=path)


USE = {
    "name": "summary",
    "examples": "golden.jsonl",
    "evaluate": {"metrics": ["exact_match"], "primary": "exact_match"},
}


def test_a_use_tells_the_gate_what_it_asks(folder):
    recipe = loaded(folder, uses=[USE, {**USE, "name": "labels", "margin": 0.02}])
    assert {name: (use.metric, use.margin) for name, use in recipe.gate.uses.items()} == {
        "summary": ("exact_match", 0.05), "labels": ("exact_match", 0.02),
    }  # fmt: skip
    again = Recipe.model_validate(recipe.model_dump(mode="json", by_alias=True))
    assert again.digest == recipe.digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "golden"}, "'golden' is a set of this recipe already"),
        ({"examples": "nothing.jsonl"}, "uses.0.examples: "),
        ({"examples": "nothing.jsonl"}, "nothing.jsonl"),
        ({"evaluate": {"metrics": ["overlap"]}}, "primary is 'grounding'"),
        ({"margin": 0}, "uses.0.margin"),
    ],
)
def test_a_use_that_could_not_be_judged_is_told(folder, change, told):
    assert told in mistakes(folder, uses=[{**USE, **change}])


@pytest.mark.parametrize(
    ("examine", "told"),
    [
        ({"names": ["sums"]}, "expected folder with the tasks' files, or hub"),
        ({"names": ["sums"], "folder": "none"}, "examine.folder: "),
        ({"names": ["sums"], "folder": "tasks"}, "unsafe_code: True; expected a task that runs no"),
        ({"names": ["sums"], "folder": "tasks", "shots": 5}, "examine.shots"),
    ],
)
def test_tasks_that_cannot_be_asked_are_told_before_anything_is_trained(folder, examine, told):
    (folder / "tasks").mkdir()
    (folder / "tasks/sums.yaml").write_text("task: sums\nunsafe_code: true\n")
    assert told in mistakes(folder, examine=examine)


def test_tasks_are_asked_in_the_precision_of_the_answers(folder):
    recipe = loaded(folder, examine={"names": ["mmlu"], "hub": True}, predict={"precision": "bf16"})
    assert recipe.examine.precision == "bf16"


def test_two_uses_of_one_name_are_told(folder):
    assert "'summary' stands twice" in mistakes(folder, uses=[USE, USE])


def test_a_criterion_of_a_use_that_is_not_there_is_told(folder):
    asked = {"summary": {"metric": "exact_match", "margin": 0.5}}
    assert "filled in from `uses`" in mistakes(folder, uses=[USE], gate={"uses": asked})


def test_documents_are_to_be_beaten_unless_the_gate_says_otherwise(folder):
    (folder / "a.md").write_text("# A\n\nText.\n")
    assert loaded(folder).gate.better_than == ("base", "prompt_baseline")
    documents = {"documents": "a.md"}
    assert loaded(folder, context=documents).gate.better_than[2:] == ("retrieved",)
    alone = loaded(folder, context=documents, gate={"better_than": ["base"]})
    assert alone.gate.better_than == ("base",)


def test_a_golden_set_that_has_changed_is_told_with_both_sums(folder):
    old = yaml.safe_load((folder / "recipe.yaml").read_text())["golden"]["sha256"]
    with (folder / "golden.jsonl").open("a") as file:
        file.write(line("one more") + "\n")
    told = mistakes(folder)
    assert hashlib.sha256((folder / "golden.jsonl").read_bytes()).hexdigest() in told
    assert "never changes" in told
    assert old not in told
    assert "never changes" in mistakes(folder, name="Not A Name")  # and not only by itself


# The prompt baseline


def test_system_prompts_may_lie_in_files_and_are_part_of_the_recipe_then(folder):
    (folder / "short.txt").write_text("Be short.\n")
    named = loaded(folder, prompt_baseline={"systems": ["short.txt", "See notes.md"]})
    assert named.prompt_baseline.systems == ("Be short.", "See notes.md")


def test_a_system_prompt_s_file_that_is_not_there_is_told_at_its_line(folder):
    text = (folder / "recipe.yaml").read_text() + "prompt_baseline:\n  systems:\n    - no.txt\n"
    with pytest.raises(RecipeError) as stopped:
        loaded(folder, text)
    line = text.splitlines().index("    - no.txt") + 1
    assert f"line {line}: prompt_baseline.systems.0: {folder / 'no.txt'}" in str(stopped.value)


SCHEMA = {"type": "object", "properties": {"count": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(None, "needs evaluate.json_schema"), ({**SCHEMA, "not": {}}, 'Unimplemented keys: ["not"]')],
)
def test_answers_are_held_to_a_schema_only_where_they_can_be(folder, schema, expected):
    metrics = {"metrics": ["format"], "primary": "format"}
    given = metrics if schema is None else {**metrics, "json_schema": schema}
    found = mistakes(folder, prompt_baseline={"styles": ["plain", "schema"]}, evaluate=given)
    assert "prompt_baseline.styles: found 'schema'" in found
    assert expected in found
    assert loaded(
        folder, prompt_baseline={"styles": ["schema"]}, evaluate={**metrics, "json_schema": SCHEMA}
    ).prompt_baseline.styles == ("schema",)


@pytest.mark.parametrize("field", [{"shots": 3}, {"prompting": {"shots": 3}}])
def test_how_all_are_asked_is_not_set_in_predict(field, folder):
    with pytest.raises(RecipeError, match="has a mistake") as stopped:
        loaded(folder, predict=field)
    assert "prompt_baseline: {shots: [0, 5]}" in str(stopped.value)


@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        ({"stages": [5, "all", 100]}, "rollout.stages.1: found 'all'; input should be 'shadow' or"),
        ({"stages": [5, 101]}, "rollout.stages.1: found 101; "),
        ({"stages": [25, 10, 100]}, "expected percents that grow up to 100"),
        ({"stage": [5, 100]}, "rollout.stage: is not a key that is known here"),
        ({"guardrails": {"x": {"value": "closed", "better": "higher", "margin": 0.1}}},
         "x: closed comes with feedback; expected window_hours"),
        ({"shadow_metrics": ["overlap"]},
         "rollout.shadow_metrics: overlap cannot be measured of one answer without a reference"),
        ({"shadow_metrics": ["json_schema"]},
         "rollout.shadow_metrics: json_schema needs evaluate.json_schema"),
        ({"stages": [5, 100], "shadow_metrics": ["grounding"]}, "rollout.stages has none; add it"),
        (5, "rollout: found 5; "),
    ],
)  # fmt: skip
def test_a_rollout_that_could_not_be_made_is_told_once(folder, rollout, told):
    found = mistakes(folder, rollout=rollout)
    assert "has a mistake" in found and told in found


def test_a_recipe_without_a_rollout_serves_at_once_and_with_one_its_defaults_hold(folder):
    assert loaded(folder).rollout is None
    found = loaded(folder, rollout={"shadow_metrics": ["format", "grounding"]}).rollout
    assert found.stages == ("shadow", 5, 10, 25, 50, 100, "bake")
