"""A task hands out artifacts however it is called, and Prefect sees whether they were cached."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from tasks import stage_task as stage_tasks
from tasks.stage_task import StageTask, stage_task
from tests.flows.flow_runs import Seen, run_id
from tunesmith.artifacts import Verdict
from tunesmith.errors import InputError, RecipeError, Transient, Unready
from tunesmith.observe import labelled
from tunesmith.stage import Params, Stage
from tunesmith.store import Store
from tunesmith.store.draft import Draft

pytestmark = pytest.mark.usefixtures("prefect_server")


class WeighParams(Params):
    weight: int


def _write(params: WeighParams, draft: Draft) -> Verdict:
    decision: Any = "promote" if params.weight > 0 else "reject"
    draft.progress(1, 4, "stones")
    draft.progress(4, 4, "stones")
    return draft.seal_json(Verdict, "verdict.json", {"weight": params.weight}, decision=decision)


WEIGH = Stage("weigh", version=1, produces=Verdict, body=_write)


@pytest.fixture
def weigh(tmp_path: Path) -> StageTask[[int], Verdict]:
    @stage_task(hours=0.1)
    def weigh(weight: int) -> Verdict:
        return Store(str(tmp_path / "store")).build(WEIGH, WeighParams(weight=weight))

    return weigh


def branch(verdict: Verdict) -> str:
    """Go one way or the other, as a flow does; a state would go neither."""
    assert type(verdict) is Verdict
    return "on" if verdict.decision == "promote" else "back"


WAYS: dict[str, Callable[[StageTask[[int], Verdict]], list[str]]] = {
    "call": lambda weigh: [branch(weigh(1)), branch(weigh(0))],
    "submit": lambda weigh: [
        branch(future.result()) for future in (weigh.submit(1), weigh.submit(0))
    ],
    "map": lambda weigh: [branch(verdict) for verdict in weigh.map([1, 0]).result()],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_flow_branches_on_a_cached_verdict(way: str, weigh: StageTask[[int], Verdict]) -> None:
    @flow
    def decide() -> list[str]:
        return WAYS[way](weigh)

    for name in ("Completed", "Cached"):
        state = decide(return_state=True)
        assert state.result() == ["on", "back"]
        assert [run.state_name for run in Seen(run_id(state)).task_runs] == [name, name]


def test_what_was_cached_for_one_task_and_built_by_the_next_is_told_apart(
    weigh: StageTask[[int], Verdict],
) -> None:
    @flow
    def decide() -> None:
        for label, weight in (("first", 1), ("again", 1), ("other", 2)):
            with labelled(f"weigh {label}"):
                weigh(weight)

    state = decide(return_state=True)
    assert Seen(run_id(state)).states == {
        "weigh first": "Completed",
        "weigh again": "Cached",
        "weigh other": "Completed",
    }


def test_a_run_shows_progress_and_a_page_of_its_artifact(
    weigh: StageTask[[int], Verdict],
) -> None:
    @flow
    def decide() -> None:
        with labelled("weigh it"):
            weigh(1)

    artifacts = {item.key: item for item in Seen(run_id(decide(return_state=True))).artifacts}
    assert artifacts["weigh-it"].type == "markdown"
    assert artifacts["weigh-it-progress"].type == "progress"
    assert artifacts["weigh-it-progress"].data == 100.0


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stage_tasks.OPTIONS, "retry_delay_seconds", 0)


@pytest.mark.usefixtures("no_delay")
def test_the_outside_world_is_asked_again(weigh: StageTask[[int], Verdict]) -> None:
    calls = []

    @stage_task(hours=0.1)
    def shaky() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise Transient("the store does not answer")
        return len(calls)

    assert flow(lambda: shaky(), name="ask")() == 3


@pytest.mark.usefixtures("no_delay")
def test_asking_ends_after_the_stated_number_of_retries() -> None:
    calls = []

    @stage_task(hours=0.1)
    def gone() -> int:
        calls.append(1)
        raise Transient("the store does not answer")

    state = flow(lambda: gone(), name="ask")(return_state=True)
    assert state.is_failed()
    assert len(calls) == 1 + stage_tasks.OPTIONS["retries"]


@pytest.mark.usefixtures("no_delay")
@pytest.mark.parametrize("error", [RecipeError, InputError, Unready, ValueError, OSError])
def test_what_another_try_cannot_mend_is_not_tried_again(error: type[Exception]) -> None:
    calls = []

    @stage_task(hours=0.1)
    def wrong() -> int:
        calls.append(1)
        raise error("no")

    state = flow(lambda: wrong(), name="ask")(return_state=True)
    assert len(calls) == 1
    with pytest.raises(error):
        state.result()
