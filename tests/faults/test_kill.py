"""A run that is killed again and again ends like one that was left alone."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import PATIENCE

RECIPES = Path(__file__).parents[2] / "recipes"
DATA_STAGES = {"base", "ingest", "validate", "score", "dedup", "split"}


@pytest.fixture
def folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A folder with the tiny recipe, trained long enough to be killed in the middle."""
    recipe = (RECIPES / "tiny.yaml").read_text()
    recipe = recipe.replace("epochs: 3", "epochs: 6\n  evaluate_every: 5\n  patience: 50")
    (tmp_path / "tiny.yaml").write_text(recipe)
    shutil.copytree(RECIPES / "tiny", tmp_path / "tiny")
    shutil.copytree(tiny_base, tmp_path / "tiny/base")
    return tmp_path


def start(folder: Path, home: str) -> "subprocess.Popen[str]":
    """Start a run in a process of its own."""
    environment = {
        **os.environ,
        "TUNESMITH_HOME": str(folder / home),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [str(Path(sys.executable).parent / "tunesmith"), "run", "tiny.yaml"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def records(folder: Path, home: str) -> list[dict[str, Any]]:
    """Every record in a home's store."""
    found = (folder / home / "store/records").rglob("*.json")
    return [json.loads(path.read_text()) for path in found]


def digests(folder: Path, home: str) -> set[tuple[str, str]]:
    """What the data stages built."""
    return {
        (record["key"], record["output"]["digest"])
        for record in records(folder, home)
        if record["stage"] in DATA_STAGES
    }


def kill_when(run: "subprocess.Popen[str]", reached: Any, delay: float) -> bool:
    """Kill a run a moment after a condition holds; False if it ended first."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if run.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run did not get there"
        time.sleep(0.01)
    time.sleep(delay)
    run.send_signal(signal.SIGKILL)
    run.wait()
    return True


@pytest.mark.timeout(1200)
def test_killed_run_is_taken_up(folder: Path) -> None:
    undisturbed = start(folder, "quiet")
    output, _ = undisturbed.communicate(timeout=PATIENCE)
    assert undisturbed.returncode == 0, output

    draw = random.Random(11)
    home = folder / "home"
    checkpoints = "store/work/train/*/state/checkpoints/*/complete.json"
    moments = [
        lambda: (home / "store/work/ingest").exists(),
        lambda: len(records(folder, "home")) >= 4,
        lambda: len(records(folder, "home")) >= 9,
        lambda: any(home.glob(checkpoints)),
        lambda: any(record["stage"] == "train" for record in records(folder, "home")),
        lambda: any(record["stage"] == "gate" for record in records(folder, "home")),
    ]
    killed = sum(
        kill_when(start(folder, "home"), moment, draw.uniform(0, 0.2)) for moment in moments
    )
    assert killed >= 5
    last = start(folder, "home")
    output, _ = last.communicate(timeout=PATIENCE)
    assert last.returncode == 0, output
    assert "Verdict: promote" in output or "Unchanged" in output

    made = Counter(record["key"] for record in records(folder, "home"))
    assert set(made.values()) == {1}, "a completed stage was repeated"
    assert digests(folder, "home") == digests(folder, "quiet")
    (train,) = (record for record in records(folder, "home") if record["stage"] == "train")
    assert train["notes"]["resumed_from"] > 0
    _one_run_and_version(folder)


def _one_run_and_version(folder: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'home/mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    (version,) = client.search_model_versions("name='tiny'")
    assert version.run_id == run.info.run_id
    losses = client.get_metric_history(run.info.run_id, "train/loss")
    steps = [metric.step for metric in losses]
    assert len(steps) == len(set(steps)) > 0, "each step stands once"
