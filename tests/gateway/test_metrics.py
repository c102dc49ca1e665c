"""Where the workers of a gateway count together."""

import subprocess
import sys

import pytest

from tunesmith.gateway.metrics import several

CODE = "import sys, pathlib; from tunesmith.gateway.metrics import several; " \
    "(several(pathlib.Path(sys.argv[1])) / 'counter_1.db').touch()"  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # is as before afterwards
    return tmp_path / "metrics"


def test_another_gateway_of_the_same_home_leaves_the_counters_of_one_that_runs(folder):
    ours = several(folder)
    (ours / "counter_1.db").touch()
    theirs = several(folder)
    assert theirs != ours
    assert (ours / "counter_1.db").exists()


def test_counters_of_one_that_has_ended_are_removed(folder):
    subprocess.run([sys.executable, "-c", CODE, str(folder)], check=True)
    assert len(list(folder.glob("*/counter_1.db"))) == 1
    ours = several(folder)
    assert list(folder.iterdir()) == [ours]
