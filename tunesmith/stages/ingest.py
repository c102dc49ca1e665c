"""Read examples from files of any kind and shape.

Reads source files, writes `Examples` in the order of files and rows. What is no example becomes a
dropped row with file, line and reason; too many of them stop the run, because a data set that is
half unreadable is not the data set anybody meant.

The shape of each source (chat messages, Alpaca, …) is told from its first rows, stated in the
record, and holds for all of it. Rows that a model wrote are dropped unless somebody reviewed
them: a row's own word for its origin counts only where it is the less trusted one.

Rows that `tunesmith export` wrote, with their provenance beside them, become what they were.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tunesmith.artifacts import Examples, Files
from tunesmith.data.parsing import READING_PROBLEMS, Reading, read_item, reading_of
from tunesmith.data.readers import read_named
from tunesmith.data.readers.items import Item, item_size
from tunesmith.data.readers.paired import row_files
from tunesmith.data.readers.places import matches
from tunesmith.data.shapes import FIELDS, ShapeName, stated
from tunesmith.engine import batched
from tunesmith.errors import InputError
from tunesmith.records import Dropped, Example, Origin
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import BATCH_ROWS, BATCH_SIZE, Draft

__all__ = ["READING_PROBLEMS", "STAGE", "Columns", "IngestParams", "SourceParams", "ingest"]

SHOWN = 5
"""How many bad rows a message quotes."""

Key = Annotated[str, StringConstraints(min_length=1)]


def _known(columns: dict[str, str]) -> dict[str, str]:
    unknown = sorted(columns.keys() - FIELDS)
    if unknown:
        raise ValueError(
            f"{unknown[0]!r} is no field of a shape; expected {', '.join(sorted(FIELDS))}"
        )
    return columns


Columns = Annotated[dict[str, Key], AfterValidator(_known)]
"""Keys of rows by field."""


class SourceParams(Params):
    """Where examples come from."""

    path: str = Field(
        description=(
            "File or glob, looked up from the recipe's folder; a URL such as "
            "s3://bucket/rows-*.jsonl.gz; a folder that `datasets` saved; or "
            "hf://datasets/OWNER/NAME for the train split of a data set on the hub. JSON lines, "
            "JSON, CSV, TSV, Parquet and Arrow, each also as .gz, .bz2, .xz or .zst."
        )
    )
    origin: Origin = Field(
        description=(
            "Who wrote the answers: people for this purpose, people in production, or a model. "
            "Rows of a model are dropped unless they name who reviewed them."
        )
    )
    shape: ShapeName | None = Field(
        None, description="Shape of the rows; without it, told from the first of them."
    )
    columns: Columns = Field(
        default_factory=dict,
        description=(
            "Keys of the rows by field, where they are not called like it, such as "
            "{prompt: question, completion: answer}; also for origin, reviewed_by, reviewed_at "
            "and written (usually created_at)."
        ),
    )


class IngestParams(Params):
    """What is read, and how much of it may be unreadable."""

    sources: tuple[SourceParams, ...] = Field(min_length=1, description="Where examples come from.")
    group_by: str | None = Field(
        None,
        description=(
            "Extra key of a row that names its group, such as a conversation or customer; rows "
            "of one group stay on one side of the split. Without it, rows with the same prompt "
            "are a group."
        ),
    )
    bad_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description=(
            "Share of rows that may be unreadable before the run stops. At 0 every row must "
            "become an example, also one that would be dropped for a secret."
        ),
    )


@dataclass(frozen=True)
class Parse:
    """Makes rows of items, each read as its source is: the work on one batch."""

    readings: tuple[Reading, ...]

    def __call__(self, batch: list[tuple[int, Item]]) -> list[Example | Dropped]:
        """Return a row for each item; a number says which reading is its."""
        return [read_item(item, self.readings[index]) for index, item in batch]


def ingest(params: IngestParams, files: Files) -> Iterator[Example | Dropped]:
    """Turn every item into an example or a drop.

    Raises:
        InputError: when more than `bad_share` of the rows cannot be read, a file is damaged, or a
            source's shape cannot be told.
        Transient: when an object store or the hub does not answer.
    """
    seen = Tally(params, files)
    for row in read(params, files):
        seen.add(row)
        yield row
    seen.check()


def read(params: IngestParams, files: Files) -> Iterator[Example | Dropped]:
    """Turn every item into an example or a drop, however many are bad; see `ingest`."""
    names = _by_source(params, files)
    readings = _readings(params, files, names)
    for index, item in _items(files, names):
        yield read_item(item, readings[index])


class Tally:
    """Counts rows as they are read, and refuses them at the end where too many are bad."""

    def __init__(self, params: IngestParams, files: Files) -> None:
        self._params, self._files = params, files
        self._kept = 0
        self._first: list[Dropped] = []
        self.dropped: Counter[str] = Counter()

    def add(self, row: Example | Dropped) -> None:
        """Count a row."""
        if not isinstance(row, Dropped):
            self._kept += 1
            return
        self.dropped[row.reason] += 1
        if len(self._first) < SHOWN and _is_bad(self._params, row.reason):
            self._first.append(row)

    def check(self) -> None:
        """Raise an `InputError` where the rows are not what anybody meant; see `ingest`."""
        _check(self._params, self._files, self._kept, self.dropped, self._first)


def _by_source(params: IngestParams, files: Files) -> dict[str, int]:
    """Return the number of each file's source, the first that finds it."""
    found = {}
    for name in row_files(files.names):
        for index, source in enumerate(params.sources):
            if matches(name, source.path):
                found[name] = index
                break
        else:
            raise InputError(f"{name}: belongs to no source of the recipe")
    return found


def _readings(params: IngestParams, files: Files, names: Mapping[str, int]) -> tuple[Reading, ...]:
    """Return how each source is read; its shape is told from its first rows."""
    readings = []
    for index, source in enumerate(params.sources):
        own = {name for name, found in names.items() if found == index}
        readings.append(
            reading_of(
                (item for _, item in read_named(files, own)),
                source.origin,
                source.path,
                group_by=params.group_by,
                shape=source.shape,
                columns=source.columns,
            )
        )
    return tuple(readings)


def _items(files: Files, names: Mapping[str, int]) -> Iterator[tuple[int, Item]]:
    for name, item in read_named(files, names):
        yield names[name], item


def _is_bad(params: IngestParams, reason: str) -> bool:
    return params.bad_share == 0 or reason in READING_PROBLEMS


def _check(
    params: IngestParams, files: Files, kept: int, counts: Counter[str], found: Iterable[Dropped]
) -> None:
    """Refuse files that are not what anybody meant; `found` gives their bad rows."""
    total = kept + counts.total()
    bad = sum(count for reason, count in counts.items() if _is_bad(params, reason))
    if total == 0:
        raise InputError(f"{', '.join(files.names)}: no rows at all; expected examples")
    if bad > params.bad_share * total:
        shown = "\n".join(
            f"  {row.source}: {row.reason}: {row.detail}" for row in islice(found, SHOWN)
        )
        if params.bad_share == 0:
            raise InputError(
                f"{bad} of {total} rows ({bad / total:.0%}) cannot be used, and here every row "
                f"must be:\n{shown}\nMend these rows, or take them out"
            )
        raise InputError(
            f"{bad} of {total} rows ({bad / total:.0%}) cannot be read, more than the "
            f"{params.bad_share:.0%} that ingest.bad_share allows:\n{shown}\n"
            "Mend the files, say their shape in the recipe, or raise ingest.bad_share"
        )
    if kept == 0 and counts["unreviewed_model_output"]:
        raise InputError(
            f"{', '.join(files.names)}: {counts['unreviewed_model_output']} of {total} rows were "
            "written by a model and reviewed by nobody, and none is left; expected the reviewer's "
            "name in the key reviewed_by, or in the one that columns.reviewed_by names"
        )


def _write(params: IngestParams, draft: Draft, files: Files) -> Examples:
    names = _by_source(params, files)
    readings = _readings(params, files, names)
    draft.notes["shapes"] = {
        source.path: stated(reading.shape, reading.columns, source.columns)
        for source, reading in zip(params.sources, readings, strict=True)
    }
    batches = batched(_items(files, names), BATCH_ROWS, BATCH_SIZE, lambda pair: item_size(pair[1]))
    made = draft.seal_made(batches, Parse(readings))
    bad = (row for row in draft.dropped(made) if _is_bad(params, row.reason))
    _check(params, files, made.rows, draft.drops, bad)
    return made


STAGE = Stage("ingest", version=3, produces=Examples, body=_write)
