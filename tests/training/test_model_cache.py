import signal
import subprocess
import sys

import pytest

from tunesmith.training.model_cache import MANIFEST, obtain

IDENTITY = {"model": "a/b", "source": "hub", "revision": "1"}


def make(parts):
    (parts / "weights").write_bytes(b"12345678")
    (parts / "config").write_bytes(b"{}")


def refuse(parts):
    raise AssertionError("it was there")


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def entry(tmp_path):
    return tmp_path / "models" / "a--b--1"


def test_a_hit_makes_nothing(entry):
    files = obtain(entry, IDENTITY, make)
    assert set(files) == {"weights", "config"}
    assert obtain(entry, IDENTITY, refuse) == files


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "weights").write_bytes(b"1234567"),
        lambda entry: (entry / "weights").unlink(),
        lambda entry: (entry / MANIFEST).unlink(),
        lambda entry: (entry / MANIFEST).write_text("{"),
        lambda entry: (entry / MANIFEST).write_text("[]"),
        lambda entry: (entry / MANIFEST).write_text('{"format": 0}'),
    ],
)
def test_a_damaged_entry_is_made_again(entry, damage):
    files = obtain(entry, IDENTITY, make)
    damage(entry)
    assert obtain(entry, IDENTITY, make) == files
    assert obtain(entry, IDENTITY, refuse) == files
    assert (entry / "weights").read_bytes() == b"12345678"
    assert names(entry.parent) == [entry.name]


def test_an_entry_of_another_identity_does_not_count(entry):
    obtain(entry, IDENTITY, make)
    with pytest.raises(AssertionError, match="it was there"):
        obtain(entry, {**IDENTITY, "revision": "2"}, refuse)


def test_a_failure_leaves_nothing(entry):
    def fail(parts):
        make(parts)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        obtain(entry, IDENTITY, fail)
    assert names(entry.parent) == []


SCRIPT = """
import os, signal, sys
from pathlib import Path
from tunesmith.training.model_cache import obtain

def make(parts):
    (parts / "weights").write_bytes(b"1234")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("half", flush=True)
    sys.stdin.readline()
    (parts / "weights").write_bytes(b"12345678")
    (parts / "config").write_bytes(b"{}")

obtain(Path(sys.argv[1]), {"model": "a/b", "source": "hub", "revision": "1"}, make)
"""


def start(entry, how):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(entry), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_kill_half_way_leaves_no_entry_and_the_next_one_cleans_up(entry):
    process = start(entry, "die")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    left = names(entry.parent)
    assert len(left) == 1
    assert left[0].startswith(f"{entry.name}.part-")
    obtain(entry, IDENTITY, make)
    assert names(entry.parent) == [entry.name]


def test_of_two_that_make_it_at_once_one_wins_and_both_succeed(entry):
    processes = [start(entry, "wait") for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "half\n"  # both have begun, none has finished
    for process in processes:
        process.communicate("\n")
        assert process.returncode == 0
    assert names(entry.parent) == [entry.name]
    assert obtain(entry, IDENTITY, refuse)
