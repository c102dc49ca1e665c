"""Rows that are too long: counted with the base's tokenizer, cut or divided without a loss unseen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from tests.made_rows import chat
from tunesmith.data.checks.lengths import (
    PER_MESSAGE,
    chunk,
    cut_input,
    is_too_long,
    row_tokens,
)
from tunesmith.data.tokenizer import tokenizer
from tunesmith.records import ChatExample, LabelExample, Message, PreferenceExample, ToolCall


def words():
    made = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer(made.to_str())


def byte_level(normalizer=None):
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)} | {"th": 256, "the": 257}
    made = Tokenizer(models.BPE(vocabulary, [("t", "h"), ("th", "e")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if normalizer is not None:
        made.normalizer = normalizer
    return tokenizer(made.to_str())


WORDS, BYTES = words(), byte_level()


def dialogue(*turns, system=None):
    roles = ("user", "assistant") * len(turns)
    messages = [Message(role, text) for role, text in zip(roles, turns, strict=False)]
    messages[:0] = [] if system is None else [Message("system", system)]
    return ChatExample(
        row_id="d", group_id="g", source="d:1", origin="human", messages=tuple(messages)
    )


def label(text):
    return LabelExample(
        row_id="l", group_id="g", source="l:1", origin="human", text=text, label="x"
    )


def preference(user, chosen, rejected):
    return PreferenceExample(
        row_id="p", group_id="g", source="p:1", origin="human",
        prompt=(Message("user", user),), chosen=chosen, rejected=rejected,
    )  # fmt: skip


def contents(row):
    return [message.content for message in row.messages]


@pytest.mark.parametrize(
    ("row", "tokens"),
    [(chat("a b", "c"), 19), (chat("a b", "c", system="d e f"), 30), (label("a b c"), 20),
     (preference("a", "b", "c d e"), 20), (preference("a", "b c d", "e"), 20)],
)  # fmt: skip
def test_a_row_counts_its_messages_and_what_a_template_adds(row, tokens):
    assert is_too_long(row, tokens - 1, WORDS) == tokens
    assert is_too_long(row, tokens, WORDS) is None


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3), st.integers(0, 60))
def test_what_is_told_without_encoding_is_true(texts, limit):
    if BYTES.surely_within(texts, limit):
        assert sum(map(BYTES.count, texts)) <= limit


def test_nothing_is_told_so_where_a_token_may_be_less_than_a_byte():
    assert BYTES.surely_within(["abc"], 3)
    assert not BYTES.surely_within(["abé"], 3)
    assert not WORDS.surely_within(["a"], 100)
    assert not byte_level(normalizers.NFKC()).surely_within(["a"], 100)


def test_the_oldest_turns_are_cut_first_and_whole():
    row = dialogue("a b", "c", "d e f", "g", "h", "i", system="s")
    cut = cut_input(row, row_tokens(row.messages, WORDS.count) - 1, WORDS)
    assert contents(cut) == ["s", "d e f", "g", "h", "i"]
    assert cut.group_id == row.group_id
    assert cut.row_id != row.row_id


def test_then_the_start_of_the_oldest_that_is_left():
    row = chat("a b c d e", "f g", system="s")
    assert contents(cut_input(row, 24 + 6, WORDS)) == ["s", "c d e", "f g"]
    assert cut_input(row, 24 + 3, WORDS) is None
    assert contents(cut_input(label("a b c"), 16 + 3, WORDS)) == ["b c", "x"]
    assert cut_input(label("a b c"), 17, WORDS) is None
    assert contents(cut_input(preference("a b c", "d", "e f"), 16 + 3, WORDS)) == ["c", "d"]


@given(
    st.lists(st.text("the lé", min_size=1, max_size=12), min_size=2, max_size=7),
    st.integers(16, 90),
)
def test_what_is_cut_fits_and_keeps_system_and_answer(turns, limit):
    turns = turns if len(turns) % 2 == 0 else turns[1:]
    row = dialogue(*turns, system="s")
    cut = cut_input(row, limit, BYTES)
    if cut is not None:
        assert is_too_long(cut, limit, BYTES) is None
        assert (contents(cut)[0], cut.answer) == ("s", row.answer)
        assert "".join(contents(cut)[1:]) in "".join(contents(row)[1:]) or " " in "".join(turns)


def test_a_chat_is_divided_before_a_users_turn():
    row = dialogue("a", "b", "c", "d", "e", "f", system="s")
    pieces = chunk(row, 9 + 36, WORDS)
    assert [contents(piece) for piece in pieces] == [["s", "a", "b", "c", "d"], ["s", "e", "f"]]
    assert chunk(row, 9 + 17, WORDS) is None
    assert len({piece.row_id for piece in pieces}) == 2


def test_a_labelled_text_is_divided_between_words_and_a_preference_is_not():
    pieces = chunk(label("a b c d e"), 17 + 2, WORDS)
    assert [piece.text for piece in pieces] == ["a b", "c d", "e"]
    assert {piece.label for piece in pieces} == {"x"}
    assert chunk(preference("a", "b", "c"), 1000, WORDS) is None


@given(st.lists(st.integers(1, 9), min_size=2, max_size=10), st.integers(17, 80))
def test_pieces_fit_and_together_are_the_row(sizes, limit):
    sizes = sizes if len(sizes) % 2 == 0 else sizes[1:]
    row = dialogue(*(" ".join("x" * size) for size in sizes))
    pieces = chunk(row, limit, WORDS)
    too_large = any(
        sum(sizes[at : at + 2]) + 2 * PER_MESSAGE > limit for at in range(0, len(sizes), 2)
    )
    assert (pieces is None) == too_large
    if pieces is not None:
        assert all(is_too_long(piece, limit, WORDS) is None for piece in pieces)
        assert [text for piece in pieces for text in contents(piece)] == contents(row)


def test_the_arguments_of_tool_calls_count_beside_the_words():
    call = ToolCall("1", "find", "a b c")
    messages = (Message("user", "a b"), Message("assistant", "c", tool_calls=(call,)))
    row = dialogue("a")
    row = type(row)(row_id="r", group_id="g", source="s", origin="human", messages=messages)
    assert is_too_long(row, 22, WORDS) == 23
    assert is_too_long(row, 23, WORDS) is None
    long = (Message("user", "x" * 99), messages[1])
    row = type(row)(row_id="r", group_id="g", source="s", origin="human", messages=long)
    assert is_too_long(row, 40, BYTES) > 40


def test_two_turns_of_a_user_in_a_row_stay_together():
    roles = ("user", "user", "assistant", "user", "assistant")
    messages = tuple(Message(role, text) for role, text in zip(roles, "abcde", strict=True))
    row = dialogue("a")
    row = type(row)(row_id="r", group_id="g", source="s", origin="human", messages=messages)
    assert [contents(piece) for piece in chunk(row, 30, WORDS)] == [["a", "b", "c"], ["d", "e"]]
    assert chunk(row, 20, WORDS) is None
