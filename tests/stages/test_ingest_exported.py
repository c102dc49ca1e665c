"""Exported rows come back as they were, and nothing is believed that their lines do not bear out."""

import json

import msgspec
import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from tests.made_rows import chat, reasons
from tests.toy_stages import given
from tunesmith.canonical import canonical_row
from tunesmith.commands.exporting import export
from tunesmith.data.exported_lines import as_line, provenance_line
from tunesmith.data.parsing import Reading, read_item
from tunesmith.data.readers.items import Line
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.records import (
    ChatExample,
    Dropped,
    Example,
    LabelExample,
    Message,
    PreferenceExample,
    ToolCall,
)
from tunesmith.stages import ingest
from tunesmith.stages.ingest import READING_PROBLEMS, STAGE, IngestParams, SourceParams

COMMON = {"row_id": "ab" * 8, "group_id": "g", "source": "old.jsonl:7", "origin": "production"}
FACTS = {
    "quality": 0.75, "flags": ("refusal", "too_short"), "group": "customer 7",
    "metadata": {"ticket": 7, "messages": "no", "deep": [{"a": None}]},
    "reviewed_by": "Ann", "reviewed_at": "2026-01-02", "written": "2025-12-31T10:00:00",
}  # fmt: skip
CHATS = [
    chat("Who?", "Me.", **FACTS),
    chat("Why?", "So.", system="Answer."),
    chat('"Ünd"\u2028 \\ more?', "Yes."),
]
MODEL = msgspec.structs.replace(chat("Whose?", "Ours."), origin="model", reviewed_by="Ann")
LABEL = LabelExample(**COMMON, text="My card is lost.", label="lost_card")
CALLS = ChatExample(
    **COMMON,
    messages=(
        Message("user", "Where is it?", name="Ann"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "look", '{"at": "x"}'),)),
        Message("tool", "in the hall", tool_call_id="c1"),
        Message("assistant", "In the hall."),
    ),
    tools=({"type": "function", "function": {"name": "look"}},),
)
PAIRS = [
    PreferenceExample(
        **{**COMMON, "row_id": f"{number:016d}"},
        prompt=(Message("system", "Be kind."), Message("user", f"Why {number}?")),
        chosen="Because.", rejected="No.", quality=number / 4, flags=("short",),
        metadata={"n": number},
    )
    for number in range(3)
]  # fmt: skip
BAD = Dropped(source="rows.jsonl:9", reason="bad_json", detail="column 1", row="{")


def params(origin="human"):
    return IngestParams(sources=(SourceParams(path="*.jsonl", origin=origin),))


def write(folder, rows, **changes):
    """Write rows as an export does, with some of their facts changed."""
    folder.mkdir(exist_ok=True)
    lines = [as_line(row, "openai") for row in rows]
    facts = [{**provenance_line(row, line), **changes} for row, line in zip(rows, lines, strict=True)]  # fmt: skip
    (folder / "rows.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    put(folder, [json.dumps(item) for item in facts])
    return folder


def put(folder, lines):
    (folder / "rows.provenance.jsonl").write_text("".join(f"{item}\n" for item in lines))


def read(folder, origin="human"):
    """Read rows however many are bad."""
    return list(ingest.read(params(origin), gather(["*.jsonl"], folder)))


def beside(folder):
    return (folder / "rows.provenance.jsonl").read_text().splitlines()


@pytest.mark.parametrize(
    ("into", "rows"),
    [("openai", [*CHATS, MODEL, LABEL, CALLS]), ("alpaca", [*CHATS, LABEL]), ("dpo", PAIRS)],
)
def test_an_export_is_ingested_to_the_digest_of_its_rows_and_exported_to_the_same_bytes(
    store, tmp_path, into, rows
):
    folder = export(
        store, given(store, [rows[0], BAD, *rows[1:]]).short, into, tmp_path / "a"
    ).folder
    files = gather(["*.jsonl"], folder)
    ref = store.build(STAGE, params(), files)
    assert list(map(canonical_row, store.rows(ref, Example))) == list(map(canonical_row, rows))
    assert (ref.rows, ref.dropped) == (len(rows), 0)
    assert ref.digest == given(store, rows).digest
    again = export(store, ref.short, into, tmp_path / "b").folder
    for name in ("rows.jsonl", "rows.provenance.jsonl"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    (folder / "rows.provenance.jsonl").unlink()
    alone = store.build(STAGE, params(), gather(["*.jsonl"], folder))
    assert alone.digest != ref.digest, "provenance is not put to the test"


def test_a_file_that_is_named_brings_its_provenance_and_needs_no_source_for_it(store, tmp_path):
    folder = write(tmp_path / "a", CHATS)
    asked = IngestParams(sources=(SourceParams(path="rows.jsonl", origin="human"),))
    ref = store.build(STAGE, asked, gather(["rows.jsonl"], folder))
    assert list(store.rows(ref, Example)) == CHATS


def test_a_missing_an_extra_and_a_foreign_line_of_provenance_are_drops(tmp_path):
    folder = write(tmp_path, CHATS)
    first, second, third = beside(folder)
    for lines, expected in [
        ([first, second], [None, None, "bad_provenance"]),
        ([first, "", third], [None, "bad_provenance", None]),
        ([first, third, second], [None, "bad_provenance", "bad_provenance"]),
        ([first, "{", third], [None, "bad_provenance", None]),
        ([first, "[]", third], [None, "bad_provenance", None]),
        ([first, "\udcff", third], [None, "bad_provenance", None]),
        ([first, second, third, first], [None, None, None, "bad_provenance"]),
        ([first, second[:-1] + ', "sha256": "x"}', third], [None, "bad_provenance", None]),
    ]:
        raw = "".join(f"{item}\n" for item in lines).encode("utf-8", "surrogateescape")
        (folder / "rows.provenance.jsonl").write_bytes(raw)
        rows = read(folder)
        assert reasons(rows) == expected, lines
    assert "bad_provenance" in READING_PROBLEMS
    put(folder, [first, second])
    with pytest.raises(InputError, match=r"1 of 3 rows .*\n  rows\.jsonl:3: bad_provenance: "):
        list(ingest.ingest(params(), gather(["*.jsonl"], folder)))


def test_a_line_that_is_no_example_is_dropped_for_what_is_wrong_with_it(tmp_path):
    folder = write(tmp_path, CHATS)
    lines = (folder / "rows.jsonl").read_text().split("\n")
    (folder / "rows.jsonl").write_text("\n".join([lines[0][:-1], *lines[1:]]))
    assert reasons(read(folder)) == ["bad_json", None, None]
    (folder / "rows.jsonl").write_text("\n".join([lines[0].replace("Me.", "You."), *lines[1:]]))
    assert reasons(read(folder)) == ["bad_provenance", None, None]


@pytest.mark.parametrize(
    ("origin", "changes", "reason"),
    [
        ("human", {"origin": "model"}, "unreviewed_model_output"),
        ("human", {"origin": "model", "reviewed_by": "Ann"}, None),
        ("model", {"origin": "human"}, "unreviewed_model_output"),
        ("model", {"origin": "human", "reviewed_by": "Ann"}, None),
        ("human", {"metadata": {"tunesmith_variant": "candidate"}}, "unreviewed_model_output"),
        ("human", {"metadata": {"tunesmith_variant": "champion"}}, None),
    ],
)
def test_what_a_model_wrote_needs_a_reviewer_after_its_provenance_too(
    tmp_path, origin, changes, reason
):
    folder = write(tmp_path, [chat("Who?")], **changes)
    (row,) = read(folder, origin)
    assert reasons([row]) == [reason]


def test_a_dropped_line_still_says_who_wrote_it_when_it_is_read_again(tmp_path):
    folder = write(tmp_path, [chat("Who?")], origin="model")
    (row,) = read(folder)
    assert json.loads(row.row)["origin"] == "model"
    again = tmp_path / "again"
    again.mkdir()
    (again / "good.jsonl").write_text(row.row + "\n")
    assert reasons(read(again)) == ["unreviewed_model_output"]


def test_a_secret_in_provenance_is_one_and_is_not_shown(tmp_path):
    secret = "4111 1111 1111 1111"
    folder = write(tmp_path, CHATS[:2], metadata={"note": f"card {secret}"})
    rows = read(folder)
    assert reasons(rows) == ["secret", "secret"]
    assert "provenance contains" in rows[0].detail
    assert secret not in repr(rows)


def test_ids_and_digests_are_no_secrets(tmp_path):
    rows = [chat(f"Question {number}?", group=f"{number:x}" * 9) for number in range(2000)]
    assert set(reasons(read(write(tmp_path, rows)))) == {None}


ROW = CHATS[0]
LINE = as_line(ROW, "openai")
FACTS_OF_ROW = json.dumps(provenance_line(ROW, LINE)).encode()
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
damaged = st.tuples(
    st.integers(0, len(FACTS_OF_ROW)), st.integers(0, 9), st.binary(max_size=9)
).map(lambda cut: FACTS_OF_ROW[: cut[0]] + cut[2] + FACTS_OF_ROW[cut[0] + cut[1] :])
changed = st.dictionaries(st.sampled_from([*json.loads(FACTS_OF_ROW), "text", "new"]), values).map(
    lambda facts: json.dumps({**json.loads(FACTS_OF_ROW), **facts}).encode()
)


@any_of(damaged | changed | st.binary(max_size=40) | st.just(b"[" * 100_000))
def test_whatever_stands_in_provenance_a_row_is_kept_or_dropped(provenance):
    item = Line("rows.jsonl:1", LINE, True, provenance)
    found = read_item(item, Reading("human", None))
    canonical_row(found)
    if isinstance(found, Dropped):
        assert found.reason in {"bad_provenance", "unreviewed_model_output", "secret"}
    else:
        assert found.messages == ROW.messages
