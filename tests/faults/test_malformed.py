"""What people get wrong: each mistake ends in its own message and exit code, and leaves nothing.

Every case starts from a recipe that works, spoils one thing, and runs a command. The message must
say where and what; there must be no traceback, and no artifact, record or target file.
"""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from tunesmith.cli import main

RECIPE, INPUT, MISSING, UNREADY, TRANSIENT = 3, 4, 5, 6, 7
RECIPES = Path(__file__).parents[2] / "recipes"


class Fault(NamedTuple):
    """A mistake: how it is made, what is run, and what must come out."""

    spoil: Callable[[Path], None]
    code: int
    says: tuple[str, ...]
    command: tuple[str, ...] = ("run", "tiny.yaml")


def field(path: str, value: object) -> Callable[[Path], None]:
    """Set one field of the recipe, by its dotted path; `...` removes it."""

    def spoil(folder: Path) -> None:
        recipe = yaml.safe_load((folder / "tiny.yaml").read_text())
        *parents, last = path.split(".")
        at = recipe
        for parent in parents:
            at = at.setdefault(parent, {})
        if value is ...:
            del at[last]
        else:
            at[last] = value
        (folder / "tiny.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))

    return spoil


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Write a file."""

    def spoil(folder: Path) -> None:
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)

    return spoil


def append(name: str, content: str) -> Callable[[Path], None]:
    """Add to a file."""

    def spoil(folder: Path) -> None:
        with (folder / name).open("a") as file:
            file.write(content)

    return spoil


def remove(name: str) -> Callable[[Path], None]:
    """Remove a file of the base model."""
    return lambda folder: (folder / name).unlink()


def both(*spoils: Callable[[Path], None]) -> Callable[[Path], None]:
    """Make several changes."""

    def spoil(folder: Path) -> None:
        for each in spoils:
            each(folder)

    return spoil


def config(**values: object) -> Callable[[Path], None]:
    """Change the base model's config.json."""

    def spoil(folder: Path) -> None:
        path = folder / "tiny/base/config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return spoil


def as_pickle(folder: Path) -> None:
    """Leave only weights that need unpickling."""
    path = folder / "tiny/base/model.safetensors"
    path.rename(path.with_name("pytorch_model.bin"))


def truncated(folder: Path) -> None:
    """Cut the weights, as a broken download does."""
    path = folder / "tiny/base/model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def lines(count: int, change: Callable[[str], str]) -> Callable[[Path], None]:
    """Change the first lines of the orders."""

    def spoil(folder: Path) -> None:
        path = folder / "tiny/orders.jsonl"
        rows = path.read_text().splitlines()
        path.write_text("".join(f"{change(row)}\n" for row in rows[:count]))

    return spoil


GOOD = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
EXPECT = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "answer_words"}}
CREATE = ("golden", "create", "tiny/orders.jsonl", "--out", "new.jsonl", "--size")

FAULTS = {
    # The recipe
    "no recipe": Fault(lambda _: None, RECIPE, ("none.yaml", "no such file"), ("run", "none.yaml")),
    "not yaml": Fault(text("tiny.yaml", "name: [a\n"), RECIPE, ("line 2", "not YAML")),
    "a list": Fault(text("tiny.yaml", "- a\n"), RECIPE, ("line 1", "expected keys")),
    "empty recipe": Fault(text("tiny.yaml", ""), RECIPE, ("expected keys",)),
    "binary recipe": Fault(text("tiny.yaml", b"\xff\xfe\x00"), RECIPE, ("cannot be read",)),
    "huge recipe": Fault(text("tiny.yaml", "#" * 1_100_000), RECIPE, ("larger than 1 MiB",)),
    "key twice": Fault(append("tiny.yaml", "\nname: b\n"), RECIPE, ("name stands twice", "line")),
    "unknown key": Fault(field("dedupp", {}), RECIPE, ("dedupp", "not a key", "line")),
    "unknown inner key": Fault(field("score.minimun", 1), RECIPE, ("score.minimun", "not a key")),
    "no task": Fault(field("task", ...), RECIPE, ("task", "is missing", "one sentence")),
    "two sentences": Fault(
        field("task", "Do this thing. Then do that."), RECIPE, ("one sentence",)
    ),
    "no golden": Fault(field("golden", ...), RECIPE, ("golden", "is missing")),
    "golden changed": Fault(
        append("tiny/golden.jsonl", GOOD), RECIPE, ("golden.sha256", "never changes")
    ),
    "golden gone": Fault(remove("tiny/golden.jsonl"), RECIPE, ("golden.path", "golden create")),
    "golden sha short": Fault(field("golden.sha256", "abc"), RECIPE, ("golden.sha256", "'abc'")),
    "no references": Fault(field("reference_examples", ...), RECIPE, ("at least three",)),
    "two references": Fault(
        text("tiny/reference.jsonl", GOOD * 2), RECIPE, ("has 2 examples", "at least 3")
    ),
    "bad reference": Fault(
        append("tiny/reference.jsonl", "{\n"), RECIPE, ("reference.jsonl:4", "bad_json")
    ),
    "no metric": Fault(field("evaluate", ...), RECIPE, ("evaluate", "is missing")),
    "unknown metric": Fault(field("evaluate.metrics", ["nice"]), RECIPE, ("metrics.0", "'nice'")),
    "primary unmeasured": Fault(
        field("evaluate.metrics", ["overlap"]), RECIPE, ("not among the metrics",)
    ),
    "primary without a better way": Fault(
        field("evaluate.primary", "length_ratio"), RECIPE, ("no better way",)
    ),
    "unknown method": Fault(field("train.method", "magic"), RECIPE, ("train.method", "'magic'")),
    "negative epochs": Fault(field("train.epochs", -1), RECIPE, ("train.epochs", "-1")),
    "bad format": Fault(field("score.format", "("), RECIPE, ("not a regular expression",)),
    "no weight": Fault(field("score.weights", {"length": 0}), RECIPE, ("score.weights", "above 0")),
    "bad name": Fault(field("name", "My Model!"), RECIPE, ("name", "'My Model!'")),
    "moving revision": Fault(field("base.revision", "main"), RECIPE, ("base.revision", "'main'")),
    "low threshold": Fault(field("dedup.threshold", 0.1), RECIPE, ("dedup.threshold", "0.1")),
    "unreviewed origin": Fault(
        field("ingest.sources", [{"path": "tiny/orders.jsonl", "origin": "model"}]),
        INPUT,
        ("written by a model", "reviewed_by"),
    ),
    "unknown origin": Fault(
        field("ingest.sources", [{"path": "tiny/orders.jsonl", "origin": "robot"}]),
        RECIPE,
        ("origin", "'robot'"),
    ),
    "expectations gone": Fault(
        field("validate.expectations", "none.json"), RECIPE, ("none.json", "cannot be read")
    ),
    "expectations not json": Fault(
        both(text("e.json", "{"), field("validate.expectations", "e.json")), RECIPE, ("not JSON",)
    ),
    "unknown column": Fault(
        field("validate.expectations", [{**EXPECT, "kwargs": {"column": "mood"}}]),
        RECIPE,
        ("'mood'", "answer_words"),
    ),
    "unknown expectation": Fault(
        field(
            "validate.expectations",
            [{**EXPECT, "type": "expect_column_values_to_be_nice"}],
        ),
        RECIPE,
        ("expect_column_values_to_be_nice", "cannot be made"),
    ),
    "raising expectation": Fault(
        field(
            "validate.expectations",
            [
                {
                    "type": "expect_column_values_to_match_regex",
                    "kwargs": {"column": "answer_words", "regex": "("},
                }
            ],
        ),
        RECIPE,
        ("raised instead of checking", "not judged"),
    ),
    # Rows and files
    "no source": Fault(
        field("ingest.sources", [{"path": "x/*.jsonl", "origin": "human"}]),
        INPUT,
        ("no such file",),
    ),
    "folder as source": Fault(
        field("ingest.sources", [{"path": "tiny", "origin": "human"}]), INPUT, ("no such file",)
    ),
    "absolute glob": Fault(
        field("ingest.sources", [{"path": "/nowhere/*.jsonl", "origin": "human"}]),
        INPUT,
        ("relative to the recipe's folder",),
    ),
    "empty source": Fault(text("tiny/orders.jsonl", "\n\n"), INPUT, ("no rows at all",)),
    "prose as source": Fault(
        text("tiny/orders.jsonl", "hello\n" * 200), INPUT, ("200 of 200 rows", "orders.jsonl:1")
    ),
    "utf-16 source": Fault(
        text("tiny/orders.jsonl", (GOOD * 200).encode("utf-16")),
        INPUT,
        ("UTF-16", "save it as UTF-8"),
    ),
    "compressed source": Fault(
        text("tiny/orders.jsonl", gzip.compress(GOOD.encode() * 200)), INPUT, ("begins like gzip",)
    ),
    "source cut short": Fault(
        both(
            text("tiny/orders.jsonl.gz", gzip.compress(GOOD.encode() * 200)[:-9]),
            field("ingest.sources", [{"path": "tiny/orders.jsonl.gz", "origin": "human"}]),
        ),
        INPUT,
        ("orders.jsonl.gz", "damaged or cut short"),
    ),
    "source of no shape": Fault(
        text("tiny/orders.jsonl", '{"problem": "a", "solution": "b"}\n' * 200),
        INPUT,
        ("problem, solution", "columns:"),
    ),
    "source of two shapes": Fault(
        text("tiny/orders.jsonl", GOOD.replace("]}", '], "text": "t", "label": "l"}') * 200),
        INPUT,
        ("`shape: chat` or `shape: label`",),
    ),
    "column of no field": Fault(
        field(
            "ingest.sources",
            [{"path": "tiny/orders.jsonl", "origin": "human", "columns": {"question": "q"}}],
        ),
        RECIPE,
        ("ingest.sources.0.columns", "'question' is no field"),
    ),
    "bucket without credentials": Fault(
        field("ingest.sources", [{"path": "s3://me:secret@bucket/a.jsonl", "origin": "human"}]),
        INPUT,
        ("credentials belong in the environment",),
    ),
    "too many bad lines": Fault(
        append("tiny/orders.jsonl", '{"messages": []}\n' * 40), INPUT, ("wrong_shape", "bad_share")
    ),
    "golden with a bad line": Fault(
        lambda folder: both(
            append("tiny/golden.jsonl", "{\n"),
            field("golden.sha256", _sha256(folder / "tiny/golden.jsonl", b"{\n")),
        )(folder),
        INPUT,
        ("golden.jsonl:31", "bad_json"),
    ),
    "too few rows": Fault(lines(50, str), UNREADY, ("at least 100", "50 rows are left")),
    "one row many times": Fault(
        text("tiny/orders.jsonl", GOOD * 300), UNREADY, ("no row is left", "Dropped")
    ),
    "wrong format everywhere": Fault(
        lines(330, lambda row: row.replace("Count", "Number")),
        UNREADY,
        ("score: format", "Number: "),
    ),
    # Golden sets
    "golden of too few": Fault(
        lambda _: None, INPUT, ("has 330 examples", "at least 900"), (*CREATE, "900")
    ),
    "golden made twice": Fault(
        text("new.jsonl", GOOD), INPUT, ("new.jsonl exists", "never changes"), (*CREATE, "10")
    ),
    "golden with copies": Fault(
        lambda folder: text("tiny/orders.jsonl", GOOD * 20)(folder),
        INPUT,
        ("orders.jsonl:2", "twice"),
        (*CREATE, "10"),
    ),
    # The base model
    "no base": Fault(field("base.model", "tiny/none"), INPUT, ("tiny/none",)),
    "base without config": Fault(remove("tiny/base/config.json"), INPUT, ("config.json",)),
    "base without tokenizer": Fault(remove("tiny/base/tokenizer.json"), INPUT, ("tokenizer",)),
    "base as pickle": Fault(as_pickle, INPUT, ("safetensors",)),
    "base cut short": Fault(truncated, INPUT, ("model.safetensors",)),
    "base with code": Fault(
        config(auto_map={"AutoModelForCausalLM": "evil.Model"}), INPUT, ("auto_map",)
    ),
    "base of another revision": Fault(
        field("base.revision", "0" * 64), INPUT, ("base.revision", "0000")
    ),
    # The store and its artifacts
    "unknown artifact": Fault(lambda _: None, INPUT, ("no artifact", "'abc'"), ("show", "abc")),
}


def _sha256(path: Path, more: bytes) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes() + more).hexdigest()


@pytest.mark.parametrize("name", FAULTS)
def test_mistake_is_named_and_leaves_nothing(
    name: str, tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    shutil.copy(RECIPES / "tiny.yaml", tmp_path)
    shutil.copytree(RECIPES / "tiny", tmp_path / "tiny")
    shutil.copytree(tiny_base, tmp_path / "tiny/base")
    fault.spoil(tmp_path)
    before = _files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))

    result = CliRunner().invoke(main, fault.command)

    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == fault.code, result.output
    for part in fault.says:
        assert part in result.stderr, result.stderr
    assert "Traceback" not in result.output
    assert _files(tmp_path) == before
    assert not [path for path in (tmp_path / "home").rglob("*.part")]
    # What the stages before the mistake made is whole; what it stopped left no record.
    for record in (tmp_path / "home/store/records").rglob("*.json"):
        output = json.loads(record.read_text())["output"]
        manifest = tmp_path / "home/store" / output["kind"] / output["digest"] / "manifest.json"
        assert manifest.is_file()


def _files(folder: Path) -> dict[str, bytes]:
    """The user's own files."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "home" not in path.relative_to(folder).parts[:1]
    }
