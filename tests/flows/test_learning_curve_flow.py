"""A learning curve under Prefect and without it: the same stages, the same answer."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.learning_curve import learning_curve
from tests.flows.flow_runs import Seen, run_id
from tests.flows.projects import Project
from tunesmith import learning_curve as library


def test_every_size_is_a_stage_and_found_again(
    prefect_server: None,
    new_project: Callable[[], Project],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = new_project()
    text = project.recipe.read_text()
    project.recipe.write_text(
        text.replace("epochs: 3", "epochs: 1").replace("sample: 40", "sample: 8")
    )
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)

    state: Any = learning_curve(str(project.recipe), sizes=[20], return_state=True)
    ended = state.result()
    seen = Seen(run_id(state))
    assert {"subset 20", "train 20", "train 240", "predict base", "evaluate 240 test"} <= set(
        seen.states
    )
    # Two models that answer alike share their scores.
    assert set(seen.states.values()) <= {"Completed", "Cached"}
    assert seen.states["train 20"] == seen.states["train 240"] == "Completed"
    assert "learning-curve" in {item.key for item in seen.artifacts}
    assert ended.pays == "not settled"
    assert "2 sizes; a curve takes at least 4" in ended.told
    assert re.search(r"Test set: [12] models? measured without a verdict so far", ended.told)
    assert Path(ended.report).read_text().startswith("<!doctype html>")

    builds = len(list(project.settings.store().all_records()))
    again = library.run(project.recipe, project.settings, sizes=[20])
    assert again == ended
    assert len(list(project.settings.store().all_records())) == builds
