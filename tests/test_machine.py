"""What this machine gives a process."""

import os

import pytest

from tunesmith import machine
from tunesmith.machine import available_cores


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 8), ("250000 100000", 2), ("50000 100000", 1), ("900000 100000", 8), ("", 8)],
)
def test_a_container_s_share_bounds_the_cores(tmp_path, monkeypatch, limit, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "CGROUP_LIMIT", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert available_cores() == cores


def test_a_machine_without_control_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    monkeypatch.setattr(machine, "CGROUP_LIMIT", tmp_path / "gone")
    assert available_cores() == 3
