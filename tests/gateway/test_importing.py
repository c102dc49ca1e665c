"""From segments into the database: everything once, whatever is killed or read again."""

import json
import os
import signal
import time
import traceback

import msgspec
import pytest
from sqlalchemy import func, select

from tunesmith.database.session import session
from tunesmith.database.tables import Feedback, Segment
from tunesmith.database.tables import Interaction as Row
from tunesmith.errors import TunesmithError
from tunesmith.gateway import importer, importing
from tunesmith.gateway.feedback import Line, read_feedback
from tunesmith.gateway.importing import import_all


def line(number, **more):
    record = {
        "id": f"i{number:06d}",
        "at": 1_700_000_000_000 + number,
        "recipe": "tiny",
        "rollout": "7",
        "assigned": "treatment",
        "unit": "u" * 32,
        "seconds": 0.5,
        **more,
    }
    return json.dumps(record).encode() + b"\n"  # fmt: skip


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/t.db"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "interactions"
    made.mkdir()
    return made


def count(database):
    with session(database) as opened:
        return opened.scalar(select(func.count()).select_from(Row))


def test_what_is_new_is_imported_once(folder, database):
    segment = folder / "1.jsonl"
    segment.write_bytes(b"".join(map(line, range(1200))))
    assert import_all(folder, database).rows == 1200
    assert import_all(folder, database).rows == 0
    with segment.open("ab") as file:
        file.write(line(1200) + line(1201)[:20])
    assert import_all(folder, database).rows == 1
    with segment.open("ab") as file:
        file.write(line(1201)[20:])
    assert import_all(folder, database).rows == 1
    assert count(database) == 1202
    with session(database) as opened:
        row = opened.get_one(Row, "i000003")
        assert (row.assigned, row.served, row.seconds, row.request, row.shadow_of) == (
            "treatment", "control", 0.5, None, "",
        )  # fmt: skip


def test_what_was_asked_in_shadow_says_whom_it_repeats(folder, database):
    (folder / "1.jsonl").write_bytes(line(1) + line(2, shadow_of="i000001"))
    import_all(folder, database)
    with session(database) as opened:
        assert opened.get_one(Row, "i000002").shadow_of == "i000001"


def test_a_segment_that_is_read_again_changes_nothing(folder, database):
    (folder / "1.jsonl").write_bytes(line(1) + line(2))
    import_all(folder, database)
    with session(database) as opened:
        opened.delete(opened.get_one(Segment, "1.jsonl"))
    (folder / "2.jsonl").write_bytes(line(2) + line(3))
    assert import_all(folder, database).rows == 1
    assert count(database) == 3


def test_an_importer_that_dies_in_the_midst_has_done_all_or_nothing(folder, database, monkeypatch):
    (folder / "1.jsonl").write_bytes(b"".join(map(line, range(1200))))
    insert = importing._insert

    def dies(opened, table, rows):
        new = insert(opened, table, rows)
        if table is Row:
            assert new == 1200
            raise KeyboardInterrupt
        return new

    monkeypatch.setattr(importing, "_insert", dies)
    with pytest.raises(KeyboardInterrupt):
        import_all(folder, database)
    assert count(database) == 0
    monkeypatch.undo()
    assert import_all(folder, database).rows == 1200


def test_feedback_is_imported_once_by_its_id(folder, database):
    said = {"id": "f1", "interaction": "i000001", "at": 5, "outcomes": {"rating": 0.5, "won": True}}
    text = json.dumps({"feedback": said}, separators=(",", ":")).encode() + b"\n"
    (folder / "1.jsonl").write_bytes(line(1) + text + text)
    (folder / "2.jsonl").write_bytes(text)
    done = import_all(folder, database)
    assert (done.rows, done.feedback, done.unreadable) == (1, 1, 0)
    with session(database) as opened:
        assert opened.scalars(select(Feedback)).one().outcomes == {"rating": 0.5, "won": True}


def test_an_id_of_feedback_is_that_of_one_interaction(folder, database):
    """Clients call what they say of each answer by the same name."""
    for number in (1, 2):
        said = read_feedback(
            json.dumps({"interaction": f"{number:032x}", "id": "rating", "rating": number / 2})
            .encode(), "new",
        )  # fmt: skip
        (folder / f"{number}.jsonl").write_bytes(msgspec.json.encode(Line(said)) + b"\n")
    assert import_all(folder, database).feedback == 2
    with session(database) as opened:
        told = {
            one.interaction[-1]: one.outcomes["rating"] for one in opened.scalars(select(Feedback))
        }
    assert told == {"1": 0.5, "2": 1.0}


def test_a_line_that_is_none_is_counted_and_stops_nothing(folder, database, caplog):
    (folder / "1.jsonl").write_bytes(line(1) + line(2)[:30] + b"\n\n[]\n\xff\n" + line(3))
    done = import_all(folder, database)
    assert (done.rows, done.unreadable) == (2, 3)
    assert "1.jsonl: a line is no interaction" in caplog.text


PRIVATE = "jane@example.com wrote"


def test_what_the_database_refuses_is_not_quoted(database_url):
    row = {column.name: None for column in Row.__table__.columns}
    with (
        pytest.raises(TunesmithError, match="interactions") as told,
        session(database_url) as opened,
    ):
        importing._insert(opened, Row, [row | {"id": "i1", "request": PRIVATE}])
    said = "".join(traceback.format_exception(told.value))
    assert "could not be stored" in said and PRIVATE not in said


def test_long_lines_and_many_reads(folder, database, monkeypatch):
    monkeypatch.setattr(importing, "READ", 100)
    lines = [line(n, answer="x" * (n * 50)) for n in range(30)]
    (folder / "1.jsonl").write_bytes(b"".join(lines))
    assert import_all(folder, database).rows == 30


def test_a_segment_is_removed_when_it_is_read_and_nobody_writes(folder, database):
    old, new, torn = folder / "1.jsonl", folder / "2.jsonl", folder / "3.jsonl"
    old.write_bytes(line(1))
    new.write_bytes(line(2))
    torn.write_bytes(line(3) + b"{")  # its writer was killed
    for path in (old, torn):
        os.utime(path, (1, 1))
    done = import_all(folder, database)
    assert (done.removed, done.unreadable) == (2, 1)
    assert [path.name for path in folder.iterdir()] == ["2.jsonl"]
    assert count(database) == 3


def test_without_a_folder_there_is_nothing_to_do(tmp_path, database):
    assert import_all(tmp_path / "none", database).rows == 0


def test_the_process_beside_the_workers_imports_and_forgets_what_is_old(folder, database):
    now = int(time.time() * 1000)
    day = 86_400_000
    (folder / "1.jsonl").write_bytes(
        line(1, at=now - 3 * day, request="{}", answer="old")
        + line(2, at=now - day, request="{}", answer="new")
    )
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        importer.run(folder, database, keep_days=2)  # once: there is no gateway that it belongs to
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    with session(database) as opened:
        assert {row.id: row.answer for row in opened.scalars(select(Row))} == {
            "i000001": None, "i000002": "new",
        }  # fmt: skip


def test_an_importer_that_cannot_reach_the_database_loses_nothing(folder, tmp_path, caplog):
    (folder / "1.jsonl").write_bytes(line(1))
    away = "postgresql://ann@127.0.0.1:9/none?connect_timeout=2"
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        importer.run(folder, away, keep_days=2)
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    assert "wait on the disk" in caplog.text
    assert import_all(folder, f"sqlite:///{tmp_path}/t.db").rows == 1
