"""Counting tokens piece by piece gives what the tokenizer itself gives."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Real

from tunesmith.data.tokenizer import _PATTERNS, Tokenizer, tokenizer

LLAMA, QWEN = (name for name in _PATTERNS if name not in ("ByteLevel", "Digits"))
TEXT = (
    "The customer's order TK-2041 was sent on 12 May, and they've asked why it isn't there yet.\n\n"
    "We're sorry: the courier, who'd been told 3,500 times, didn't ring! Café, naïve, 20 €.\n"
) * 3


def by_bytes(use_regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(pattern):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), by_bytes(use_regex=False)]
    )


KNOWN = {
    "gpt2": (by_bytes(), None),
    "digits": (
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), by_bytes()]),
        None,
    ),
    "llama": (split(LLAMA), None),
    "qwen": (split(QWEN), normalizers.NFC()),
}
UNKNOWN = {
    "all digits at once": (
        pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False), by_bytes()]),
        None,
    ),
    "a space in front": (pre_tokenizers.ByteLevel(add_prefix_space=True), None),
    "another expression": (split(r"\w+|\W+"), None),
    "inverted": (
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(LLAMA), "isolated", invert=True),
                by_bytes(use_regex=False),
            ]
        ),
        None,
    ),
    "three steps": (
        pre_tokenizers.Sequence(
            [pre_tokenizers.Punctuation(), pre_tokenizers.Digits(True), by_bytes()]
        ),
        None,
    ),
    "lower case": (by_bytes(), normalizers.Lowercase()),
}


def made(pre_tokenizer, normalizer):
    real = Real(models.BPE())
    real.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        real.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|end|>", AddedToken("[tool]", lstrip=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    real.train_from_iterator([TEXT], trainer)
    return real, Tokenizer(real.to_str())


MADE = {name: made(*parts) for name, parts in (KNOWN | UNKNOWN).items()}

BITS = [
    "the", "The", "order", "don't", "DON'T", "we've", "'s", "'", "''", "'d", " ", "  ", "   ", "\n",
    "\n\n", "\r\n", "\t", " \n ", "7", "12", "2041", "²", "½", "1½", ".", ",", "...", "!?", "-", "_",
    "(", "é", "ñ", "Ω", "ж", "\u00a0", "\u2003", "\u200b", "\u0301", "\x1c", "\x85", "\x00", "中文",
    "٣", "😀", "’", "“", "€", "™", "<|end|>", "<|en", "[tool]", "[", "ſ", "K",
]  # fmt: skip
texts = st.lists(st.sampled_from(BITS) | st.text(max_size=3), max_size=25).map("".join)


@pytest.mark.parametrize("name", MADE)
@given(text=texts)
@example(text="a  b \n\n c  1  ")
@example(text="see [tool] and <|end|>")
def test_it_counts_what_the_tokenizer_gives(name, text):
    real, ours = MADE[name]
    assert ours.count(text) == len(real.encode(text, add_special_tokens=False))


@pytest.mark.parametrize("name", MADE)
def test_only_what_is_known_is_counted_by_pieces(name):
    assert (MADE[name][1]._pieces is not None) == (name in KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_ordinary_text_is_counted_by_pieces(name):
    ours = made(*KNOWN[name])[1]
    ours.count("The customer's order, 12 times!")
    assert " order" in ours._counts
    ours.count("a text with <|end|> in it")
    assert " text" not in ours._counts


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("tunesmith.data.tokenizer._REMEMBERED", 3)
    ours = made(*KNOWN["gpt2"])[1]
    for text in ("one two three four five six", "a" * 1000):
        assert ours.count(text) == ours._encoded(text)
    assert len(ours._counts) <= 3
    assert max(map(len, ours._counts)) < 1000


def test_a_file_that_cuts_and_pads_does_not_lie_about_lengths():
    real, _ = made(*KNOWN["gpt2"])
    plain = len(real.encode(TEXT).ids)
    real.enable_truncation(5)
    assert tokenizer(real.to_str()).count(TEXT) == plain
    real.no_truncation()
    real.enable_padding(length=10_000)
    assert tokenizer(real.to_str()).count(TEXT) == plain
