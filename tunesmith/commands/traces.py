"""What a row left outside the store's rows: models, MLflow runs, reports, files on their way.

The store, reports under HOME and their copies in MLflow are cleaned from here. Of the rest a person
is told: weights do not forget, and other copies belong to whoever made them.
"""

import contextlib
import getpass
import os
import socket
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.commands.forgetting import Found
from tunesmith.commands.upkeep import refs_in, storages
from tunesmith.errors import Transient
from tunesmith.reporting.tracking import PREFIX
from tunesmith.settings import Settings
from tunesmith.store import Store
from tunesmith.store.files import TEMPORARY

if TYPE_CHECKING:
    from tunesmith.reporting.tracking import Tracker

_PAGE = 1000
_REPORT = "report.html"


class Copy(NamedTuple):
    """A report in MLflow."""

    run: str
    """Its run's id."""
    url: str
    """Where a person sees the run."""
    place: str
    """The artifact folder that it is in."""
    read: bool = True
    """Whether it was read and shows the row; else it may."""


class Traces(NamedTuple):
    """What is beside the store's rows."""

    adapters: dict[str, str]
    """When each adapter that was trained on the row was made, by its digest."""
    versions: tuple[str, ...]
    """Registered versions of these adapters."""
    copies: tuple[Copy, ...]
    """Copies of reports in MLflow that show the row, or could not be read."""
    silent: str
    """Why MLflow could not be asked; empty where it answered."""
    reports: tuple[Path, ...]
    """Reports on this machine that show the row."""
    temporary: int
    """Files on their way to their names, or left there by a writer that died."""


def trace(settings: Settings, store: Store, found: Found) -> Traces:
    """Find what a row left outside the store's rows; changes nothing."""
    adapters = _adapters(store, found.made_from)
    versions, copies, silent = _mlflow(settings, found, adapters)
    return Traces(
        adapters=adapters,
        versions=versions,
        copies=copies,
        silent=silent,
        reports=tuple(_reports(settings.home / "reports", found.asked)),
        temporary=sum(len(storage.sizes(TEMPORARY)) for storage in storages(store)),
    )


def _adapters(store: Store, held: Collection[str]) -> dict[str, str]:
    """Follow the records from the rows to the adapters that were trained on them."""
    found = {}
    for record in store.all_records():
        read = {f"{ref['kind']}/{ref['digest']}" for ref in refs_in(record.get("refs"))}
        if record["output"]["kind"] == "adapter" and read & set(held):
            found[str(record["output"]["digest"])] = str(record["created"])
    return found


def _reports(folder: Path, asked: str) -> Iterator[Path]:
    for path in sorted(folder.glob("*.html")):
        if asked in path.read_text("utf-8", "replace"):
            yield path


def _mlflow(
    settings: Settings, found: Found, adapters: Collection[str]
) -> tuple[tuple[str, ...], tuple[Copy, ...], str]:
    """Ask MLflow for versions and copied reports; return them, or why it did not answer."""
    url = settings.mlflow
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return (), (), ""  # nothing was ever tracked; asking would make an empty database
    from tunesmith.retrains import open_tracker

    try:
        tracker = open_tracker(settings)
        return tuple(_versions(tracker, adapters)), tuple(_copies(tracker, found)), ""
    except _failures() as error:
        return (), (), f"{url}: {_first_line(error)}"


def _failures() -> tuple[type[Exception], ...]:
    """Return what MLflow raises when it, or where its files are, does not answer."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, requests.RequestException, SQLAlchemyError, Transient, OSError)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _versions(tracker: "Tracker", adapters: Collection[str]) -> Iterator[str]:
    def page(token: str | None) -> Any:
        return tracker.client.search_model_versions(max_results=_PAGE, page_token=token)

    for version in _pages(page):
        tag = version.tags.get(f"{PREFIX}adapter", "")
        if any(digest in tag for digest in adapters):
            yield f"{version.name} version {version.version}"


def _copies(tracker: "Tracker", found: Found) -> Iterator[Copy]:
    """Find the reports that show the row, in deleted runs as well: MLflow keeps their files."""
    from mlflow.entities import ViewType

    every = ViewType.ALL
    experiments = [one.experiment_id for one in tracker.client.search_experiments(every)]

    def page(token: str | None) -> Any:
        return tracker.client.search_runs(
            experiments, run_view_type=every, max_results=_PAGE, page_token=token
        )

    for run in _pages(page) if experiments else ():
        tags = run.data.tags.items()
        made = {value for key, value in tags if key.startswith(f"{PREFIX}artifact.")}
        if made & found.held.keys():
            yield from _copy(tracker, run.info, found.asked)


def _copy(tracker: "Tracker", run: Any, asked: str) -> Iterator[Copy]:
    """Yield the report of a run if it shows the row, or cannot be read."""
    copy = Copy(run.run_id, tracker.run_url(run.run_id), run.artifact_uri)
    try:
        names = {file.path for file in tracker.client.list_artifacts(run.run_id)}
        if _REPORT not in names:
            return
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        with tempfile.TemporaryDirectory() as folder:
            path = tracker.client.download_artifacts(run.run_id, _REPORT, folder)
            if asked in Path(path).read_text("utf-8", "replace"):
                yield copy
    except _failures():
        yield copy._replace(read=False)


def _pages(page: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        found = page(token)
        yield from found
        token = found.token
        if not token:
            return


def described(found: Found, traces: Traces) -> str:
    """Say where a row is, what goes, and what a person must see to."""
    return "\n".join([*_inside(found, traces), *_left_to_people(found, traces)])


def _inside(found: Found, traces: Traces) -> Iterator[str]:
    yield f"row {found.asked} is in:"
    for name, held in sorted(found.held.items()):
        kind, digest = name.split("/")
        rows = sum(held.shards.values()) + len(held.strays)
        counts = [f"{rows} to forget"] if rows else []
        counts += [f"{held.forgotten} forgotten"] if held.forgotten else []
        yield f"  {kind} {digest[:12]}: {', '.join(counts)}"
    yield from _list("unfinished work that may have read it; goes too", found.work)
    yield from _list("reports that show it; go too", map(str, traces.reports))
    yield from _list(
        f"MLflow runs whose {_REPORT} shows it; that file goes too",
        [copy.url for copy in traces.copies if copy.read],
    )


def _left_to_people(found: Found, traces: Traces) -> Iterator[str]:
    yield from _list(
        "source lines to mend or take out, or the next ingest of a changed file reads it again",
        found.lines,
    )
    yield from _list(
        "other rows made of these lines, such as pieces; forget each that says the same",
        [f"{row} ({source})" for row, source in sorted(found.relatives.items())],
    )
    adapters = [f"adapter {digest[:12]}, made {when}" for digest, when in traces.adapters.items()]
    yield from _list(
        "models that were trained on it and still know it; train anew, or retire them",
        [*adapters, *traces.versions],
    )
    yield from _list(
        f"MLflow runs whose {_REPORT} could not be read, and may show it",
        [copy.url for copy in traces.copies if not copy.read],
    )
    if traces.silent:
        yield f"MLflow did not answer, so its runs and versions are not known: {traces.silent}"
    yield from _list(
        "files that could not be read, and may hold it; see `tunesmith doctor`", found.unreadable
    )
    if traces.temporary:
        yield (
            f"{traces.temporary} temporary files in the store, of a writer at work or one that "
            "died: once nothing runs, `tunesmith gc --older-than 0 --delete`"
        )
    yield (
        "not reached from here: backups, exported folders, quarantine files, and other machines' "
        "copies of a store elsewhere (run the same there)"
    )


def _list(head: str, items: Iterable[str]) -> Iterator[str]:
    shown = list(items)
    if shown:
        yield f"{head}:"
        yield from (f"  {item}" for item in shown)


def remove_reports(settings: Settings, traces: Traces) -> list[str]:
    """Delete the reports that show the row; their figures stay in the store and in MLflow.

    Returns:
        What of it could not be deleted.
    """
    for path in traces.reports:
        path.unlink(missing_ok=True)
    copies = [copy for copy in traces.copies if copy.read]
    return [
        f"{copy.url}: {_REPORT} could not be deleted ({why}); delete it in {copy.place}"
        for copy in copies
        if (why := _delete(settings.mlflow, copy))
    ]


def _delete(url: str, copy: Copy) -> str:
    """Delete a report in MLflow; return why it could not be, empty if it is gone."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    try:
        files = get_artifact_repository(copy.place, tracking_uri=url)
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            files.delete_artifacts(_REPORT)
        left = any(file.path == _REPORT for file in files.list_artifacts())
    except _failures() as error:
        return _first_line(error)
    return "its storage does not delete" if left else ""


def forgetter() -> str:
    """Return who forgets, as `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
