"""Where source files are: below the recipe's folder, or at a URL that fsspec knows."""

import contextlib
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from tunesmith.data.readers.kinds import kind_of
from tunesmith.errors import InputError, Transient

_SAVED = "state.json"
_SAVED_SPLITS = "dataset_dict.json"
_TRAIN = re.compile(r"(?:^|[^a-z])train(?:ing)?(?:[^a-z]|$)")
_HUB = "hf://datasets/"
_MAGIC = re.compile(r"[*?\[]")


def is_url(name: str) -> bool:
    """Whether a name or pattern is a URL such as `s3://bucket/rows.jsonl`."""
    return "://" in name


def find(pattern: str, root: Path) -> list[str]:
    """Return the names of the files that a path, glob or URL stands for.

    A folder stands for the files of the data set that `datasets` saved in it; a folder on the
    model hub, `hf://datasets/OWNER/NAME`, for the files of its train split.

    Raises:
        InputError: when there are none, or the pattern cannot be looked up.
        Transient: when an object store or the hub does not answer.
    """
    names = _find_url(pattern) if is_url(pattern) else _find_local(pattern, root)
    if not names:
        where = pattern if is_url(pattern) else root / pattern
        raise InputError(
            f"{where}: no such file, and no folder with a data set that `save_to_disk` wrote. "
            "Check the path in the recipe, which is looked up from the recipe's folder"
        )
    return names


def is_there(name: str, root: Path) -> bool:
    """Whether there is such a file; one that may not be seen is not there.

    Raises:
        InputError: when the name cannot be looked up.
        Transient: when an object store or the hub does not answer.
    """
    if not is_url(name):
        try:
            return (root / name).is_file()
        except OSError:  # a name that is too long for any file
            return False
    files, path = _filesystem(name)
    with reading(name):
        try:
            return _type(files, path) == "file"
        except PermissionError:  # what S3 says of a missing object to whoever may not list
            return False


@contextlib.contextmanager
def open_place(name: str, root: str) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes.

    Raises:
        InputError: when it cannot be read.
        Transient: when an object store or the hub does not answer.
    """
    with reading(name):
        if is_url(name):
            files, path = _filesystem(name)
            file: IO[bytes] = files.open(path, "rb")
        else:
            file = (Path(root) / name).open("rb")
    with file:
        yield file


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Tell what is wrong with a file from what is wrong with the outside world."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or 'no such file'}") from error
    except OSError as error:
        if not is_url(name):
            raise InputError(f"{name}: cannot be read: {error.strerror or error}") from error
        raise _outside(name, error) from error
    except _other_failures() as error:
        raise _outside(name, error) from error


def _outside(name: str, error: Exception) -> InputError | Transient:
    if _refused(error):
        return InputError(
            f"{name}: may not be read: {error}. Check the name and the credentials in the "
            "environment"
        )
    return Transient(f"{name}: cannot be read now: {error}")


def matches(name: str, pattern: str) -> bool:
    """Whether `find` finds a file of this name for this pattern.

    `*` stays within a folder and `**` stands for any folders or none, as in `Path.glob`; the
    standard library has no such test for a name before Python 3.13.
    """
    wanted, found = PurePosixPath(pattern), PurePosixPath(name)
    if found == wanted or _match(found.parts, wanted.parts):
        return True
    if _hub_folder(pattern):
        return found.is_relative_to(wanted)
    return found.suffix == ".arrow" and found.parent == wanted


def _match(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_match(names[skipped:], parts[1:]) for skipped in range(len(names)))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _match(names[1:], parts[1:])


# On this machine


def _find_local(pattern: str, root: Path) -> list[str]:
    try:
        if (root / pattern).is_file():
            return [PurePosixPath(pattern).as_posix()]
        if pattern and _is_saved(root / pattern):
            folder = PurePosixPath(pattern)
            texts = {
                name: (root / pattern / name).read_text("utf-8")
                for name in (_SAVED, _SAVED_SPLITS)
                if (root / pattern / name).is_file()
            }
            return [(folder / name).as_posix() for name in _saved_files(texts, pattern)]
        if Path(pattern).is_absolute():
            raise InputError(f"{pattern}: give a path relative to the recipe's folder {root}")
        found = [path for path in root.glob(pattern) if path.is_file()]
    except (ValueError, IndexError) as error:  # the latter for "."
        raise InputError(f"{pattern!r} is neither a path nor a glob: {error}") from error
    except OSError as error:
        raise InputError(f"{root / pattern}: cannot be read: {error.strerror}") from error
    return [path.relative_to(root).as_posix() for path in found]


def _is_saved(folder: Path) -> bool:
    return (folder / _SAVED).is_file() or (folder / _SAVED_SPLITS).is_file()


def _saved_files(texts: dict[str, str], pattern: str) -> list[str]:
    """Return the files of a saved data set, from the notes that `save_to_disk` left beside them."""
    try:
        if _SAVED not in texts:
            splits = json.loads(texts[_SAVED_SPLITS])["splits"]
            raise InputError(
                f"{pattern} holds several splits; name one: "
                f"{', '.join(f'{pattern}/{split}' for split in splits)}"
            )
        state = json.loads(texts[_SAVED])
        names = [str(part["filename"]) for part in state["_data_files"]]
        chosen = state.get("_indices_files") or state.get("_indices_data_files")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{pattern}/{_SAVED}: not what `save_to_disk` writes: {error!r}. Save it again"
        ) from error
    if chosen or not all(re.fullmatch(r"[^/\\]+\.arrow", name) for name in names):
        raise InputError(
            f"{pattern}/{_SAVED}: expected Arrow files in this folder, without indices. Save the "
            "data set again with a newer version of `datasets`"
        )
    return names


# Elsewhere


def _find_url(pattern: str) -> list[str]:
    files, path = _filesystem(pattern)
    with reading(pattern):
        if _MAGIC.search(path):
            found = files.glob(path, detail=True)
            names = [name for name, info in found.items() if info["type"] == "file"]
        elif _type(files, path) == "file":
            names = [path]
        elif _hub_folder(pattern):
            names = _train_files(files.find(path), pattern)
        else:
            texts = {
                name: files.cat_file(f"{path}/{name}").decode("utf-8", "replace")
                for name in (_SAVED, _SAVED_SPLITS)
                if _type(files, f"{path}/{name}") == "file"
            }
            names = [f"{path}/{name}" for name in _saved_files(texts, pattern)] if texts else []
        return [str(files.unstrip_protocol(name)) for name in names]


def _type(files: Any, path: str) -> str | None:
    """Return what is there; `isfile` would call a place that does not answer empty."""
    try:
        return str(files.info(path)["type"])
    except FileNotFoundError:
        return None


def _hub_folder(pattern: str) -> bool:
    return pattern.startswith(_HUB) and not _MAGIC.search(pattern)


def _train_files(found: list[str], pattern: str) -> list[str]:
    """Choose the files of the train split; where none is named so, all that hold rows."""
    rows = [
        name for name in found if kind_of(name) and not name.endswith(("info.json", "infos.json"))
    ]
    depth = len(pattern.removeprefix(_HUB).rstrip("/").split("/"))
    tails = {name: "/".join(name.split("/")[depth + 1 :]).lower() for name in rows}
    chosen = [name for name in rows if _TRAIN.search(tails[name])] or rows
    folders = sorted({str(PurePosixPath(name).parent) for name in chosen})
    if len(folders) > 1:
        raise InputError(
            f"{pattern}: the hub has rows in several folders; name one, such as "
            f"{', '.join(f'hf://{folder}' for folder in folders[:5])}"
        )
    return chosen


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    if "::" in url or "@" in urlsplit(url).netloc:
        raise InputError(
            f"{url.split('://')[0]}://…: expected one plain URL without a user or password; "
            "credentials belong in the environment"
        )
    try:
        files, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise InputError(f"{url}: cannot be opened: {error}") from error
    return files, str(path)


def _refused(error: Exception) -> bool:
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, PermissionError | OfflineModeIsEnabled):
        return True
    status = getattr(getattr(error, "response", None), "status_code", None)
    return "Credentials" in type(error).__name__ or status in (401, 403, 404)


def _other_failures() -> tuple[type[Exception], ...]:
    """Return what clients raise where the other side fails, and that is no `OSError`."""
    import httpx2  # what huggingface_hub talks with, and whose errors it lets through

    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return (httpx2.HTTPError,)
    return httpx2.HTTPError, BotoCoreError
