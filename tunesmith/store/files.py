"""Files that are created once: on a local disk, or in any object store that fsspec knows.

Object stores have no rename, and two writers may meet, so everything rests on one operation:
`create` makes a whole file appear at once, or reports that one is already there.
"""

import contextlib
import hashlib
import os
import re
import socket
import uuid
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tunesmith.canonical import file_digest
from tunesmith.errors import RecipeError, Transient
from tunesmith.processes import alive, started

TEMPORARY = "tmp"
"""Folder of files on their way to their names; what a killed writer leaves there is garbage."""
_OWNED = re.compile(r"(?P<host>[0-9a-f]{8})-(?P<pid>\d{1,10})-(?P<started>\d{1,12})-[0-9a-f]{32}")


class Storage(Protocol):
    """Files by relative path under one root."""

    local: Path | None
    """The root on this machine, or None when files must be fetched to be read."""

    def create(self, path: str, content: bytes | Path) -> bool:
        """Make the file appear whole; False, and nothing changed, when it is there already."""

    def replace(self, path: str, content: bytes | Path) -> None:
        """Make or exchange a file, whole; only for unfinished work, never for artifacts."""

    def read(self, path: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            FileNotFoundError: when there is none.
        """

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file, in hexadecimal, without holding the file in memory."""

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file to this machine."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of every file below a folder, by path relative to it."""

    def modified(self, path: str) -> float:
        """Return when a file was written, in seconds since 1970."""

    def delete(self, path: str) -> None:
        """Remove a file or a folder, if it is there."""


class LocalStorage:
    """Files under a folder of this machine; private to its user (folders 0700, files 0600)."""

    def __init__(self, root: Path) -> None:
        self.local: Path | None = root
        self._root = root

    def create(self, path: str, content: bytes | Path) -> bool:
        """Link a complete, synced temporary file to its name: atomic, and fails if taken."""
        target = self._root / path
        if target.exists():
            return False
        with self._whole(target, content) as whole:
            try:
                os.link(whole, target)
            except FileExistsError:
                return False
        return True

    def replace(self, path: str, content: bytes | Path) -> None:
        """Rename a complete temporary file over the name."""
        target = self._root / path
        with self._whole(target, content) as whole:
            whole.replace(target)

    @contextlib.contextmanager
    def _whole(self, target: Path, content: bytes | Path) -> Iterator[Path]:
        private_folder(target.parent)
        private_folder(self._root / TEMPORARY)
        whole = self._root / TEMPORARY / owned_name()
        try:
            if isinstance(content, bytes):
                whole.touch(mode=0o600)
                whole.write_bytes(content)
            else:
                try:  # a file in our own scratch folder on the same disk is moved, not copied
                    os.link(content, whole)
                    whole.chmod(0o600)
                except OSError:
                    _copy(content, whole)
            with whole.open("rb") as file:
                os.fsync(file.fileno())
            yield whole
        finally:
            whole.unlink(missing_ok=True)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        return (self._root / path).read_bytes()

    def sha256(self, path: str) -> str:
        """Return the sha256 of a file."""
        return file_digest(self._root / path)

    def fetch(self, path: str, target: Path) -> None:
        """Copy a file."""
        private_folder(target.parent)
        _copy(self._root / path, target)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return sizes by path."""
        root = self._root / folder
        found = {}
        for parent, _, names in os.walk(root):
            for name in names:
                path = Path(parent, name)
                with contextlib.suppress(FileNotFoundError):  # deleted while we looked
                    found[path.relative_to(root).as_posix()] = path.stat().st_size
        return found

    def modified(self, path: str) -> float:
        """Return a file's modification time."""
        return (self._root / path).stat().st_mtime

    def delete(self, path: str) -> None:
        """Remove a file or a folder, deepest first."""
        target = self._root / path
        if target.is_dir():
            for parent, folders, names in os.walk(target, topdown=False):
                for name in names:
                    Path(parent, name).unlink(missing_ok=True)
                for name in folders:
                    with contextlib.suppress(OSError):  # another writer has just put a file in it
                        Path(parent, name).rmdir()
            with contextlib.suppress(OSError):
                target.rmdir()
        else:
            target.unlink(missing_ok=True)


def owned_name() -> str:
    """Return a new name for something temporary, which says what process it belongs to."""
    return f"{_owner(os.getpid())}{uuid.uuid4().hex}"


def owner_lives(name: str) -> bool | None:
    """Whether the process that a temporary name belongs to still runs; None if nobody here knows.

    That is so for one of another machine, and where a process with this id began at another time:
    it may be a later one, or the clock was set anew.
    """
    match = _OWNED.fullmatch(name)
    if match is None or match["host"] != _host():
        return None
    pid = int(match["pid"])
    if alive(pid, float(match["started"])):
        return True
    return False if started(pid) is None else None


@lru_cache(maxsize=8)
def _owner(pid: int) -> str:
    begun = started(pid)
    return "" if begun is None else f"{_host()}-{pid}-{int(begun)}-"


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)


def _copy(source: Path, target: Path) -> None:
    import shutil

    shutil.copyfile(source, target)
    target.chmod(0o600)


class ObjectStorage:
    """Files in an object store; `create` is a conditional put (`If-None-Match: *`)."""

    def __init__(self, url: str) -> None:
        import fsspec

        self.local: Path | None = None
        try:
            self._fs: Any
            self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise RecipeError(f"store {url!r} cannot be opened: {error}") from error

    def create(self, path: str, content: bytes | Path) -> bool:
        """Put the object unless its name is taken."""
        with _outside(f"writing {path}"):
            try:
                self._put(path, content, "create")
            except FileExistsError:
                return False
            except OSError as error:
                if _code(error) == "PreconditionFailed":  # of stores that do not say which
                    return False
                raise
        return True

    def replace(self, path: str, content: bytes | Path) -> None:
        """Put the object over what is there."""
        with _outside(f"writing {path}"):
            self._put(path, content, "overwrite")

    def _put(self, path: str, content: bytes | Path, mode: str) -> None:
        if isinstance(content, bytes):
            self._fs.pipe_file(self._at(path), content, mode=mode)
        else:
            self._fs.put_file(str(content), self._at(path), mode=mode)

    def read(self, path: str) -> bytes:
        """Return the bytes of an object."""
        with _outside(f"reading {path}"):
            return bytes(self._fs.cat_file(self._at(path)))

    def sha256(self, path: str) -> str:
        """Return the sha256 of an object, read piece by piece."""
        hashed = hashlib.sha256()
        with _outside(f"reading {path}"), self._fs.open(self._at(path), "rb") as file:
            while piece := file.read(1 << 22):
                hashed.update(piece)
        return hashed.hexdigest()

    def fetch(self, path: str, target: Path) -> None:
        """Download an object; a broken download leaves no file under the target's name."""
        private_folder(target.parent)
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with _outside(f"reading {path}"):
                self._fs.get_file(self._at(path), str(part))
            part.chmod(0o600)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def sizes(self, folder: str) -> dict[str, int]:
        """Return sizes by path relative to the folder."""
        root = self._at(folder)
        with _outside(f"listing {folder}"):
            found = self._fs.find(root, detail=True)
        return {name[len(root) + 1 :]: int(info["size"]) for name, info in found.items()}

    def modified(self, path: str) -> float:
        """Return an object's modification time."""
        with _outside(f"reading {path}"):
            return float(self._fs.modified(self._at(path)).timestamp())

    def delete(self, path: str) -> None:
        """Remove an object, or all below a prefix."""
        with _outside(f"deleting {path}"), contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._at(path), recursive=True)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"


@contextlib.contextmanager
def _outside(doing: str) -> Iterator[None]:
    """Tell the object store's own failures from ours, so that only they are retried."""
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError as error:
        if _code(error) != "NoSuchBucket":
            raise
        raise RecipeError(f"{doing}: {error}. Make the bucket, or set TUNESMITH_STORE") from error
    except _failures() as error:
        if isinstance(error, PermissionError) or "Credentials" in type(error).__name__:
            raise RecipeError(f"{doing}: the object store refuses: {error}") from error
        raise Transient(f"{doing}: {error}") from error


def _code(error: Exception) -> str:
    """Return the object store's own name of an error, if it gave one."""
    response: dict[str, Any] = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _failures() -> tuple[type[Exception], ...]:
    """Return what clients of object stores raise; S3's has errors of its own where none answers."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return (OSError,)
    return OSError, BotoCoreError


def open_storage(url: str) -> Storage:
    """Return the storage at a local path or at an fsspec URL such as `s3://bucket/folder`."""
    parts = urlsplit(url)
    if len(parts.scheme) > 1 and parts.scheme != "file":
        return ObjectStorage(url)
    return LocalStorage(Path(parts.path if parts.scheme == "file" else url).absolute())
