"""Appending: what is acknowledged is as durable as was asked for, and syncs are shared."""

import asyncio
import errno
import os

import pytest

from tunesmith.gateway import segments
from tunesmith.gateway.segments import Segments


def written(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir())).splitlines()


@pytest.fixture
def synced(monkeypatch, tmp_path):
    """What was on the disk at each sync."""
    seen, sync = [], segments._sync

    def noted(files):
        seen.append(len(written(tmp_path)))
        return sync(files)

    monkeypatch.setattr(segments, "_sync", noted)
    return seen


def test_those_who_wait_for_the_disk_share_a_sync(tmp_path, synced):
    async def many():
        made = Segments(tmp_path, "disk")
        kept = await asyncio.gather(*(made.append(b"%d" % number) for number in range(100)))
        await made.close()
        return kept

    assert all(asyncio.run(many()))
    assert len(written(tmp_path)) == 100
    # The first, those who came meanwhile, and the one at the end.
    assert len(synced) <= 3


def test_nobody_goes_on_before_a_sync_that_began_after_the_write(tmp_path, synced):
    async def one_by_one():
        made = Segments(tmp_path, "disk")
        for number in range(5):
            await made.append(b"%d" % number)
            assert synced[-1] == number + 1
        await made.close()

    asyncio.run(one_by_one())


def test_without_it_the_write_is_all_that_is_waited_for(tmp_path, synced):
    async def several():
        made = Segments(tmp_path)
        for number in range(5):
            await made.append(b"%d" % number)
            assert len(written(tmp_path)) == number + 1
        before = list(synced)
        await made.close()
        return before

    assert asyncio.run(several()) == []
    assert synced == [5]


def test_beyond_the_limit_lines_are_dropped_told_and_counted(tmp_path):
    dropped = []

    async def fill():
        made = Segments(tmp_path, limit=25, on_drop=lambda: dropped.append(1))
        kept = [await made.append(b"123456789") for _ in range(4)]
        await made.close()
        return kept

    assert asyncio.run(fill()) == [True, True, False, False]
    assert len(dropped) == 2
    assert written(tmp_path) == [b"123456789"] * 2


def test_after_a_disk_was_full_what_is_acknowledged_is_whole(tmp_path, monkeypatch):
    write, room = os.write, [5, 0, 100, 100]

    def full(file, data):
        left = room.pop(0)
        if not left:
            raise OSError(errno.ENOSPC, "full")
        return write(file, data[:left])

    async def fill():
        made = Segments(tmp_path)
        monkeypatch.setattr(os, "write", full)
        kept = [await made.append(b"{line %d}" % number) for number in range(4)]
        await made.close()
        return kept

    assert asyncio.run(fill()) == [False, False, True, True]
    assert written(tmp_path) == [b"{line", b"{line 2}", b"{line 3}"]
