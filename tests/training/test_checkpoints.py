import json

import pytest

from tunesmith.training.checkpoints import (
    COMPLETE,
    METRICS,
    StepLog,
    keep_checkpoints,
    last_checkpoint,
    seal_checkpoint,
)


@pytest.fixture
def folder(tmp_path):
    for step in (5, 10, 20):
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        (checkpoint / "adapter_model.safetensors").write_bytes(b"weights")
        (checkpoint / "trainer_state.json").write_text("{}")
        seal_checkpoint(checkpoint)
    (tmp_path / "README.md").write_text("")
    (tmp_path / "checkpoint-last").mkdir()
    return tmp_path


def test_the_highest_step_is_the_last(folder):
    assert last_checkpoint(folder) == folder / "checkpoint-20"  # in lexical order it would be 5


def test_no_checkpoint_at_all(tmp_path):
    assert last_checkpoint(tmp_path) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda checkpoint: (checkpoint / COMPLETE).unlink(),
        lambda checkpoint: (checkpoint / COMPLETE).write_text('{"adapter_mod'),
        lambda checkpoint: (checkpoint / "trainer_state.json").unlink(),
        lambda checkpoint: (checkpoint / "adapter_model.safetensors").write_bytes(b"weight"),
    ],
    ids=["not sealed", "seal half-written", "file gone", "file cut"],
)
def test_a_checkpoint_that_is_not_whole_is_passed_over_and_deleted(folder, damage):
    damage(folder / "checkpoint-20")
    assert last_checkpoint(folder) == folder / "checkpoint-10"
    assert not (folder / "checkpoint-20").exists()


def test_only_the_kept_steps_remain(folder):
    keep_checkpoints(folder, {5, 20})
    assert sorted(path.name for path in folder.glob("checkpoint-*")) == [
        "checkpoint-20",
        "checkpoint-5",
        "checkpoint-last",
    ]


def entry(step, **values):
    return {"step": step, "timestamp": 100.0 + step, **values}


def test_validation_joins_the_step_it_looks_at(tmp_path):
    log = StepLog(tmp_path / METRICS, 0)
    log.add(entry(1, loss=2.0))
    known = log.add({"step": 1, "timestamp": 150.0, "eval_loss": 1.0})
    assert known == entry(1, loss=2.0, eval_loss=1.0)
    assert log.steps == [known]


def test_each_step_stands_once_after_a_resume(tmp_path):
    before = StepLog(tmp_path / METRICS, 0)
    for step in (1, 2, 3):
        before.add(entry(step, loss=1.0))
    after = StepLog(tmp_path / METRICS, 2)  # the checkpoint was taken at step 2
    after.add(entry(3, loss=0.5))
    expected = [entry(1, loss=1.0), entry(2, loss=1.0), entry(3, loss=0.5)]
    assert after.steps == expected
    assert StepLog(tmp_path / METRICS, 3).steps == expected


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path):
    path = tmp_path / METRICS
    log = StepLog(path, 0)
    log.add(entry(1, loss=1.0))
    with path.open("a") as file:
        file.write(json.dumps(entry(2, loss=0.5))[:20])
    assert StepLog(path, 2).steps == [entry(1, loss=1.0)]
