"""What is told piece by piece is what is told at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.serving.answers import Telling


class Letters:
    """A tokenizer whose tokens are the bytes of a text."""

    def decode(self, tokens, skip_special_tokens):
        return bytes(tokens).decode(errors="replace")


def told(text, stops):
    """The pieces of a text, and whether one of the stops was met."""
    telling, tokens, pieces = Telling(Letters(), stops), list(text.encode()), []
    for end in range(1, len(tokens) + 1):
        pieces.append(telling.more(tokens[:end], end == len(tokens)))
        if telling.stopped:
            break
    assert telling.text == "".join(pieces)
    return pieces, telling.stopped


@given(
    st.text(st.sampled_from("abAé€😀"), max_size=12),
    st.lists(st.text(st.sampled_from("abA€"), min_size=1, max_size=3), max_size=2),
)
def test_pieces_make_up_the_text_before_the_first_stop(text, stops):
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    pieces, stopped = told(text, tuple(stops))
    # Of several stops, the one that is complete first ends the answer.
    ends = [at + len(stop) for stop in stops if (at := text.find(stop)) >= 0]
    first = [at for stop in stops if (at := text[: min(ends, default=0)].find(stop)) >= 0]
    assert "".join(pieces) == (text[: min(first)] if found else text)
    assert stopped == bool(found)


@pytest.mark.parametrize(
    ("text", "stops", "pieces"),
    [
        ("ab", (), ["a", "b"]),
        ("aéb", (), ["a", "", "é", "b"]),  # half a character is not told
        ("aENb", ("END",), ["a", "", "", "ENb"]),  # nor what may still become a stop
        ("aENDb", ("END",), ["a", "", "", ""]),
        ("aEN", ("END",), ["a", "", "EN"]),  # at the end it is told
        ("aab", ("ab",), ["", "a", ""]),
    ],
)
def test_what_may_still_change_is_held_back(text, stops, pieces):
    assert told(text, stops)[0] == pieces
