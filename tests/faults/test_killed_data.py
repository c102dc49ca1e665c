"""Data stages that are killed anywhere and run again give the digests of an undisturbed run."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.made_rows import line
from tests.waiting import PATIENCE

ROWS = 2000
STAGES = ("ingest", "validate", "score", "dedup", "split", "mix")


@pytest.fixture
def folder(tiny_base, tmp_path):
    """Rows with copies and bad lines among them, and a recipe that prepares them."""
    shutil.copytree(tiny_base, tmp_path / "base")
    draw = random.Random(5)
    words = [f"word{number}" for number in range(400)]
    rows = []
    for number in range(ROWS):
        if number % 10 == 9:
            rows.append(rows[draw.randrange(len(rows))])
        elif number % 25 == 24:
            rows.append("{")
        else:
            asked = " ".join(draw.choices(words, k=30))
            rows.append(line(f"ticket {number}: {asked}", f"Ticket {number} is about {asked}."))
    (tmp_path / "rows.jsonl").write_text("".join(f"{row}\n" for row in rows))
    recipe = {
        "name": "prepared",
        "task": "Answer the question of a ticket in one line.",
        "base": {"model": "base"},
        "ingest": {"sources": [{"path": "rows.jsonl", "origin": "human"}]},
        "score": {"min_tokens": 1, "required": [], "minimum": 0.0},
        "drops": {"accept": ["all"]},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    return tmp_path


def start(folder: Path, home: str) -> "subprocess.Popen[str]":
    """Prepare in a process of its own, with two workers."""
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "tunesmith"), "prepare", "recipe.yaml"],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "TUNESMITH_HOME": str(folder / home),
            "TUNESMITH_WORKERS": "2",
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def outputs(folder: Path, home: str) -> dict[str, list[str]]:
    """What each stage built, one digest a record."""
    found: dict[str, list[str]] = {}
    for path in (folder / home / "store/records").rglob("*.json"):
        record = json.loads(path.read_text())
        found.setdefault(record["stage"], []).append(record["output"]["digest"])
    return found


@pytest.mark.timeout(600)
def test_killed_anywhere_the_same_digests(folder):
    quiet = start(folder, "quiet")
    told, _ = quiet.communicate(timeout=PATIENCE)
    assert quiet.returncode == 0, told
    expected = outputs(folder, "quiet")
    assert {stage: len(found) for stage, found in expected.items() if stage in STAGES} == (
        dict.fromkeys(STAGES, 1)
    )
    draw = random.Random(3)
    for stage in STAGES:
        run = start(folder, "killed")
        while stage not in outputs(folder, "killed"):
            work = folder / "killed/store/work" / stage
            if run.poll() is not None or work.exists():
                break
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.2))
        run.send_signal(signal.SIGKILL)
        run.communicate()
    last = start(folder, "killed")
    told, _ = last.communicate(timeout=PATIENCE)
    assert last.returncode == 0, told
    assert outputs(folder, "killed") == expected
