"""`tunesmith calibrate`: rows to label, and weights that fit the labels."""

import json
import shutil

import pytest
import yaml
from click.testing import CliRunner

from tests.made_rows import line
from tunesmith.cli import main
from tunesmith.commands import calibrating
from tunesmith.errors import InputError
from tunesmith.settings import Settings
from tunesmith.statistics import BinaryComparison

MARKED, SHORT = "As an AI language model I cannot see the parts of", "No"


@pytest.fixture(scope="module")
def project(tiny_base, tmp_path_factory):
    """Ninety rows: a third has a marker, a third is short, a third is fine."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(tiny_base, root / "base")
    with (root / "rows.jsonl").open("w") as file:
        for n in range(90):
            answer = (MARKED, SHORT, "We have sent the part again, and it arrives at your hall on")[n % 3]  # fmt: skip
            asks = f"ticket{n} asks why machine{n * 13} stopped near hall{n * 17} today"
            file.write(line(asks, f"{answer} ticket{n}.") + "\n")
        file.write("{\n")
    recipe = {
        "name": "calibrated",
        "task": "Answer the question of a ticket in one line.",
        "base": {"model": "base"},
        "ingest": {"sources": [{"path": "rows.jsonl", "origin": "human"}]},
        "score": {"min_tokens": 12, "required": [], "minimum": 0.6, "weights": {"length": 0.5, "markers": 0.1, "system_prompt": 0.2}},
    }  # fmt: skip
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return root


@pytest.fixture
def settings(project):
    return Settings(home=project / "home")


@pytest.fixture
def drawn(project, settings, tmp_path):
    """A file of sixty rows to label."""
    calibrating.draw(project / "recipe.yaml", settings, 60, tmp_path / "labels.jsonl")
    return tmp_path / "labels.jsonl"


def rows_of(path):
    return [json.loads(item) for item in path.read_text().splitlines()]


def label(path, judge):
    rows = [{**row, "good": judge(row)} for row in rows_of(path)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def not_marked(row):
    return "language model" not in row["answer"]


def test_rows_to_label_come_from_every_quality_and_do_not_tell_it(drawn):
    rows = rows_of(drawn)
    assert len(rows) == 60 == len({row["row_id"] for row in rows})
    assert set(rows[0]) == {"row_id", "source", "input", "answer", "good"}
    assert {row["good"] for row in rows} == {None}
    kinds = [sum(item in row["answer"] for row in rows) for item in (MARKED, SHORT, "sent")]
    assert min(kinds) >= 10


def test_the_same_rows_are_drawn_again_and_no_file_is_overwritten(project, settings, drawn, tmp_path):  # fmt: skip
    calibrating.draw(project / "recipe.yaml", settings, 60, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == drawn.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        calibrating.draw(project / "recipe.yaml", settings, 60, drawn)


def test_a_stratum_that_is_small_is_not_lost():
    strata = [["a1", "a2", "a3", "a4"], ["b1"], ["c1", "c2"]]
    assert calibrating._in_turns(strata, 5) == ["a1", "b1", "c1", "a2", "c2"]
    assert calibrating._in_turns(strata, 50) == ["a1", "b1", "c1", "a2", "c2", "a3", "a4"]


def test_labels_that_follow_one_check_move_the_weight_to_it(project, settings, drawn):
    text = calibrating.calibrate(project / "recipe.yaml", settings, label(drawn, not_marked))
    good = sum(not_marked(row) for row in rows_of(drawn))
    assert text.startswith(f"60 labelled rows: {good} good, {60 - good} bad")
    assert "agree better than the present ones" in text
    weights = yaml.safe_load(text[text.index("score:\n") :])["score"]["weights"]
    assert weights["markers"] > 0.6 and weights["length"] < 0.2
    assert "row_id" not in text


def test_the_pasted_recipe_keeps_what_the_labels_call_good(project, settings, drawn):
    text = calibrating.calibrate(project / "recipe.yaml", settings, label(drawn, not_marked))
    pasted = yaml.safe_load(text[text.index("score:\n") :])["score"]
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe["score"] |= pasted
    (project / "fitted.yaml").write_text(yaml.safe_dump(recipe))
    again = calibrating.calibrate(project / "fitted.yaml", settings, drawn)
    present = next(item for item in again.splitlines() if "present score" in item)
    assert "1.00" in present.split()[2]
    assert "no better than the present ones" in again


def test_labels_that_follow_nothing_change_no_weight(project, settings, drawn):
    text = calibrating.calibrate(
        project / "recipe.yaml", settings, label(drawn, lambda row: row["row_id"][0] in "02468ace")
    )
    assert "agree better than" not in text


def test_the_sample_is_called_too_small_where_it_is():
    from tunesmith.data.calibration import Calibration
    from tunesmith.stages.score import ScoreParams

    fitted = Calibration({"length": 1.0}, 0.5, 40, {}, 0.8, 0.5, 0.5)
    told = [
        "\n".join(calibrating._advice(ScoreParams(), fitted, BinaryComparison(40, 40, *counts)))
        for counts in ((8, 0), (8, 5), (5, 5), (0, 9))
    ]
    assert "agree better" in told[0]
    assert "too small" in told[1]
    assert "no better" in told[2] and "no better" in told[3]


def test_weights_are_compared_row_by_row(project, settings, drawn):
    """Unpaired, intervals of 0.8 and 0.9 on 60 rows overlap; on the same rows they are apart."""
    told = "\n".join(calibrating._change(BinaryComparison(60, 60, 8, 0)))
    assert "on the same 60 rows: +0.13 [+0.07, +0.23]; 8 rows" in " ".join(told.split())
    grouped = "\n".join(calibrating._change(BinaryComparison(60, 20, 8, 0, design_effect=3.0)))
    assert "on the same 60 rows in 20 groups: +0.13 [-" in " ".join(grouped.split())
    text = calibrating.calibrate(project / "recipe.yaml", settings, label(drawn, not_marked))
    assert "fitted against present, on the same 60 rows" in text
    assert "The smallest gain that so many would show" in " ".join(text.split())


def test_what_a_required_check_drops_is_left_out_of_the_fit(project, settings, drawn):
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe["score"]["required"] = ["markers"]
    (project / "required.yaml").write_text(yaml.safe_dump(recipe))
    label(drawn, lambda row: not_marked(row) and SHORT not in row["answer"].split())
    text = calibrating.calibrate(project / "required.yaml", settings, drawn)
    marked = sum(MARKED in row["answer"] for row in rows_of(drawn))
    assert f"{marked} of them fail a required check (markers), which" in " ".join(text.split())
    assert f"agreement with the labels, on {60 - marked} rows" in text
    weights = yaml.safe_load(text[text.index("score:\n") :])["score"]["weights"]
    assert weights["markers"] == 0.1 and weights["length"] > 0.6
    recipe["score"]["required"] = ["markers", "length", "system_prompt", "format", "grounding"]
    (project / "required.yaml").write_text(yaml.safe_dump(recipe))
    text = calibrating.calibrate(project / "required.yaml", settings, drawn)
    assert text.endswith("there is nothing to fit.")


def test_sources_name_rows_as_well_as_ids(project, settings, drawn):
    label(drawn, not_marked)
    by_id = calibrating.calibrate(project / "recipe.yaml", settings, drawn)
    rows = [{"source": row["source"], "good": row["good"]} for row in rows_of(drawn)]
    drawn.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert calibrating.calibrate(project / "recipe.yaml", settings, drawn) == by_id


def test_unknown_rows_are_named_with_their_lines(project, settings, drawn):
    label(drawn, not_marked)
    with drawn.open("a") as file:
        file.write('\n{"row_id": "0123456789abcdef", "good": true}\n')
        file.write('{"source": "rows.jsonl:91", "good": false}\n')
    with pytest.raises(InputError) as raised:
        calibrating.calibrate(project / "recipe.yaml", settings, drawn)
    assert "2 labels name no row" in str(raised.value)
    assert "0123456789abcdef (line 62), rows.jsonl:91 (line 63)" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no row is labelled"),
        ('{"row_id": "a", "good": null}', "no row is labelled"),
        ('{"row_id": "a", "good": true}\n{"good": true}', "line 2: has neither"),
        ('{"row_id": "a", "good": "yes"}', "line 1: Expected `bool | null`"),
        ('{"row_id": "a", "good": 1}', "line 1: Expected `bool | null`"),
        ("[]", "line 1: Expected `object`"),
        ('{"row_id": "a", "good": true}\n\n{"row_id": "a", "good": false}', "line 3: a is called bad, but line 1 calls it good"),
    ],
)  # fmt: skip
def test_a_wrong_label_is_refused_with_its_line(tmp_path, text, told):
    path = tmp_path / "labels.jsonl"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        calibrating.read_labels(path)
    assert told in str(raised.value)


def test_a_row_labelled_twice_alike_counts_once_and_others_may_wait(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text(
        '{"row_id": "a", "good": true}\n{"row_id": "a", "good": true}\n{"row_id": "b"}\n'
    )
    assert calibrating.read_labels(path) == {"a": (1, True)}
    with pytest.raises(InputError, match="cannot be read"):
        calibrating.read_labels(tmp_path / "missing.jsonl")


def test_too_few_labels_are_refused(project, settings, drawn):
    label(drawn, not_marked)
    drawn.write_text("".join(item + "\n" for item in drawn.read_text().splitlines()[:20]))
    with pytest.raises(InputError, match="20 rows are labelled"):
        calibrating.calibrate(project / "recipe.yaml", settings, drawn)


def test_labels_that_are_too_few_without_what_is_required_say_how_many_that_takes(project, settings, drawn):  # fmt: skip
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe["score"]["required"] = ["markers"]
    (project / "required.yaml").write_text(yaml.safe_dump(recipe))
    label(drawn, lambda row: "AI language" not in row["answer"])
    marked = sum(not row["good"] for row in rows_of(drawn))
    told = rf"60 labelled rows, of which a required check \(markers\) drops {marked} whatever"
    with pytest.raises(InputError, match=told):
        calibrating.calibrate(project / "required.yaml", settings, drawn)


def test_the_command_draws_and_fits(project, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(project / "home"))
    recipe, out = str(project / "recipe.yaml"), tmp_path / "labels.jsonl"
    told = CliRunner().invoke(main, ["calibrate", recipe, "--sample", "60", "--out", str(out)])
    assert told.exit_code == 0 and "60 rows" in told.output
    label(out, not_marked)
    told = CliRunner().invoke(main, ["calibrate", recipe, str(out)])
    assert told.exit_code == 0 and "60 labelled rows" in told.output
    for wrong in ([], ["--sample", "5"], ["--out", "x"], [str(out), "--sample", "5", "--out", "x"]):
        told = CliRunner().invoke(main, ["calibrate", recipe, *wrong])
        assert told.exit_code == 2 and "--sample N with --out FILE" in told.output
