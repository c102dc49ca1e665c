"""Put passages of the recipe's documents into the prompts of examples.

Reads `Examples` and the documents as `Files`, writes `Examples` in the same order, each with the
passages that fit its question best. Rows keep their ids and groups, so that models that were asked
with and without passages can be compared row by row. No row is dropped.
"""

from collections.abc import Iterator

from tunesmith.artifacts import Examples, Files
from tunesmith.data.readers.places import open_place
from tunesmith.data.readers.streams import Hashed
from tunesmith.errors import InputError
from tunesmith.evaluation.retrieval import (
    Index,
    RetrieveParams,
    passages,
    question,
    with_passages,
)
from tunesmith.records import Example
from tunesmith.stage import Stage
from tunesmith.store.draft import Draft


def read(files: Files) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every document.

    Raises:
        InputError: when one is not UTF-8, or has changed since the run began.
    """
    for name, expected in zip(files.names, files.sha256, strict=True):
        with open_place(name, files.root) as file:
            hashed = Hashed(file, name)
            raw = hashed.read()
            if hashed.sha256() != expected:
                raise InputError(f"{name}: has changed since the run began; run it again")
        try:
            yield name, raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name}: not UTF-8 at byte {error.start}; expected a text document. Save it as "
                "UTF-8, or leave it out of context.documents"
            ) from error


def _write(params: RetrieveParams, draft: Draft, source: Examples, files: Files) -> Examples:
    found = [
        passage for name, text in read(files) for passage in passages(name, text, params.words)
    ]
    if not found:
        raise InputError(
            f"context.documents: {', '.join(files.names)} hold no text; expected documents that "
            "answers can be looked up in"
        )
    index = Index(found)
    bare = 0

    def asked() -> Iterator[Example]:
        nonlocal bare
        for row in draft.rows(source):
            fitting = index.search(question(row), params.k)
            bare += not fitting
            yield with_passages(row, fitting)

    made = draft.seal_examples(asked())
    draft.notes.update(documents=len(files.names), passages=len(found), rows_without_passages=bare)
    return made


STAGE = Stage("retrieve", version=1, produces=Examples, body=_write)
