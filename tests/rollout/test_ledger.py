"""The ledger: one truth, one mover at a time, on SQLite and on PostgreSQL."""

import datetime
import threading

import pytest

from tunesmith.database import session as sessions
from tunesmith.errors import InputError
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import (
    NotOver,
    TooLate,
    Version,
    all_of,
    history,
    latest,
    move,
    recipes,
    settle,
    start,
)
from tunesmith.rollout.params import RolloutParams

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
LATER = NOW + datetime.timedelta(days=1)
OLD, NEW = Version(version="3", model="m-3"), Version(version="4", model="m-4")
PARAMS = RolloutParams(stages=(5, 50, 100), minimum_requests=7)


@pytest.fixture
def database(database_url):
    return database_url


def begun(database, **more):
    fields = {"recipe": "tiny", "control": OLD, "treatment": NEW, "now": NOW, **more}
    return start(database, params=PARAMS, by="retrain 1", **fields)


def test_a_rollout_comes_back_as_it_was_begun(database):
    made = begun(database)
    assert latest(database, "tiny") == made
    assert (made.control, made.treatment, made.params, made.weight) == (OLD, NEW, PARAMS, 500)
    assert (made.position.stage, made.position.status, made.position.entered) == (
        0, "running", NOW,
    )  # fmt: skip
    (entry,) = history(database, made.id)
    assert (entry.kind, entry.by, entry.why, entry.at) == (
        "start",
        "retrain 1",
        "m-4 against m-3",
        NOW,
    )
    assert latest(database, "other") is None


def test_beginning_it_again_begins_nothing(database):
    assert begun(database) == begun(database)
    with pytest.raises(
        InputError, match="is not over; end it first: tunesmith rollout rollback tiny"
    ):
        begun(database, treatment=Version(version="5", model="m-5"))


def test_moves_lead_on_and_are_kept(database):
    made = begun(database)
    made = move(database, made, "advance", "tick", "all is well", LATER, {"readings": [1]})
    assert (made.position.stage, made.position.entered, made.weight) == (1, LATER, 5000)
    made = move(database, made, "hold", "ann@host", "lunch", LATER)
    assert (made.position.status, made.weight, made.open) == ("held", 5000, True)
    made = move(database, made, "resume", "ann@host", "", LATER)
    made = move(database, made, "roll_back", "tick", "credibly worse", LATER)
    assert (made.position.status, made.weight, made.open) == ("rolled_back", 0, False)
    assert latest(database, "tiny") == made
    told = [(entry.number, entry.kind, entry.status) for entry in history(database, made.id)]
    assert told == [
        (0, "start", "running"), (1, "advance", "running"), (2, "hold", "held"),
        (3, "resume", "running"), (4, "roll_back", "rolled_back"),
    ]  # fmt: skip
    assert history(database, made.id)[1].evidence == {"readings": [1]}


def test_another_after_a_rollback_has_another_salt(database):
    first = begun(database)
    move(database, first, "roll_back", "tick", "", LATER)
    second = start(
        database, "tiny", control=OLD, treatment=NEW, params=PARAMS, by="ann",
        now=LATER + datetime.timedelta(seconds=1),
    )  # fmt: skip
    assert second.salt != first.salt
    assert second.id != first.id
    assert latest(database, "tiny") == second


def test_whoever_is_too_late_moves_nothing(database):
    seen = begun(database)
    move(database, seen, "advance", "tick", "", LATER)
    with pytest.raises(TooLate):
        move(database, seen, "advance", "other tick", "", LATER)
    with pytest.raises(TooLate):
        move(database, seen, "roll_back", "ann", "", LATER)
    assert len(history(database, seen.id)) == 2
    assert latest(database, "tiny").position.stage == 1


def test_of_many_at_once_one_moves(database):
    seen, won, lost = begun(database), [], []
    ready = threading.Barrier(6)

    def tick(name):
        ready.wait()
        try:
            won.append(move(database, seen, "advance", name, "", LATER))
        except TooLate:
            lost.append(name)

    threads = [threading.Thread(target=tick, args=(f"tick {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    assert latest(database, "tiny").position.stage == 1


def test_a_mover_that_dies_half_way_has_moved_nothing(database, monkeypatch):
    seen = begun(database)

    def dies(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "_entry", dies)
    with pytest.raises(KeyboardInterrupt):
        move(database, seen, "advance", "tick", "", LATER)
    monkeypatch.undo()
    assert latest(database, "tiny") == seen
    assert len(history(database, seen.id)) == 1


def test_of_many_that_begin_at_once_one_begins(database):
    begun(database, recipe="other")  # the tables are there
    made, refused = [], []
    ready = threading.Barrier(6)

    def begin(number):
        ready.wait()
        try:
            treatment = Version(version=f"{4 + number % 2}", model="m")
            made.append(begun(database, treatment=treatment).id)
        except NotOver as error:
            refused.append(str(error))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(made)), len(refused)) == (3, 1, 3)
    assert [found.id for found in all_of(database, "tiny")] == made[:1]


def test_what_serves_at_once_is_over_as_it_begins(database):
    made = settle(database, "tiny", OLD, NEW, "ann", "it is urgent", NOW)
    assert latest(database, "tiny") == made
    assert (made.open, made.weight, made.champion) == (False, 10_000, NEW)
    (entry,) = history(database, made.id)
    assert (entry.kind, entry.status, entry.why) == ("start", "done", "it is urgent")
    going = begun(database, control=NEW, treatment=OLD, now=LATER)
    with pytest.raises(NotOver, match=f"rollout {going.id}, of m-3, is not over"):
        settle(database, "tiny", OLD, NEW, "ann", "", LATER)
    assert [found.id for found in all_of(database, "tiny")] == [made.id, going.id]
    begun(database, recipe="other")
    assert recipes(database) == ["other", "tiny"]


def test_one_that_is_done_can_be_rolled_back(database):
    made = begun(database)
    for kind in ("advance", "advance", "finish"):
        assert made.champion == (NEW if made.weight == 10_000 else OLD)
        made = move(database, made, kind, "tick", "", LATER)
    assert (made.position.status, made.champion) == ("done", NEW)
    made = move(database, made, "roll_back", "ann", "late", LATER)
    assert (made.position.status, made.weight, made.champion) == ("rolled_back", 0, OLD)


def test_a_rollout_begins_against_who_serves_as_it_is_written(database):
    """What was read before may be what a person has just taken back from everybody."""
    settle(database, "tiny", OLD, NEW, "tick", "", NOW)
    settle(database, "tiny", NEW, OLD, "ann", "m-4 leaks", NOW)
    after = Version(version="5", model="m-5")
    with pytest.raises(TooLate):
        begun(database, control=NEW, treatment=after)
    with pytest.raises(TooLate):
        settle(database, "tiny", NEW, after, "ann", "", LATER)
    assert begun(database, treatment=after).control == OLD


def test_no_move_is_dated_before_the_last_one(database):
    """A laptop whose clock is behind takes back what began a minute ago."""
    behind, step = NOW - datetime.timedelta(minutes=2), datetime.timedelta(microseconds=1)
    made = move(database, begun(database), "roll_back", "ann", "", behind)
    assert history(database, made.id)[-1].at == NOW + step
    settled = settle(database, "tiny", OLD, NEW, "ann", "", behind)
    assert latest(database, "tiny") == settled
    assert history(database, settled.id)[0].at == NOW + 2 * step
    assert settled.position.entered == behind


def test_a_clock_that_was_ahead_keeps_nothing_waiting(database):
    held = move(database, begun(database), "hold", "ann", "", NOW + datetime.timedelta(days=365))
    made = move(database, held, "advance", "tick", "", LATER)
    assert made.position.entered == LATER
    assert history(database, made.id)[-1].at > NOW + datetime.timedelta(days=365)


def test_what_another_has_followed_moves_no_more(database):
    done = settle(database, "tiny", OLD, NEW, "ann", "", NOW)
    begun(database, control=NEW, treatment=Version(version="5", model="m-5"), now=LATER)
    with pytest.raises(TooLate):
        move(database, done, "roll_back", "ann", "", LATER)
    assert ledger.one(database, done.id) == done


def test_times_are_in_utc_wherever_the_server_is(postgres):
    """Days that are added in a zone of its own are an hour too short or long twice a year."""
    postgres.psql("CREATE DATABASE in_berlin;")
    postgres.psql("ALTER DATABASE in_berlin SET timezone = 'Europe/Berlin';")
    url = postgres.get_uri("in_berlin")
    begun(url)
    entered = latest(url, "tiny").position.entered
    assert (entered, entered.tzinfo) == (NOW, datetime.UTC)
    sessions._engine(url).dispose()
    sessions._engine.cache_clear()
