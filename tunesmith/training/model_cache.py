"""A folder of models that were converted or downloaded once.

An entry is a folder whose `manifest.json` gives the size and sha256 of each file. It is made
under another name, its manifest last, and then renamed: it is there complete or not at all, and
of two processes that make the same one, the slower adopts the other's. A hit reads the manifest
and compares sizes; it neither hashes nor imports torch. What a killed process left under the
other name is deleted by the next one that makes the same entry.
"""

import json
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunesmith.canonical import file_digest

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 2

logger = logging.getLogger(__name__)


def obtain(
    entry: Path, identity: Mapping[str, str], make: Callable[[Path], None]
) -> dict[str, str]:
    """Return the sha256 of each file of an entry, making it unless it is there and whole.

    Args:
        entry: Folder of the entry.
        identity: What the entry is; an entry of another identity does not count.
        make: Writes the files to the folder it is given.
    """
    wanted = {"format": MANIFEST_FORMAT, **identity}
    if entry.is_dir():
        files, damage = _read_manifest(entry, wanted)
        if not damage:
            return files
        logger.warning("%s: %s; making it again", entry, damage)
        _remove(entry)
    entry.parent.mkdir(parents=True, exist_ok=True)
    _sweep(entry)
    parts = Path(tempfile.mkdtemp(prefix=_prefix(entry) + f"{os.getpid()}-", dir=entry.parent))
    try:
        make(parts)
        files = _write_manifest(parts, wanted)
        try:
            parts.rename(entry)
        except OSError:
            other, damage = _read_manifest(entry, wanted)
            if damage:
                raise  # not a neighbour that was quicker
            files = other
    finally:
        shutil.rmtree(parts, ignore_errors=True)
    return files


def _write_manifest(parts: Path, wanted: Mapping[str, Any]) -> dict[str, str]:
    files = {
        path.name: {"size": path.stat().st_size, "sha256": file_digest(path)}
        for path in sorted(parts.iterdir())
    }
    text = json.dumps({**wanted, "files": files}, indent=1)
    (parts / MANIFEST).write_text(text, encoding="utf-8")
    return {name: str(fact["sha256"]) for name, fact in files.items()}


def _read_manifest(entry: Path, wanted: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return the sha256 of each file, and what is wrong with the entry ('' if nothing is)."""
    try:
        manifest = json.loads((entry / MANIFEST).read_bytes())
        if any(manifest[field] != value for field, value in wanted.items()):
            return {}, f"{MANIFEST} is that of another version, or of another model"
        files = {name: (fact["size"], fact["sha256"]) for name, fact in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, f"{MANIFEST} is missing or damaged"
    for name, (size, _) in files.items():
        try:
            found = (entry / name).stat().st_size
        except FileNotFoundError:
            return {}, f"{name} is missing"
        if found != size:
            return {}, f"{name} has {found} bytes instead of {size}"
    return {name: sha256 for name, (_, sha256) in files.items()}, ""


def _remove(entry: Path) -> None:
    """Take an entry out of sight in one step, then delete it."""
    aside = Path(tempfile.mkdtemp(prefix=_prefix(entry) + f"{os.getpid()}-", dir=entry.parent))
    try:
        entry.rename(aside / entry.name)
    except FileNotFoundError:
        pass  # another process was quicker
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _prefix(entry: Path) -> str:
    return f"{entry.name}.part-{socket.gethostname()}-"


def _sweep(entry: Path) -> None:
    """Delete what processes of this machine left behind when they were killed."""
    mine = _prefix(entry)
    for parts in entry.parent.glob(f"{mine}*"):
        pid = int(parts.name.removeprefix(mine).partition("-")[0])
        if not _alive(pid):
            shutil.rmtree(parts, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
