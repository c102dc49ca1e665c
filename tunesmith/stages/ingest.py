"""Read chat examples from JSONL files.

Reads source files, writes `Examples` in file and line order. A line that is no example becomes a
dropped row with file, line and reason; too many of them stop the run, because a data set that is
half unreadable is not the data set anybody meant.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from tunesmith.artifacts import Examples, Files
from tunesmith.data.chat_lines import Reading, read_line
from tunesmith.data.source_files import lines, matches
from tunesmith.draft import Draft
from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Dropped
from tunesmith.stage import Params, Stage

READING_PROBLEMS = frozenset(
    {
        "too_long",
        "not_utf8",
        "bad_json",
        "duplicate_key",
        "wrong_shape",
        "empty_message",
        "no_answer",
    }
)


class SourceParams(Params):
    """Where examples come from."""

    path: str = Field(description="File or glob, looked up from the recipe's folder.")
    origin: Literal["human", "production"] = Field(
        description="Who wrote the answers: people for this purpose, or people in production."
    )


class IngestParams(Params):
    """What is read, and how much of it may be unreadable."""

    sources: tuple[SourceParams, ...] = Field(min_length=1, description="Where examples come from.")
    group_by: str | None = Field(
        None,
        description=(
            "Extra key of a line that names its group, such as a conversation or customer; rows "
            "of one group stay on one side of the split. Without it, rows with the same prompt "
            "are a group."
        ),
    )
    bad_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description=(
            "Share of lines that may be unreadable before the run stops. At 0 every line must "
            "become an example, also one that would be dropped for a secret."
        ),
    )


def ingest(params: IngestParams, files: Files) -> Iterator[ChatExample | Dropped]:
    """Turn every line into an example or a drop.

    Raises:
        InputError: when more than `bad_share` of the lines cannot be read.
    """
    readings = {name: Reading(_origin(params, name), params.group_by) for name in files.names}
    strict = params.bad_share == 0
    total, bad = 0, 0
    first: list[Dropped] = []
    for line in lines(files):
        total += 1
        row = read_line(line, readings[line.source.rsplit(":", 1)[0]])
        if isinstance(row, Dropped) and (strict or row.reason in READING_PROBLEMS):
            bad += 1
            if len(first) < 5:
                first.append(row)
        yield row
    if total == 0:
        raise InputError(f"{', '.join(files.names)}: no lines at all; expected chat examples")
    if bad > params.bad_share * total:
        shown = "\n".join(f"  {row.source}: {row.reason}: {row.detail}" for row in first)
        expected = 'Expected one {"messages": [{"role": …, "content": …}, …]} a line.'
        if strict:
            raise InputError(
                f"{bad} of {total} lines ({bad / total:.0%}) cannot be used, and here every line "
                f"must be:\n{shown}\n{expected} Mend these lines, or take them out"
            )
        raise InputError(
            f"{bad} of {total} lines ({bad / total:.0%}) cannot be read, more than the "
            f"{params.bad_share:.0%} that ingest.bad_share allows:\n{shown}\n{expected} "
            "Mend the files, or raise ingest.bad_share"
        )


def _origin(params: IngestParams, name: str) -> Literal["human", "production"]:
    for source in params.sources:
        if matches(name, source.path):
            return source.origin
    raise InputError(f"{name}: belongs to no source of the recipe")


def _write(params: IngestParams, draft: Draft, files: Files) -> Examples:
    def counted() -> Iterator[ChatExample | Dropped]:
        for row in ingest(params, files):
            draft.count_in()
            yield row

    return draft.seal_examples(counted())


STAGE = Stage("ingest", version=1, produces=Examples, body=_write)
