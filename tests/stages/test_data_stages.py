"""The data stages together: the same digests anywhere, and no row is lost on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_rows import distinct
from tunesmith.artifacts import Examples
from tunesmith.data.source_files import gather
from tunesmith.records import Example
from tunesmith.stages import dedup, ingest, split, validate
from tunesmith.store import Store

ROOT = Path(__file__).parents[2]


def lines(rows):
    for row in rows:
        contents = [{"role": item.role, "content": item.content} for item in row.messages]
        yield json.dumps({"messages": contents, "topic": row.answer[:5]})


@pytest.fixture
def sources(tmp_path):
    """Files with good rows, copies of them, and bad lines."""
    good = list(lines(distinct(60)))
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join(good[:40]))
    mixed = [*good[40:], *good[:7], "{", good[3].replace("today", "TODAY!"), '{"messages": 3}']
    (folder / "b.jsonl").write_text("\n".join(mixed))
    (folder / "golden.jsonl").write_text("\n".join([good[5], *lines(distinct(3, start=90))]))
    return folder


def run(store: Store, folder: Path) -> dict[str, Examples]:
    """Run the data stages on these sources."""

    def read(path):
        source = ingest.SourceParams(path=path, origin="human")
        params = ingest.IngestParams(sources=(source,), bad_share=0.5)
        return store.build(ingest.STAGE, params, gather([path], folder))

    found = {"ingest": read("[ab].jsonl"), "golden": read("golden.jsonl")}
    found["validate"] = store.build(validate.STAGE, validate.ValidateParams(), found["ingest"])
    fences = (found["golden"],)
    found["dedup"] = store.build(dedup.STAGE, dedup.DedupParams(), found["validate"], fences)
    params = split.SplitParams(salt="s", report=("topic",))
    found["split"] = store.build(split.STAGE, params, found["dedup"], None)
    return found


CODE = """
import sys
from pathlib import Path
from tests.stages.test_data_stages import run
from tunesmith.store import rows
from tunesmith.store import Store
rows.SHARD_BYTES = 1000
for name, ref in run(Store(sys.argv[1]), Path(sys.argv[2])).items():
    print(name, ref.digest)
"""


def test_another_process_another_hash_seed_and_smaller_shards_give_the_same_digests(
    store, sources, tmp_path
):
    found = run(store, sources)
    told = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "other"), str(sources)], check=True,
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"},
    ).stdout  # fmt: skip
    assert told.splitlines() == [f"{name} {ref.digest}" for name, ref in found.items()]
    other = Store(str(tmp_path / "other"))
    cut = other.manifest(found["ingest"])["files"]
    assert len(cut) > len(store.manifest(found["ingest"])["files"])


def test_every_line_is_somewhere_with_its_reason(store, sources):
    found = run(store, sources)
    places = [f"a.jsonl:{number}" for number in range(1, 41)]
    places += [f"b.jsonl:{number}" for number in range(1, 31)]
    sides = [found["split"].train, found["split"].validation, found["split"].test]
    ended = [row.source for side in sides for row in store.rows(side, Example)]
    dropped = {}
    for name in ("ingest", "validate", "dedup"):
        for row in store.dropped(found[name]):
            dropped[row.source] = row.reason
    assert sorted([*ended, *dropped]) == sorted(places)
    assert dropped == {
        "b.jsonl:28": "bad_json", "b.jsonl:30": "wrong_shape", "b.jsonl:29": "near_copy",
        "a.jsonl:6": "fence", "b.jsonl:26": "fence",
        **{f"b.jsonl:{number}": "exact_copy" for number in (21, 22, 23, 24, 25, 27)},
    }  # fmt: skip
