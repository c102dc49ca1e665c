"""Events come out as they went in, however a connection cut them."""

from hypothesis import example, given
from hypothesis import strategies as st

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
