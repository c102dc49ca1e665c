"""Prompts with passages of documents in them, row by row beside those without."""

import pytest

from tests.made_rows import chats
from tests.toy_stages import given
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.evaluation.retrieval import RetrieveParams
from tunesmith.records import Example
from tunesmith.stages.retrieve import STAGE

ROWS = chats("When do lamps ship?", "Who sells chairs?", "Hm?")


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "lamps.md").write_text("# Lamps\n\nLamps ship on Monday.\n")
    (folder / "chairs.txt").write_text("Ann sells chairs.\n")
    return folder


def retrieved(store, documents, pattern="*", k=1):
    files = gather([pattern], documents)
    return store.build(STAGE, RetrieveParams(k=k, words=40), given(store, ROWS), files)


def test_each_row_gets_its_passages_in_its_place_and_none_is_lost(store, documents):
    made = retrieved(store, documents)
    rows = list(store.rows(made, Example))
    assert [row.row_id for row in rows] == [row.row_id for row in ROWS]
    assert [row.group_id for row in rows] == [row.group_id for row in ROWS]
    assert "[1] # Lamps\n\nLamps ship on Monday." in rows[0].messages[0].content
    assert "[1] Ann sells chairs." in rows[1].messages[0].content
    assert rows[2] == ROWS[2]
    (record,) = store.all_records("retrieve")
    assert {name: record["notes"][name] for name in ("documents", "passages")} == {
        "documents": 2, "passages": 2,
    }  # fmt: skip
    assert record["notes"]["rows_without_passages"] == 1


def test_other_documents_or_another_number_is_another_artifact(store, documents):
    first = retrieved(store, documents)
    assert retrieved(store, documents) == first
    (documents / "lamps.md").write_text("Lamps ship on Friday.\n")
    assert retrieved(store, documents).digest != first.digest
    assert len(list(store.all_records("retrieve"))) == 2


def test_a_document_that_changes_under_way_stops_the_run(store, documents):
    files = gather(["*.md"], documents)
    (documents / "lamps.md").write_text("Lamps ship never.\n")
    with pytest.raises(InputError, match=r"lamps\.md: has changed since the run began"):
        store.build(STAGE, RetrieveParams(), given(store, ROWS), files)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"Lamps \xff ship", r"lamps\.md: not UTF-8 at byte 6"), (b" \n\n", "hold no text")],
)
def test_documents_that_are_no_text_are_refused(store, documents, content, expected):
    (documents / "lamps.md").write_bytes(content)
    with pytest.raises(InputError, match=expected):
        retrieved(store, documents, "*.md")
