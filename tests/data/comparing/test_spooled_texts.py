import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.comparing.spooled_texts import SpooledTexts


@given(texts=st.lists(st.text(st.characters())))
def test_what_was_added_is_read_by_position(tmp_path_factory, texts):
    spooled = SpooledTexts(tmp_path_factory.mktemp("spool") / "texts")
    for text in texts:
        spooled.append(text)
    assert len(spooled) == len(texts)
    assert list(spooled) == texts
    assert [spooled[at] for at in reversed(range(len(texts)))] == texts[::-1]
    assert spooled[1:3] == texts[1:3]
    spooled.close()


def test_a_lone_surrogate_survives(tmp_path):
    spooled = SpooledTexts(tmp_path / "texts")
    spooled.append("\ud800 and\ud801")
    assert spooled[0] == "\ud800 and\ud801"
    assert spooled[-1] == spooled[0]


def test_there_is_no_text_beyond_the_last(tmp_path):
    spooled = SpooledTexts(tmp_path / "texts")
    spooled.append("only")
    with pytest.raises(IndexError):
        spooled[1]


def test_nothing_is_added_after_reading(tmp_path):
    spooled = SpooledTexts(tmp_path / "texts")
    spooled.append("a")
    assert spooled[0] == "a"
    with pytest.raises(ValueError, match="was read"):
        spooled.append("b")
