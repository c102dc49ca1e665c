"""The whole path under Prefect: what is built, what is found again, and what a person sees."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from flows.retrain import retrain
from tests.flows.flow_runs import Seen, run_id
from tests.flows.projects import Project
from tunesmith import retrains
from tunesmith.retrains import Ended

EFFECTS = {"start", "finish"}
"""Tasks that are no stage: they are idempotent, and run each time."""


class Run(NamedTuple):
    ended: Ended
    seen: Seen


class Twice(NamedTuple):
    project: Project
    first: Run
    second: Run


@pytest.fixture(scope="module")
def twice(prefect_server: None, new_project: Callable[[], Project]) -> Iterator[Twice]:
    """A retrain, and the same again."""
    project = new_project()

    def once() -> Run:
        state: Any = retrain(str(project.recipe), why="to see it", return_state=True)
        return Run(state.result(), Seen(run_id(state)))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environment.items():
            patch.setenv(name, value)
        yield Twice(project, once(), once())


def stages(seen: Seen) -> dict[str, str]:
    return {name: state for name, state in seen.states.items() if name not in EFFECTS}


def test_a_better_model_is_promoted(twice: Twice) -> None:
    assert twice.first.ended.outcome == "promote"
    assert twice.first.ended.registered is not None
    assert set(twice.first.seen.states.values()) == {"Completed"}


def test_the_second_run_finds_every_stage_and_changes_nothing(twice: Twice) -> None:
    assert twice.second.ended.outcome == "unchanged"
    assert twice.second.ended.registered is None
    assert set(stages(twice.second.seen).values()) == {"Cached"}
    assert stages(twice.second.seen).keys() <= stages(twice.first.seen).keys()
    assert "train" in stages(twice.second.seen)
    # Nothing is evaluated for a candidate that serves already.
    assert not any("candidate" in name for name in stages(twice.second.seen))


def test_without_prefect_the_same_stages_give_the_same_artifacts(
    twice: Twice, new_project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_project()
    for name, value in other.environment.items():
        monkeypatch.setenv(name, value)
    ended = retrains.run(other.recipe, other.settings, trigger="manual", why="", accept=())
    assert ended.outcome == "promote"
    assert built(other) == built(twice.project)


def built(project: Project) -> dict[tuple[str, str], str]:
    """The digest of everything that was built, by stage and key."""
    return {
        (record["stage"], record["key"]): record["output"]["digest"]
        for record in project.settings.store().all_records()
    }


def test_runs_are_named_for_people(twice: Twice) -> None:
    assert twice.first.seen.flow_run.name == f"manual {twice.project.recipe}"
    names = set(stages(twice.first.seen))
    assert {
        "base",
        "ingest",
        "ingest golden",
        "validate",
        "score",
        "dedup",
        "split",
        "mix",
        "predict base test",
        "evaluate base test",
        "predict own 4 shots plain validation",
        "choose",
        "predict prompt_baseline test",
        "advise",
        "train",
        "package",
        "predict candidate golden",
        "evaluate candidate test",
        "gate",
    } <= names


def test_the_log_of_a_run_holds_what_the_library_says(twice: Twice) -> None:
    seen = twice.first.seen
    task_runs = {run.id: run.name for run in seen.task_runs}
    said = {
        (line.name, task_runs.get(line.task_run_id))
        for line in seen.logs
        if line.name.startswith("tunesmith.")
    }
    for stage in stages(seen):
        assert ("tunesmith.store.store", stage) in said
    assert ("tunesmith.retrains", "start") in said


def test_a_person_sees_pages_tables_plots_and_progress(twice: Twice) -> None:
    artifacts = {item.key: item for item in twice.first.seen.artifacts}
    kinds = {key: item.type for key, item in artifacts.items()}
    # A key is a history of one thing: a table and a plot under one key would hide each other.
    assert {(item.key, item.type) for item in twice.first.seen.artifacts} == set(kinds.items())
    assert kinds["verdict"] == kinds["advice"] == "markdown"
    assert kinds["before-after"] == kinds["funnel"] == "table"
    assert "image" in kinds.values()
    for stage in stages(twice.first.seen):
        assert kinds[stage.replace(" ", "-").replace("_", "-")] == "markdown"
    for stage in ("train", "predict-base-test"):
        assert kinds[f"{stage}-progress"] == "progress"
        assert artifacts[f"{stage}-progress"].data == 100.0
