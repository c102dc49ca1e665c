"""What `tunesmith inspect` shows, and what it tells of a change without making one."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.made_rows import chat, line
from tunesmith.artifacts import Base
from tunesmith.cli import main
from tunesmith.commands.flagged import Evidence
from tunesmith.commands.inspecting import WIDTH, changing, inspect
from tunesmith.errors import InputError, RecipeError
from tunesmith.records import Dropped
from tunesmith.settings import Settings
from tunesmith.stages.score import ScoreParams
from tunesmith.store.overlay import over


@pytest.fixture(scope="module")
def project(tiny_base, tmp_path_factory):
    """A recipe over rows of known lengths, built once."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(tiny_base, root / "base")
    lines = [row(n, "is late" if n % 4 else "is late and we are sorry about all of it") for n in range(80)]  # fmt: skip
    lines += [row(80, "as an AI language model I cannot know"), "{", row(1, "is late")]
    (root / "rows.jsonl").write_text("".join(f"{item}\n" for item in lines))
    write_recipe(root)
    inspect(root / "recipe.yaml", Settings(home=root / "home"), "", 1, ())
    return root


def row(n, answer):
    return line(
        f"ticket{n} asks why machine{n * 13} stopped near hall{n * 17} today",
        f"Part{n * 7} {answer} for ticket{n}.",
    )


def write_recipe(root, **parts):
    recipe = {
        "name": "inspected",
        "task": "Answer the question of a ticket in one line.",
        "base": {"model": "base"},
        "ingest": {"sources": [{"path": "rows.jsonl", "origin": "human"}]},
        "score": {"min_tokens": 1, "required": [], "minimum": 0.6},
        "drops": {"per_check": 0.001, "minimum_rows": 1000},
        **parts,
    }
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe))


def look(project, reason="", rows=5, *changes):
    settings = Settings(home=project / "home")
    return inspect(project / "recipe.yaml", settings, reason, rows, changes)


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def table(text):
    """The numbers of the first table, by name."""
    found = {}
    for item in text.splitlines():
        match = re.match(r"(\S.*?)\s{2,}([\d,]+)(?:\s+([\d,]+))?(?:\s|$)", item)
        if match:
            found[match[1]] = tuple(int(number) for number in match.groups()[1:] if number)
    return found


def test_every_reason_is_counted_and_shown_with_its_source_detail_and_text(project):
    text = look(project)
    counts = table(text)
    assert counts["rows in"] == (83,)
    assert counts["ingest: bad_json"] == counts["dedup: exact_copy"] == (1,)
    assert counts["score: markers"] == (1,)
    assert counts["in the training set"][0] + counts["in test"][0] + counts["in validation"][0] == 80  # fmt: skip
    shown = text[text.index("\n\n") :]
    assert "score: markers: 1 row dropped, 1 shown\n  rows.jsonl:81\n    the answer says" in shown
    assert "assistant: Part560 as an AI language model I cannot know for ticket80." in shown
    assert "dedup: exact_copy: 1 row dropped, 1 shown\n  rows.jsonl:83\n    same text as" in shown
    assert "ingest: bad_json: 1 row dropped, 1 shown\n  rows.jsonl:82" in shown


def test_kept_rows_nearest_to_the_minimum_come_last(project):
    assert "kept, nearest to score.minimum 0.6:" in look(project)
    assert "quality 0.8" in look(project, "markers")
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe["score"]["minimum"] = 0.4
    (project / "low.yaml").write_text(yaml.safe_dump(recipe))
    text = inspect(project / "low.yaml", Settings(home=project / "home"), "", 2, ())
    _, nearest = text.split("kept, nearest to score.minimum 0.4:\n")
    assert nearest.startswith(
        "  rows.jsonl:81\n    quality 0.5\n    flag refusal: the answer says "
    )


def test_flags_are_counted_and_shown_with_what_was_found(project):
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe["score"] |= {"minimum": 0.4, "checks": {"context": "off"}}
    (project / "flags.yaml").write_text(yaml.safe_dump(recipe))
    settings = Settings(home=project / "home")
    text = inspect(project / "flags.yaml", settings, "", 2, ())
    assert table(text)["refusal"] == (1,)
    alone = inspect(project / "flags.yaml", settings, "refusal", 20, ())
    assert alone.startswith("\nrefusal: 1 row flagged and kept, 1 shown\n  rows.jsonl:81\n")
    assert "flag refusal: the answer says" in alone and "exact_copy" not in alone


def test_a_flag_of_a_later_stage_counts_and_has_its_name_alone(project):
    row = chat("q", "a", flags=("contradiction", "personal"))
    store = Settings(home=project / "home").store()
    record = next(store.all_records("base"))
    told = list(Evidence(store, Base.model_validate(record["output"]), ScoreParams())(row))
    assert told == [("contradiction", ""), ("personal", "")]


def test_a_change_tells_the_rows_that_it_only_flags(project):
    text = look(project, "", 2, "score.minimum=0.4", "score.checks.context=off")
    assert table(text)["flagged: refusal"] == (0, 1)
    assert "refusal: 1 row kept and newly flagged, 1 shown\n  rows.jsonl:81" in text
    assert "newly flagged" not in look(project, "markers", 2, "score.minimum=0.4")


def test_the_end_names_commands_with_the_recipe_as_it_was_named(project, monkeypatch):
    monkeypatch.chdir(project)
    text = inspect(Path("recipe.yaml"), Settings(home=project / "home"), "", 1, ())
    assert text.endswith("-n 20\n  tunesmith inspect recipe.yaml --set KEY=VALUE")


def test_one_reason_alone_and_an_unknown_one(project):
    text = look(project, "markers")
    assert "markers" in text and "bad_json" not in text
    with pytest.raises(InputError, match=r"'marker'; expected .*bad_json.*markers"):
        look(project, "marker")


def test_the_same_rows_are_shown_every_time_and_more_of_them_hold_the_fewer(project):
    few, more = (look(project, "length", n, "score.max_tokens=12") for n in (3, 6))
    named = [
        re.findall(r"rows\.jsonl:\d+", text.split("another reason")[0]) for text in (few, more)
    ]
    assert len(named[0]) == 3 and named[1][:3] == named[0] and len(set(named[1])) == 6
    assert few == look(project, "length", 3, "score.max_tokens=12")


def test_no_line_is_wider_than_the_terminal(project):
    for text in (look(project), look(project, "", 5, "score.minimum=0.9", "dedup.threshold=0.5")):
        lines = [item for item in text.splitlines() if not item.startswith("  tunesmith ")]
        assert max(map(len, lines)) <= WIDTH


def test_a_change_is_counted_row_by_row_before_anybody_makes_it(project):
    text = look(project, "", 2, "score.minimum=0.9")
    counts = table(text)
    gone = counts["kept by dedup"][0] - counts["kept by dedup"][1]
    assert gone == 80
    assert "would go, 2 shown" in text and "would come back" not in text
    assert "was changed" in text.splitlines()[-1]


def test_rows_that_would_come_back_are_shown_with_why_they_were_dropped(project):
    text = look(project, "", 2, "score.minimum=0.4")
    assert table(text)["score: markers"] == (1, 0)
    assert "score: markers: 1 row would come back, 1 shown\n  rows.jsonl:81" in text
    assert "would go" not in text


def test_rows_dropped_for_another_reason_are_told_apart(project):
    text = look(project, "", 2, "score.minimum=0.9")
    assert "dedup: exact_copy → score: system_prompt: 1 row dropped for another reason" in text


def test_a_change_without_effect_says_so(project):
    assert "drops the same rows" in look(project, "", 2, "split.test=0.2")


def test_nothing_of_the_user_changes_and_nothing_is_left_over(project, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = files(project)
    look(project, "", 2, "score.minimum=0.9")
    assert files(project) == before
    assert list(tmp_path.iterdir()) == []


def test_only_what_the_change_touches_is_built_again(project, caplog):
    with caplog.at_level("INFO", logger="tunesmith.store"):
        look(project, "", 0, "split.salt=other")
    built = [record.getMessage().split()[0] for record in caplog.records if "built" in record.getMessage()]  # fmt: skip
    assert built == ["split", "mix"]


def test_a_change_is_checked_as_a_recipe_is(project):
    with pytest.raises(
        RecipeError, match=r"line \d+: score\.minimum: found 7; input should be less"
    ):
        look(project, "", 2, "score.minimum=7")
    with pytest.raises(RecipeError, match=r"score\.minimu: is not a key that is known here"):
        look(project, "", 2, "score.minimu=0.7")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("score.minimum", "expected KEY=VALUE"),
        ("=1", "expected KEY=VALUE"),
        ("score..minimum=1", "expected KEY=VALUE"),
        ("score.minimum=[", "not YAML"),
        ("name.x=1", "set name itself"),
        ("ingest.sources.1.path=x", "list of 1"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(project, change, told):
    with pytest.raises(RecipeError, match=re.escape(told)):
        look(project, "", 2, change)


def test_a_change_goes_to_its_place_and_the_content_that_was_read_stays():
    raw = {"score": {"minimum": 0.5}, "sources": [{"path": "a"}], "split": None}
    kept = json.dumps(raw)
    made = changing(["score.minimum=0.7", "sources.0.path=b", "split.test=0.2", "new={a: [1]}"])(
        raw
    )
    assert made == {
        "score": {"minimum": 0.7},
        "sources": [{"path": "b"}],
        "split": {"test": 0.2},
        "new": {"a": [1]},
    }
    assert json.dumps(raw) == kept


def test_a_stage_that_refuses_is_told_after_what_came_before_it(project):
    text = look(project, "", 1, "split.test_from=production_reviewed")
    assert "With the change, the data stages come no further:" in text
    assert table(text)["kept by dedup"] == (80, 80)


def test_what_a_terminal_would_obey_is_not_printed(project, monkeypatch):
    from tunesmith.commands import inspecting

    bad = chat("How?\x1b[2J\u202e", source="rows\x07.jsonl:1")
    dropped = Dropped(source=bad.source, reason="x", detail="\x1b]0;hello", row=bad)
    text = "\n".join(inspecting._sample("x", 1, "dropped", [dropped]))
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_long_text_is_shown_by_its_two_ends():
    from tunesmith.commands import inspecting

    lines = list(inspecting._wrapped("start " + "middle " * 10_000 + "end"))
    assert len(lines) <= 6
    assert lines[0].strip().startswith("start") and lines[-1].endswith("end")


def test_an_overlay_reads_the_store_below_and_writes_only_above(project):
    settings = Settings(home=project / "home")
    store = settings.store()
    record = next(store.all_records("score"))
    from tunesmith.artifacts import Examples
    from tunesmith.stages import dedup

    ref = Examples.model_validate(record["output"])
    before = files(project / "home")
    with over(store) as above:
        place = above.storage.local
        made = above.build(dedup.STAGE, dedup.DedupParams(threshold=0.6), ref, ())
        assert above.find(dedup.STAGE, dedup.DedupParams(threshold=0.6), ref, ()) == made
        assert store.find(dedup.STAGE, dedup.DedupParams(threshold=0.6), ref, ()) is None
        assert sum(1 for _ in above.lines(made)) == made.rows
        assert sum(1 for _ in above.lines(ref)) == ref.rows
    assert not place.exists()
    assert files(project / "home") == before


def test_the_command_prints_it(project, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(project / "home"))
    arguments = ["inspect", str(project / "recipe.yaml"), "markers", "-n", "1"]
    told = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert told.exit_code == 0 and "score: markers: 1 row dropped" in told.output
    told = CliRunner().invoke(main, [*arguments, "--set", "score.minimum=0.4"], catch_exceptions=False)  # fmt: skip
    assert told.exit_code == 0 and "would come back" in told.output


def test_a_wrong_recipe_is_refused_before_anything_is_built(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: x")
    with pytest.raises(RecipeError):
        inspect(tmp_path / "recipe.yaml", Settings(home=tmp_path / "home"), "", 5, ())
    assert not (tmp_path / "home").exists()
