"""Damaged files of every kind end in rows, drops or an error of ours: no crash, hang or loss.

A quick part runs in the suite. The whole, 100,000 files:

    READER_FUZZ_FILES=100000 python -m pytest tests/faults/test_reader_fuzz.py -m "" -s
"""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import time
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tunesmith.canonical import canonical_row
from tunesmith.data.parsing import read_item, reading_of
from tunesmith.data.readers import read_file
from tunesmith.errors import TunesmithError
from tunesmith.records import Dropped

FILES = int(os.environ.get("READER_FUZZ_FILES", "6000"))
SLOWEST = 20.0
"""Seconds after which one small file counts as a hang; most take a millisecond."""


def chats(count, seed):
    dice = random.Random(seed)
    words = ["ticket", "Müller", "refund", "\n", "\\", '"', "x" * 40, "—", "7", "{", "]", ","]

    def said():
        return " ".join(dice.choices(words, k=dice.randint(1, 12)))

    return [
        {
            "messages": [{"role": "user", "content": f"q{n} {said()}"}, {"role": "assistant", "content": f"a {said()}"}],
            "id": n,
            "note": None if n % 3 else {"score": n / 7},
        }
        for n in range(count)
    ]  # fmt: skip


def flat(rows):
    return [{"text": row["messages"][0]["content"], "label": f"l{row['id'] % 3}"} for row in rows]


def as_csv(rows, delimiter):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["text", "label"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(flat(rows))
    return out.getvalue().encode()


def as_parquet(rows, **options):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=5, **options)
    return out.getvalue()


def as_arrow(rows, new):
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with new(out, table.schema) as writer:
        writer.write_table(table, 4)
    return out.getvalue()


def jsonl(rows):
    return "".join(json.dumps(row, ensure_ascii=row["id"] % 2 == 0) + "\n" for row in rows).encode()


MAKERS = {
    "jsonl": jsonl,
    "json": lambda rows: json.dumps(rows).encode(),
    "csv": lambda rows: as_csv(rows, ","),
    "tsv": lambda rows: as_csv(rows, "\t"),
    "parquet": as_parquet,
    "plain.parquet": lambda rows: as_parquet(rows, compression="none", use_dictionary=False),
    "labels.parquet": lambda rows: as_parquet(flat(rows), compression="zstd"),
    "arrow": lambda rows: as_arrow(rows, pa.ipc.new_file),
    "stream.arrow": lambda rows: as_arrow(rows, pa.ipc.new_stream),
    "jsonl.gz": lambda rows: gzip.compress(jsonl(rows), mtime=0),
    "jsonl.bz2": lambda rows: bz2.compress(jsonl(rows)),
    "jsonl.xz": lambda rows: lzma.compress(jsonl(rows)),
    "jsonl.zst": lambda rows: pa.Codec("zstd").compress(jsonl(rows), asbytes=True),
    "csv.gz": lambda rows: gzip.compress(as_csv(rows, ","), mtime=0),
    "parquet.gz": lambda rows: gzip.compress(as_parquet(rows), mtime=0),
    "unnamed": jsonl,
}


@pytest.fixture(scope="module")
def originals():
    return {kind: [make(chats(12, seed)) for seed in range(3)] for kind, make in MAKERS.items()}


def flip(dice, content, _):
    at = dice.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << dice.randrange(8)]) + content[at + 1 :]


def cut(dice, content, _):
    return content[: dice.randrange(len(content) + 1)]


def splice(dice, content, other):
    at, start = dice.randrange(len(content)), dice.randrange(len(other))
    size = dice.randrange(1, 200)
    return content[:at] + other[start : start + size] + content[at + dice.choice([0, size]) :]


def noise(dice, content, _):
    at = dice.randrange(len(content))
    return content[:at] + dice.randbytes(dice.randrange(1, 40)) + content[at + dice.randrange(40) :]


def repeat(dice, content, _):
    at = dice.randrange(len(content))
    size = dice.randrange(1, 60)
    return content[:at] + content[at : at + size] * dice.choice([2, 3, 200]) + content[at + size :]


def number(dice, content, _):
    at = dice.randrange(len(content))
    value = dice.choice([0, 1, 127, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1])
    size = dice.choice([1, 2, 4, 8])
    return content[:at] + value.to_bytes(8, "little")[:size] + content[at + size :]


def shape(dice, content, _):
    odd = [b'"', b"[", b"{", b"}", b"]", b"\\", b"\n", b"\r", b"\x00", b"\xef\xbb\xbf", b"\\ud800", b"NaN", b"1e999", b"[" * 200, b'"a":1,"a":2,', b"\xff\xfe", b",", b"\t"]  # fmt: skip
    at = dice.randrange(len(content))
    return content[:at] + dice.choice(odd) + content[at + dice.randrange(3) :]


def only_noise(dice, content, _):
    return dice.randbytes(dice.randrange(300))


MUTATIONS = [flip, flip, cut, splice, noise, repeat, number, number, shape, shape, only_noise]


def mutated(dice, originals):
    kind = dice.choice(list(MAKERS))
    content = dice.choice(originals[kind])
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        other = dice.choice(originals[dice.choice(list(MAKERS))])
        content = dice.choice(MUTATIONS)(dice, content or b"\x00", other)
    return kind, content


def outcome(folder, kind, content):
    """Read a file as the ingest stage would; return what came of it, and the rows."""
    name = f"f.{kind}" if kind != "unnamed" else "unnamed"
    (folder / name).write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    try:
        items = list(read_file(str(folder), name, expected))
        reading = reading_of(items, "human", name)
        rows = [read_item(item, reading) for item in items]
    except TunesmithError as error:
        assert str(error).startswith(name), error
        return "refused", []
    assert len(rows) == len(items)
    assert len({row.source for row in rows}) == len(rows), "two rows of one place"
    for row in rows:
        canonical_row(row)
    return "read", rows


def check_no_line_is_lost(content, rows):
    """Every line that is not blank has its own row, kept or dropped."""
    numbers = [
        number
        for number, raw in enumerate(content.split(b"\n"), 1)
        if (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).rstrip(b"\r").strip()
    ]
    assert [int(row.source.rpartition(":")[2]) for row in rows] == numbers


def fuzz(folder, originals, seeds):
    outcomes = Counter()
    slowest = 0.0
    for seed in seeds:
        dice = random.Random(seed)
        kind, content = mutated(dice, originals)
        start = time.monotonic()
        try:
            found, rows = outcome(folder, kind, content)
            if (
                found == "read"
                and kind in ("jsonl", "unnamed")
                and not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
            ):
                check_no_line_is_lost(content, rows)
        except BaseException as error:
            error.add_note(f"seed {seed}, kind {kind}")
            raise
        slowest = max(slowest, time.monotonic() - start)
        assert slowest < SLOWEST, f"seed {seed}, kind {kind}"
        dropped = any(isinstance(row, Dropped) for row in rows)
        outcomes[f"{found}{', some rows dropped' if dropped else ''}"] += 1
    return outcomes, slowest


def test_no_damage_crashes_hangs_or_loses_a_row_in_silence(tmp_path, originals):
    outcomes, slowest = fuzz(tmp_path, originals, range(FILES))
    print(f"\n{FILES} files: {dict(outcomes)}; the slowest took {slowest:.2f} s")
    assert outcomes["refused"] > FILES / 10
    assert outcomes["read"] > FILES / 20
    assert outcomes["read, some rows dropped"] > FILES / 20


def test_undamaged_files_are_read_whole(tmp_path, originals):
    for kind, contents in originals.items():
        for content in contents:
            found, rows = outcome(tmp_path, kind, content)
            assert (found, len(rows)) == ("read", 12), kind
            assert not any(isinstance(row, Dropped) for row in rows), kind
