"""Checkpoints that are whole, and the metrics that belong to them.

A trainer writes the files of a checkpoint one by one, so a kill can leave half of one. Here a
checkpoint counts only once `complete.json` stands in it, written last, with the size of each
file. The measured steps are in `metrics.jsonl`; what a resumed run repeats is cut off first, so
that each step stands once.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.replacing import replace_file

COMPLETE = "complete.json"
STATE = "trainer_state.json"
METRICS = "metrics.jsonl"

StepMetrics = dict[str, float]
"""What was measured at an optimizer step: `step`, `timestamp` (seconds since 1970) and metrics."""


def seal_checkpoint(folder: Path) -> None:
    """Declare a checkpoint whole."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.name != COMPLETE}
    (folder / COMPLETE).write_text(json.dumps(sizes, sort_keys=True), encoding="utf-8")


def last_checkpoint(folder: Path) -> Path | None:
    """Return the latest whole checkpoint, and delete those that are not whole."""
    whole = []
    for step, path in _checkpoints(folder).items():
        if _is_complete(path):
            whole.append(step)
        else:
            shutil.rmtree(path)
    return folder / f"checkpoint-{max(whole)}" if whole else None


def keep_checkpoints(folder: Path, keep: set[int]) -> None:
    """Delete the checkpoints of all other steps."""
    for step, path in _checkpoints(folder).items():
        if step not in keep:
            (path / COMPLETE).unlink(missing_ok=True)  # first, so that no half of it counts
            shutil.rmtree(path)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Return the trainer's state at a checkpoint."""
    state: dict[str, Any] = json.loads((checkpoint / STATE).read_bytes())
    return state


def _checkpoints(folder: Path) -> dict[int, Path]:
    names = (re.fullmatch(r"checkpoint-(\d+)", path.name) for path in folder.glob("checkpoint-*"))
    return {int(name[1]): folder / name[0] for name in names if name}


def _is_complete(checkpoint: Path) -> bool:
    try:
        sizes = json.loads((checkpoint / COMPLETE).read_bytes())
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


class StepLog:
    """The metrics of every step, in memory and in a file that survives a kill."""

    def __init__(self, path: Path, last_step: int) -> None:
        """Take up the log of the steps up to and including `last_step`."""
        self._path = path
        self._steps: dict[int, StepMetrics] = {}
        for values in _read_lines(path):
            if values["step"] <= last_step:
                self._merge(values)
        replace_file(path, "".join(map(_line, self._steps.values())).encode())

    @property
    def steps(self) -> list[StepMetrics]:
        """All steps, in order, each once."""
        return [self._steps[step] for step in sorted(self._steps)]

    def add(self, values: Mapping[str, float]) -> StepMetrics:
        """Add metrics to a step, and return all that is known of the step."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(values))
        return self._merge(values)

    def _merge(self, values: Mapping[str, float]) -> StepMetrics:
        step = int(values["step"])
        known = self._steps.get(step, {})
        # The first timestamp stays: validation comes after the step that it looks at.
        self._steps[step] = {**values, **known}
        return self._steps[step]


def _line(values: Mapping[str, float]) -> str:
    return json.dumps(dict(values), sort_keys=True) + "\n"


def _read_lines(path: Path) -> list[StepMetrics]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    # A kill can leave the last line without its end.
    return [json.loads(line) for line in lines if line.endswith("\n")]
