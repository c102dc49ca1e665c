"""Training is handed over when the settings name a deployment and there is something to train."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.states import Cancelled, Completed, Crashed, Failed

from tasks import training
from tunesmith import settings
from tunesmith.artifacts import Adapter, Base, Examples
from tunesmith.errors import Transient, TunesmithError
from tunesmith.stages.train import STAGE, TrainParams
from tunesmith.store.draft import Draft

ROWS = Examples(digest="a" * 64, rows=3, dropped=0)
INPUTS = (TrainParams(method="sft"), ROWS, ROWS, Base(digest="b" * 64, model="tiny"))


class Pool:
    """Stands for Prefect and its workers: takes a run, and says how it ended."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.ends: Any = Completed()

    def run_deployment(self, name: str, **asked: Any) -> Any:
        self.asked.append((name, asked))
        return SimpleNamespace(name="a run", state=self.ends)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pool:
    made = Pool()
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    monkeypatch.setenv("TUNESMITH_TRAIN_DEPLOYMENT", "train/train")
    monkeypatch.setattr(training, "run_deployment", made.run_deployment)
    return made


def test_only_references_travel(pool: Pool) -> None:
    training.hand_over(*INPUTS, run="r")
    ((name, asked),) = pool.asked
    assert name == "train/train"
    assert asked["parameters"]["rows"] == ROWS.model_dump(mode="json")
    assert asked["parameters"]["run"] == "r"
    assert TrainParams.model_validate(asked["parameters"]["params"]) == INPUTS[0]


def test_without_a_deployment_training_stays_here(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TUNESMITH_TRAIN_DEPLOYMENT")
    training.hand_over(*INPUTS, run="r")
    assert pool.asked == []


def test_what_was_trained_before_is_not_trained_again(pool: Pool) -> None:
    def write(params: TrainParams, draft: Draft, *inputs: Any) -> Adapter:
        folder = draft.scratch()
        folder.joinpath("adapter").write_text("trained")
        return draft.seal_files(Adapter, folder, base="b" * 64)

    trained: Any = replace(STAGE, body=write)
    settings.load().store().build(trained, *INPUTS)
    training.hand_over(*INPUTS, run="r")
    assert pool.asked == []


@pytest.mark.parametrize(
    ("state", "passing"),
    [
        (Failed(message="loss is not a number"), False),
        (Crashed(message="killed"), True),
        (Cancelled(), True),
        (None, True),
    ],
)
def test_a_run_that_was_killed_may_be_taken_up_again_and_one_that_failed_may_not(
    state: Any, passing: bool, pool: Pool
) -> None:
    pool.ends = state
    with pytest.raises(TunesmithError) as caught:
        training.hand_over(*INPUTS, run="r")
    assert isinstance(caught.value, Transient) is passing
