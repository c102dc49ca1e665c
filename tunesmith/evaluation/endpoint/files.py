"""An endpoint from a file of its own, such as the one that `tunesmith evaluate --model` takes.

base_url: https://host/v1
model: small-1
key: HOST_KEY            # name of the environment variable that holds the key
prices: {input: 0.5, output: 1.5}
"""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from tunesmith.errors import RecipeError
from tunesmith.evaluation.endpoint.params import EndpointParams

M = TypeVar("M", bound=BaseModel)

MAX_BYTES = 1 << 20


def load_endpoint(path: Path) -> EndpointParams:
    """Read an endpoint.

    Raises:
        RecipeError: the file is missing or describes none; the message lists everything.
    """
    return checked(path, "endpoint", EndpointParams, read_yaml(path, "endpoint"))


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a small YAML file of keys and values.

    Raises:
        RecipeError: it cannot be read, or is something else.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{what} {path}: larger than {MAX_BYTES >> 20} MiB; is this one?")
        found = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{what} {path}: no such file") from None
    except OSError as error:
        raise RecipeError(f"{what} {path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, RecursionError):
        raise RecipeError(f"{what} {path}: cannot be read: expected YAML in UTF-8") from None
    except yaml.YAMLError as error:
        # The message of the parser quotes the line, which may hold a key.
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{what} {path}{at}: not YAML") from None
    if not isinstance(found, dict):
        raise RecipeError(f"{what} {path}: expected keys and values, such as base_url and model")
    return found


def checked(path: Path, what: str, model: type[M], raw: dict[str, Any]) -> M:
    """Return what a file describes.

    Raises:
        RecipeError: something is wrong; the message lists everything, and quotes no value, which
            may be a key.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or what}: "
            f"{item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise RecipeError(f"{what} {path}: {wrong}") from None
