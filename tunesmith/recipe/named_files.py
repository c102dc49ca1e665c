"""What stands in files that a recipe names."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tunesmith.data.parsing import read_item, reading_of
from tunesmith.data.readers import read_files
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.judge import load_rubric
from tunesmith.mistakes import Mistake
from tunesmith.records import Dropped, Example, LabelExample

MAX_BYTES = 1 << 20


def read_named_files(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    """Replace the names of files by what they hold, so that a recipe's identity has it."""
    for (part, key), read in _NAMED_FILES.items():
        section = raw.get(part)
        if not isinstance(section, dict) or not isinstance(section.get(key), str):
            continue
        file = path.parent / section[key]
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InputError(f"{file}: larger than {MAX_BYTES >> 20} MiB")
            section[key] = read(file)
        except (OSError, ValueError, InputError, RecipeError) as error:
            section.pop(key)
            yield (part, key), _unreadable(file, error)


def read_systems(raw: dict[str, Any], path: Path) -> Iterator[Mistake]:
    """Replace the names of files with system prompts by their texts."""
    section = raw.get("prompt_baseline")
    systems = section.get("systems") if isinstance(section, dict) else None
    if not isinstance(systems, list):
        return
    for at, text in enumerate(systems):
        if not isinstance(text, str) or not re.fullmatch(r"\S+\.(txt|md)", text):
            continue
        file = path.parent / text
        try:
            systems[at] = file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            yield ("prompt_baseline", "systems", at), _unreadable(file, error)


def _unreadable(file: Path, error: Exception) -> str:
    if isinstance(error, InputError | RecipeError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"{file}: not JSON: {error}"
    return f"{file}: cannot be read: {why(error)}"


def _json(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _tone(file: Path) -> dict[str, list[str]]:
    """Read labelled texts, `on` and `off` the brand's tone."""
    texts: dict[str, list[str]] = {"on": [], "off": []}
    for row in read_examples(file.name, file.parent):
        if isinstance(row, Dropped):
            raise InputError(f"{row.source}: {row.reason}: {row.detail}")
        if not isinstance(row, LabelExample) or row.label not in texts:
            raise InputError(f"{row.source}: expected a text and its label, `on` or `off`")
        texts[row.label].append(row.text)
    return texts


_NAMED_FILES: dict[tuple[str, str], Callable[[Path], Any]] = {
    ("validate", "expectations"): _json,
    ("evaluate", "json_schema"): _json,
    ("evaluate", "tone"): _tone,
    ("judge", "rubric"): load_rubric,
}


def why(error: Exception) -> str:
    """Say in a few words why a file cannot be read."""
    return str(getattr(error, "strerror", None) or error)


def read_examples(name: str, root: Path) -> list[Example | Dropped]:
    """Read a small file of examples whole, such as the reference examples."""
    items = list(read_files(gather([name], root)))
    reading = reading_of(items, "human", name)
    return [read_item(item, reading) for item in items]
