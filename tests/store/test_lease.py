"""One builder at a time: waiting, taking over from the dead, and never two holders."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from tunesmith.errors import Transient
from tunesmith.store import lease
from tunesmith.store.files import open_storage
from tunesmith.store.lease import BEAT, EXPIRY, POLL, held

WORK = "work/train/key"


@pytest.fixture(params=["disk", "s3"])
def storage(request, tmp_path):
    where = tmp_path / "store" if request.param == "disk" else request.getfixturevalue("s3")
    return open_storage(str(where))


@pytest.fixture
def local(tmp_path):
    return open_storage(str(tmp_path / "store"))


class GaveUp(Exception):
    """The waiter had waited long enough for the test."""


class Clock:
    """A waiter's own clock: sleeping costs no time, and things happen while it sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.happens = lambda waited: None

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.happens(self.now - 1000.0)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(lease, "time", clock)
    return clock


def process(pid):
    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def lease_of(host="another-host", token="theirs", beat=0, **who):
    return json.dumps({"host": host, "token": token, "beat": beat, **who}).encode()


ALIVE_HERE = {"host": socket.gethostname(), **process(os.getpid())}


def leases(storage):
    return sorted(name for name in storage.sizes(WORK) if name.startswith("lease"))


def test_a_lease_is_held_for_the_block_and_given_back(storage):
    with held(storage, WORK) as holder:
        holder.check()
        assert leases(storage) == ["lease-000001"]
        content = json.loads(storage.read(f"{WORK}/lease-000001"))
        assert (content["host"], content["pid"]) == (socket.gethostname(), os.getpid())
    assert leases(storage) == []


def test_it_is_given_back_when_the_block_raises(local):
    with pytest.raises(ValueError, match="body"), held(local, WORK):
        raise ValueError("body")
    assert leases(local) == []


def test_other_work_needs_no_waiting(local):
    with held(local, WORK), held(local, "work/train/other"), held(local, "work/score/key"):
        pass


def test_a_holder_that_beats_is_waited_for_however_long(storage, clock):
    storage.create(f"{WORK}/lease-000001", lease_of(pid=1, started=0))

    def happens(waited):
        storage.replace(f"{WORK}/lease-000001", lease_of(pid=1, started=0, beat=waited // BEAT))
        if waited > 10 * EXPIRY:
            raise GaveUp

    clock.happens = happens
    clock.sleep = lambda seconds: Clock.sleep(clock, EXPIRY / 4)
    with pytest.raises(GaveUp), held(storage, WORK):
        pass
    assert leases(storage) == ["lease-000001"]


def test_a_silent_holder_elsewhere_is_taken_over_after_the_expiry_and_not_before(storage, clock):
    storage.create(f"{WORK}/lease-000001", lease_of(pid=1, started=0))
    clock.sleep = lambda seconds: Clock.sleep(clock, EXPIRY / 8)
    with held(storage, WORK):
        assert EXPIRY < clock.now - 1000 <= EXPIRY * 1.25
        assert leases(storage) == ["lease-000001", "lease-000002"]
    assert leases(storage) == []


def test_the_silence_is_counted_from_the_last_beat(local, clock):
    local.create(f"{WORK}/lease-000001", lease_of(pid=1, started=0))

    def happens(waited):
        if abs(waited - EXPIRY * 0.75) < POLL / 2:
            local.replace(f"{WORK}/lease-000001", lease_of(pid=1, started=0, beat=1))

    clock.happens = happens
    with held(local, WORK):
        assert clock.now - 1000 > EXPIRY * 1.75


def test_a_slow_holder_on_this_machine_that_lives_is_not_dead(local, clock):
    local.create(f"{WORK}/lease-000001", lease_of(**ALIVE_HERE))
    with held(local, WORK):
        assert clock.now - 1000 > EXPIRY  # it has hung: silence counts here too


def test_a_holder_that_gives_back_is_followed_at_the_next_look(local, clock):
    local.create(f"{WORK}/lease-000001", lease_of(**ALIVE_HERE))

    def happens(waited):
        if waited >= 10 * POLL:
            local.delete(f"{WORK}/lease-000001")

    clock.happens = happens
    with held(local, WORK):
        assert clock.now - 1000 <= 11 * POLL
        assert leases(local) == ["lease-000001"]


def killed():
    """The lease of a process of this machine that was killed."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = process(child.pid)
    child.send_signal(signal.SIGKILL)
    return child, lease_of(host=socket.gethostname(), **who)


def test_the_dead_of_this_machine_are_taken_over_at_once(local, clock):
    child, content = killed()
    child.communicate()
    local.create(f"{WORK}/lease-000001", content)
    with held(local, WORK):
        assert clock.now == 1000


def test_a_killed_process_that_nobody_waited_for_is_dead_too(local, clock):
    child, content = killed()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    local.create(f"{WORK}/lease-000001", content)
    with held(local, WORK):
        assert clock.now == 1000
    child.communicate()


def test_another_process_under_the_same_number_is_not_the_holder(local, clock):
    who = {**ALIVE_HERE, "started": ALIVE_HERE["started"] - 3600}
    local.create(f"{WORK}/lease-000001", lease_of(**who))
    with held(local, WORK):
        assert clock.now == 1000


def test_of_two_waiters_that_take_over_one_wins(local, clock):
    local.create(f"{WORK}/lease-000001", lease_of(pid=1, started=0))
    create = local.create

    def too_late(path, content):
        if path.endswith("lease-000002"):  # the other waiter is faster
            create(path, lease_of(token="faster", pid=2, started=0))
        return create(path, content)

    local.create = too_late
    with held(local, WORK) as holder:
        assert clock.now - 1000 > 2 * EXPIRY  # it waited for the faster one as well
        holder.check()
        assert leases(local)[-1] == "lease-000003"


def test_who_was_taken_over_is_told_and_leaves_the_new_holder_alone(storage):
    with held(storage, WORK) as holder:
        storage.create(f"{WORK}/lease-000002", lease_of(pid=1, started=0))
        with pytest.raises(Transient, match="another builder"):
            holder.check()
        assert not holder.beat(7)
    assert leases(storage) == ["lease-000001", "lease-000002"]


def test_the_numbers_begin_again_but_the_token_tells_whose_lease_it_is(local):
    theirs = lease_of(pid=1, started=0)
    with held(local, WORK) as holder:
        # Taken over, finished, given back, and begun anew by somebody else under our number.
        local.delete(f"{WORK}/lease-000001")
        assert not holder.beat(1)
        assert leases(local) == []
        local.create(f"{WORK}/lease-000001", theirs)
        with pytest.raises(Transient):
            holder.check()
        assert not holder.beat(2)
    assert local.read(f"{WORK}/lease-000001") == theirs


def test_it_beats_while_the_body_works_and_survives_a_lost_beat(local, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.001)
    replace = local.replace
    beats, enough = [], threading.Event()

    def counted(path, content):
        beats.append(json.loads(content)["beat"])
        if len(beats) == 2:
            raise Transient("the store is away")
        if len(beats) == 3:
            raise OSError(28, "No space left on device")
        replace(path, content)
        if len(beats) == 5:
            enough.set()

    local.replace = counted
    with held(local, WORK) as holder:
        assert enough.wait(60)
        holder.check()
    assert beats[:5] == [1, 2, 3, 4, 5]


def test_a_second_thread_waits_for_the_first(local, monkeypatch):
    monkeypatch.setattr(lease, "POLL", 0.001)
    inside, log = threading.Event(), []

    def second():
        inside.wait()
        with held(local, WORK):
            log.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    looked = threading.Event()
    sizes = local.sizes

    def seen(folder):
        if threading.current_thread() is thread:
            looked.set()
        return sizes(folder)

    local.sizes = seen
    with held(local, WORK):
        inside.set()
        assert looked.wait(60)
        log.append("first")
    thread.join()
    assert log == ["first", "second"]
    assert leases(local) == []
