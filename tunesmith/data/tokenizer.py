"""Counting and cutting with the base model's own tokenizer, given as its `tokenizer.json`.

A byte-level BPE tokenizer first divides text into pieces (a word with the space before it, a run of
punctuation), then each piece into tokens (Radford et al., "Language Models are Unsupervised
Multitask Learners", 2019). So the tokens of a text are those of its pieces, and the pieces of a
data set are mostly the same few. `Tokenizer.count` divides text by itself and asks the tokenizer
once for each piece: the same number, several times sooner. Where it does not know how a tokenizer
divides, or a text has a character of which it is not sure, the tokenizer counts the whole text.
"""

import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

_LETTERS = "A-Za-zªµºÀ-ÖØ-öø-ɏ"
_NUMBERS = "0-9²³¹¼½¾"
_OTHERS = r"\t\n\r -~¡-¬®-ɏ‐-‧‰-⁞€™"
"""With those above, characters whose class no version of Unicode has changed."""
_ENGLISH = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CASELESS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_PATTERNS = {
    # GPT-2, and those that follow it; where every digit is cut out first, what precedes it ends.
    "ByteLevel": _ENGLISH,
    "Digits": _ENGLISH.replace(r" ?\p{N}+", r"\p{N}").replace(r"(?!\S)", r"(?![^\s\p{N}])"),
    # Llama 3, and Qwen 2 and 3.
    _CASELESS: _CASELESS,
    _CASELESS.replace("{1,3}", ""): _CASELESS.replace("{1,3}", ""),
}
"""How known tokenizers divide text, by the name of the step or the expression in their file."""
_REMEMBERED = 1 << 17
_LONGEST = 40


class Tokenizer:
    """Counts and cuts text.

    Args:
        text: The content of a `tokenizer.json`.
    """

    def __init__(self, text: str) -> None:
        from tokenizers import Tokenizer as Loaded

        self._tokenizer = Loaded.from_str(text)
        # A file may ask for either; both would lie about lengths.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        described = json.loads(text)
        plain = described.get("normalizer") is None
        self._by_bytes = plain and _by_bytes(_steps(described.get("pre_tokenizer")))
        self._pieces = _pieces_of(described)
        self._unsure = _unsure_of(described)
        self._counts: dict[str, int] = {}

    def count(self, text: str) -> int:
        """Return the number of tokens, without special ones."""
        if self._pieces is None or self._unsure(text):
            return self._encoded(text)
        counts = self._counts
        total = 0
        for piece in self._pieces(text):
            found = counts.get(piece)
            total += self._remember(piece) if found is None else found
        return total

    def _encoded(self, text: str) -> int:
        # Without offsets, which nobody asks for: a quarter of the time.
        (encoded,) = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return len(encoded)

    def _remember(self, piece: str) -> int:
        found = self._encoded(piece)
        if len(piece) <= _LONGEST:
            if len(self._counts) >= _REMEMBERED:
                self._counts.clear()
            self._counts[piece] = found
        return found

    def surely_within(self, texts: Sequence[str], limit: int) -> bool:
        """Whether texts hold at most `limit` tokens, told without encoding; False may be wrong.

        A token of a byte-level vocabulary is at least one byte.
        """
        return self._by_bytes and sum(len(text.encode()) for text in texts) <= limit

    def end(self, text: str, tokens: int) -> str:
        """Return the end of a text that begins at a token and holds at most so many."""
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        if len(offsets) <= tokens:
            return text
        # Cut apart from what preceded it, text may encode to more tokens.
        for skipped in range(len(offsets) - tokens, len(offsets)):
            rest = text[offsets[skipped][0] :]
            if self.count(rest) <= tokens:
                return rest
        return ""


@functools.lru_cache(maxsize=2)
def tokenizer(text: str) -> Tokenizer:
    """Return the tokenizer of a `tokenizer.json`, loaded once in each process."""
    return Tokenizer(text)


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the steps by which a tokenizer divides text before it makes tokens."""
    if pre_tokenizer is None:
        return []
    return list(pre_tokenizer.get("pretokenizers", [pre_tokenizer]))


def _by_bytes(steps: list[dict[str, Any]]) -> bool:
    """Whether text becomes bytes at last, none added."""
    prefixes = [step["add_prefix_space"] for step in steps if step["type"] == "ByteLevel"]
    return bool(prefixes) and not any(prefixes) and steps[-1]["type"] == "ByteLevel"


def _pieces_of(described: dict[str, Any]) -> Callable[[str], list[str]] | None:
    """Return what divides text as a tokenizer does, or None where that is not known."""
    model, steps = described["model"], _steps(described.get("pre_tokenizer"))
    if model["type"] != "BPE" or model.get("dropout") or not _by_bytes(steps) or len(steps) > 2:
        return None
    if (described.get("normalizer") or {"type": "NFC"})["type"] != "NFC":
        return None
    first, last = steps[0], steps[-1]
    name = first["type"]
    if name == "Split":
        known = first["behavior"] == "Isolated" and not first["invert"] and not last["use_regex"]
        name = first["pattern"].get("Regex") if known else None
    elif not last["use_regex"] or not first.get("individual_digits", True):
        name = None
    return None if name not in _PATTERNS else _compiled(_PATTERNS[name])


def _compiled(pattern: str) -> Callable[[str], list[str]]:
    """Return an expression of Unicode classes as one of the characters that are known here."""

    def known(found: re.Match[str]) -> str:
        text = found.group().replace(r"\p{L}", _LETTERS).replace(r"\p{N}", _NUMBERS)
        return text if found.group().startswith("[") else f"[{text}]"

    return re.compile(re.sub(r"\[[^\]]*\]|\\p\{[LN]\}", known, pattern)).findall


def _unsure_of(described: dict[str, Any]) -> Callable[[str], bool]:
    """Return what tells whether a text must be counted whole."""
    # Normalising changes no ASCII.
    others = r"\t\n\r -~" if described.get("normalizer") else _OTHERS
    unknown = re.compile(f"[^{others}]").search
    # Tokens such as <|im_end|> are taken out of the text before it is divided.
    added = [token["content"] for token in described.get("added_tokens") or () if token["content"]]
    beginnings = sorted({content[0] for content in added})
    special = re.compile("|".join(map(re.escape, added))).search

    def unsure(text: str) -> bool:
        if unknown(text):
            return True
        return any(one in text for one in beginnings) and special(text) is not None

    return unsure
