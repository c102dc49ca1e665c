"""Write docs/reference/ from the code: fields of files, settings, commands, test vectors.

Run `python docs/generate_reference.py`; a test fails when the files are not what this writes.
"""

import inspect
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tunesmith.cli import main
from tunesmith.gateway.config import (
    CaptureParams,
    GatewayParams,
    KeyParams,
    ModelParams,
    OutcomesParams,
    ShadowParams,
    TimeoutParams,
)
from tunesmith.recipe import Recipe
from tunesmith.rollout import assignment
from tunesmith.settings import Settings

FOLDER = Path(__file__).parent / "reference"
_VECTORS = (
    ("r1", "2x"), ("r12", "x"), ("support-email 7", "user-42"), ("support-email 7", "Žofie"),
)  # fmt: skip


def pages() -> dict[str, str]:
    """Return every page by file name."""
    return {
        "recipe.md": "\n".join(_recipe()),
        "settings.md": "\n".join(_settings()),
        "commands.md": "\n".join(_commands()),
        "gateway.md": "\n".join(_gateway()),
        "assignment.md": "\n".join(_assignment()),
    }


def _recipe() -> Iterator[str]:
    yield "# Recipe\n"
    yield "Every key that a recipe may have. Unknown keys are refused.\n"
    yield from _table(Recipe, "")
    for name, info in Recipe.model_fields.items():
        model = _model(info.annotation)
        if model is not None:
            yield from _section(info.alias or name, model)


def _gateway() -> Iterator[str]:
    yield "# A gateway's file\n"
    yield "Every key that the file for `tunesmith gateway` may have. Unknown keys are refused.\n"
    yield from _table(GatewayParams, "")
    inner = {
        "models.NAME": ModelParams,
        "keys": KeyParams,
        "timeouts": TimeoutParams,
        "shadow": ShadowParams,
        "capture": CaptureParams,
        "outcomes": OutcomesParams,
    }
    for name, model in inner.items():
        yield from _section(name, model)


def _assignment() -> Iterator[str]:
    yield "# Assignment\n"
    yield f"{inspect.cleandoc(assignment.__doc__ or '').partition(' Vectors:')[0]}\n"
    yield "Test vectors, for other programs that want the same buckets:\n"
    yield "| salt | unit | bucket |"
    yield "|---|---|---|"
    for salt, unit in _VECTORS:
        yield f"| `{salt}` | `{unit}` | {assignment.bucket_of(salt, unit)} |"


def _section(key: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"\n## `{key}`\n"
    yield f"{(model.__doc__ or '').strip().splitlines()[0]}\n"
    yield from _table(model, key)
    for name, info in model.model_fields.items():
        inner = _model(info.annotation)
        if inner is not None:
            yield from _section(f"{key}.{name}", inner)
        if _holds_models(info.default):
            yield from _named(info.default)


def _table(model: type[BaseModel], key: str) -> Iterator[str]:
    yield "| key | default | what it is |"
    yield "|---|---|---|"
    for name, info in model.model_fields.items():
        yield f"| `{info.alias or name}` | {_default(info)} | {info.description} |"


def _named(models: dict[str, BaseModel]) -> Iterator[str]:
    """Tell models that are there by default, a row each, with the fields in which they differ."""
    rows = {name: model.model_dump(exclude_defaults=True) for name, model in models.items()}
    fields = list(dict.fromkeys(field for row in rows.values() for field in row))
    yield "\nBy default:\n"
    yield f"| | {' | '.join(f'`{field}`' for field in fields)} |"
    yield "|---" * (len(fields) + 1) + "|"
    for name, row in rows.items():
        told = (f"`{_yaml(row[field])}`" if field in row else "" for field in fields)
        yield f"| {name} | {' | '.join(told)} |"


def _holds_models(default: Any) -> bool:
    values = default.values() if isinstance(default, dict) else ()
    return any(isinstance(value, BaseModel) for value in values)


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    default: Any = info.default
    if default is PydanticUndefined or default is None:
        return ""
    if isinstance(default, BaseModel) or is_dataclass(default):
        return ""
    if _holds_models(default):
        return "see below"
    if isinstance(default, tuple):
        if not default or len(default) > 8 or isinstance(default[0], BaseModel):
            return "none" if not default else "see the code"
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default}`"


def _model(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Environment variables: where a process runs, never what it makes.\n"
    yield "| variable | what it is |"
    yield "|---|---|"
    for name, info in Settings.model_fields.items():
        variable = info.alias or f"TUNESMITH_{name.upper()}"
        yield f"| `{variable}` | {info.description} |"


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield from _command(main, "tunesmith")


def _command(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        max_content_width=100,
        terminal_width=100,
        help_option_names=main.context_settings["help_option_names"],
    )
    yield f"## `{name}`\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from _command(command.commands[inner], f"{name} {inner}")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pages().items():
        (FOLDER / file).write_text(text.rstrip() + "\n")
