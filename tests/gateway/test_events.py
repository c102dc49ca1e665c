"""Events come out as they went in, however a connection cut them."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tunesmith.gateway import events
from tunesmith.gateway.events import Events, data_of

WHOLE = st.lists(st.sampled_from([b"data: x\n\n", b"data:{}\r\n\r\n", b": ping\n\n"])).map(b"".join)
PIECES = st.lists(st.one_of(WHOLE, st.lists(st.sampled_from(b"d\n\r: ")).map(bytes)), max_size=5)


def cut(pieces):
    cutter = Events()
    found = [event for piece in pieces for event in cutter.cut(piece)]
    return found, cutter.rest


@given(PIECES)
@example([b"data: x\n\n\ndata: y\n\n"])
@example([b"data: x\n\n\n", b"data: y\n\n"])
@example([b"\n\n"])
@example([b"x"])
@example([b"data: x", b"\n", b"\ndata: y\n\n"])
@example([b"data: x\r\rdata: y\n\n"])
def test_events_are_the_same_wherever_the_stream_is_cut(pieces):
    text = b"".join(pieces)
    # A single byte is never a whole event.
    assert cut(pieces) == cut([text[at : at + 1] for at in range(len(text))])


@given(st.lists(st.sampled_from(b"d\n\r")).map(bytes), st.lists(st.integers(0, 5)))
@example(b"d\r\n\r\n\r\r", [4])
@example(b"d\n\r\nd\r\n\nd", [3, 4])
def test_they_are_those_of_the_whole_text(text, sizes):
    pieces, left = [], text
    for size in sizes:
        pieces, left = [*pieces, left[:size]], left[size:]
    ends = [0, *(end.end() for end in re.finditer(rb"\r?\n\r?\n|\r\r", text))]
    whole = [text[at:end] for at, end in zip(ends, ends[1:], strict=False)]
    assert cut([*pieces, left]) == (whole, text[ends[-1] :])


def test_a_long_event_is_read_once_however_it_comes(monkeypatch):
    read = []

    class Counting:
        def finditer(self, text, at=0):
            read.append(len(text) - at)
            return end.finditer(text, at)

    end = events._END
    monkeypatch.setattr(events, "_END", Counting())
    found, _ = cut([b"data: ", *[b"x" * 100] * 100, b"\n", b"\n"])
    assert len(found) == 1
    assert sum(read) < 2 * len(found[0])


@given(PIECES)
def test_nothing_is_added_or_lost(pieces):
    found, rest = cut(pieces)
    assert b"".join(found) + rest == b"".join(pieces)


def test_the_data_are_those_of_all_lines():
    assert data_of(b"data: x\n\n") == b"x"
    assert data_of(b"data:x\n\n") == b"x"
    assert data_of(b"data:  x\r\n\r\n") == b" x"
    assert data_of(b"data: x\ndata: y\n\n") == b"x\ny"
    assert data_of(b"data: x\rdata: y\n\n") == b"x\ny"
    assert data_of(b"data: x\rid: 7\n\n") == b"x"
    assert data_of(b"event: e\ndata: x\n\n") == b"x"
    assert data_of(b": ping\n\n") == b""
