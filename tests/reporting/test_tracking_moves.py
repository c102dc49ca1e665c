"""The account of a model's champions, and what a version shows, in a real MLflow."""

import datetime
from pathlib import Path

import pytest

from tunesmith.reporting.tracking import Move, Registered, Tracker

TAGS = dict.fromkeys(("started_by", "trigger", "why", "commit", "recipe"), "x")


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    folder = tmp_path_factory.mktemp("moves")
    return Tracker(f"sqlite:///{folder}/mlflow.db", folder / "artifacts")


def made(tracker: Tracker, name: str, retrain: str, folder: Path) -> Registered:
    (folder / "adapter.safetensors").write_bytes(b"weights")
    run = tracker.start_run(name, retrain, TAGS)
    return tracker.register(name, retrain, run, folder, {"adapter": "a"})


def move(to: str, before: str | None, at: str) -> Move:
    return Move(how="promote", before=before, to=to, by="ada", at=at, why="ö" * 2000)


def test_a_model_that_is_not_there(tracker: Tracker) -> None:
    assert tracker.moves("nobody") == []
    assert tracker.versions("nobody") == []
    assert tracker.serving("nobody") is None


def test_moves_come_back_in_order_of_time(tracker: Tracker, tmp_path: Path) -> None:
    made(tracker, "mail", "one", tmp_path)
    made(tracker, "mail", "two", tmp_path)
    moment = datetime.datetime(2026, 9, 30, 23, 59, 59, 999_999, datetime.UTC)
    times = [moment, moment + datetime.timedelta(microseconds=1)]
    done = [move("1", None, times[0].isoformat()), move("2", "1", times[1].isoformat())]
    for item in (done[1], done[0]):
        tracker.move("mail", item)
    assert tracker.moves("mail") == done
    assert tracker.serving("mail") == "1"


def test_moves_at_one_moment_are_both_kept(tracker: Tracker, tmp_path: Path) -> None:
    made(tracker, "at-once", "one-of-two", tmp_path)
    same = move("1", None, "2026-11-21T15:40:01.000000+00:00")
    tracker.move("at-once", same)
    tracker.move("at-once", same)
    assert tracker.moves("at-once") == [same, same]


@pytest.mark.parametrize("length", [10, 5000, 5001, 40_000])
def test_a_card_of_any_length(tracker: Tracker, tmp_path: Path, length: int) -> None:
    registered = made(tracker, "carded", f"card-{length}", tmp_path)
    card = ("word " * 20 + "\n") * (length // 101 + 1)
    tracker.present(registered, card[:length], {"release": "r"})
    version = tracker.client.get_model_version("carded", registered.version)
    cut = length > 5000
    assert len(version.description) <= 5000
    assert (version.description != card[:length]) == cut
    assert version.description.endswith("beside the adapter.*") == cut
    assert version.tags["tunesmith.release"] == "r"
    copied = tracker.client.download_artifacts(version.run_id, "adapter/README.md", str(tmp_path))
    assert Path(copied).read_text() == card[:length]
