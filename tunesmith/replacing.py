"""Writing a file so that whoever reads it sees the old one or the new one, whole."""

import os
import uuid
from pathlib import Path

from tunesmith.errors import InputError


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, and its folder if there is none; a kill leaves what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_out(path: Path, content: bytes) -> None:
    """Write a file where a person wants it.

    Raises:
        InputError: it cannot be written there.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}; expected a file") from error
