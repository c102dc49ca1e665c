"""A fast look whether text can hold a secret at all, so that most rows need no slow one.

Every shape that `tunesmith.data.secrets` knows has a part that does not vary. Text without any of
these parts, also where escapes are resolved, holds no secret; text with one may.
"""

import re

_PARTS = (
    "PRIVATE KEY-----", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    "glpat-", "xox", "AIza", "sk-", "sk_", "rk-", "rk_", "pk-", "pk_", "eyJ",
)  # fmt: skip
_WORDS = ("passw", "passphrase", "pwd", "secret")
_KEY_OF = ("api", "access", "auth")
_KEYS = ("key", "token")

_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_CARDS = (
    b"0" * 13, b"0000-0000-", b"0000 0000 ", b"0000-000000-", b"0000 000000 ",
)  # fmt: skip
"""How card numbers begin, every digit written as 0."""
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")

_ESCAPE = re.compile("u([0-9a-fA-F]{4})")
_ALIKE = {"\u017f": "s", "\u212a": "k", "\u0131": "i", "\u0130": "i"}
"""Letters that patterns without case take for others."""
_HIDING = frozenset(
    f"{code:04x}"
    for code in range(1 << 16)
    if 0x20 <= code < 0x7F or chr(code).isdecimal() or chr(code) in _ALIKE
)
"""Codes whose escapes can hide one of the parts."""


def may_hold_secret(text: str) -> bool:
    """Whether `find_secrets` could find something in JSON text, escaped or not."""
    for part in _PARTS:
        if part in text:
            return True
    folded = text.lower() if text.isascii() else _folded(text)
    for word in _WORDS:
        if word in folded:
            return True
    if any(word in folded for word in _KEYS) and any(word in folded for word in _KEY_OF):
        return True
    if "\\u" in text and not _HIDING.isdisjoint(map(str.lower, _ESCAPE.findall(text))):
        return True
    if not text.isascii() and _OTHER_DIGIT.search(text):
        return True
    zeros = text.encode("utf-8", "replace").translate(_DIGITS_AS_ZERO)
    return any(card in zeros for card in _CARDS)


def _folded(text: str) -> str:
    for letter, alike in _ALIKE.items():
        text = text.replace(letter, alike)
    return text.lower()
