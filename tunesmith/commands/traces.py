"""What a row left outside the store's rows: models, MLflow runs, reports, files on their way.

Only reports under HOME and the store itself can be cleaned from here. Of the rest a person is told:
weights do not forget, and copies belong to whoever made them.
"""

import getpass
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tunesmith.commands.forgetting import Found
from tunesmith.commands.upkeep import refs_in
from tunesmith.reporting.tracking import PREFIX
from tunesmith.settings import Settings
from tunesmith.store import Store
from tunesmith.store.files import TEMPORARY

if TYPE_CHECKING:
    from tunesmith.reporting.tracking import Tracker

_PAGE = 1000


class Traces(NamedTuple):
    """What is beside the store's rows."""

    adapters: dict[str, str]
    """When each adapter that was trained on the row was made, by its digest."""
    versions: tuple[str, ...]
    """Registered versions of these adapters."""
    runs: tuple[str, ...]
    """MLflow runs whose copied report may show the row."""
    silent: str
    """Why MLflow could not be asked; empty where it answered."""
    reports: tuple[Path, ...]
    """Reports on this machine that show the row."""
    temporary: int
    """Files on their way to their names, or left there by a writer that died."""


def trace(settings: Settings, store: Store, found: Found) -> Traces:
    """Find what a row left outside the store's rows; changes nothing."""
    adapters = _adapters(store, found.made_from)
    versions, runs, silent = _mlflow(settings, frozenset(found.held), adapters)
    return Traces(
        adapters=adapters,
        versions=versions,
        runs=runs,
        silent=silent,
        reports=tuple(_reports(settings.home / "reports", found.asked)),
        temporary=len(store.storage.sizes(TEMPORARY)),
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
    settings: Settings, held: Collection[str], adapters: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Ask MLflow for versions and runs; return them, or why it did not answer."""
    url = settings.mlflow
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return (), (), ""  # nothing was ever tracked; asking would make an empty database
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from tunesmith.retrains import open_tracker

    try:
        tracker = open_tracker(settings)
        return tuple(_versions(tracker, adapters)), tuple(_runs(tracker, held)), ""
    except (MlflowException, requests.RequestException, SQLAlchemyError) as error:
        return (), (), f"{url}: {str(error).splitlines()[0]}"


def _versions(tracker: "Tracker", adapters: Collection[str]) -> Iterator[str]:
    def page(token: str | None) -> Any:
        return tracker.client.search_model_versions(max_results=_PAGE, page_token=token)

    for version in _pages(page):
        tag = version.tags.get(f"{PREFIX}adapter", "")
        if any(digest in tag for digest in adapters):
            yield f"{version.name} version {version.version}"


def _runs(tracker: "Tracker", held: Collection[str]) -> Iterator[str]:
    experiments = [found.experiment_id for found in tracker.client.search_experiments()]

    def page(token: str | None) -> Any:
        return tracker.client.search_runs(experiments, max_results=_PAGE, page_token=token)

    for run in _pages(page) if experiments else ():
        made = {
            value for key, value in run.data.tags.items() if key.startswith(f"{PREFIX}artifact.")
        }
        if made & set(held):
            yield tracker.run_url(run.info.run_id)


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
        "MLflow runs with a copy of a report that may show it; delete report.html there",
        traces.runs,
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


def remove_reports(traces: Traces) -> None:
    """Delete the reports that show the row; their figures stay in the store and in MLflow."""
    for path in traces.reports:
        path.unlink(missing_ok=True)


def forgetter() -> str:
    """Return who forgets, as `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
