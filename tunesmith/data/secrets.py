"""Credentials and payment cards in text, found by the shapes their issuers publish.

Shapes: AWS access keys and GitHub, GitLab, Slack, Stripe, Google and OpenAI tokens have fixed
prefixes and lengths; private keys have PEM headers (RFC 7468); JSON web tokens are three
base64url parts (RFC 7519); card numbers have an issuer's prefix and pass the Luhn check
(ISO/IEC 7812-1) and one of the issuers' lengths. An assignment to a word such as `password`
counts when its value looks chosen, not when it is a word of prose.
"""

import re
from typing import NamedTuple

from tunesmith.data.entities.text import zeroed


class Secret(NamedTuple):
    """Where a secret stands in a text."""

    kind: str
    start: int
    end: int


_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "private key",
            r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,10000}"
            r"(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?",
        ),
        ("AWS access key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
        ("GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{30,255}\b|\bgithub_pat_\w{30,255}"),
        ("GitLab token", r"\bglpat-[\w-]{20,60}"),
        ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,200}"),
        ("Google API key", r"\bAIza[\w-]{35}\b"),
        ("API key", r"\b(?:sk|rk|pk)[-_](?:live|test|proj|ant|svcacct)?[-_]?[A-Za-z0-9_-]{16,200}"),
        ("web token", r"\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,1000}"),
    )
)

_ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:password|passwd|pwd|passphrase|secret|api[ _-]?key|access[ _-]?key|"
    r"auth[ _-]?token|access[ _-]?token)(?:[_-]key)?(?![A-Za-z])"
    r"[\"']?\s{0,3}(?::|=|\bis\b:?)\s{0,3}[\"']?([^\s\"',;]{6,200})",
    re.IGNORECASE,
)
# In groups as on the card, or in one run; what follows may be the expiry date.
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5}|\d{13,19})(?![\w-])"
)
_CARD_STARTS = ("0000-0000-", "0000 0000 ", "0000-000000-", "0000 000000 ", "0" * 13)
"""How card numbers begin, every digit written as 0."""
_CARD_NUMBER = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
)


def find_secrets(text: str) -> list[Secret]:
    """Return the secrets of a text, in order, without overlaps."""
    found = [
        Secret(kind, match.start(), match.end())
        for kind, pattern in _PATTERNS
        for match in pattern.finditer(text)
        if kind != "API key" or _looks_chosen(match.group())
    ]
    found += [
        Secret("password", match.start(1), match.end(1))
        for match in _ASSIGNED.finditer(text)
        if _looks_chosen(match.group(1).rstrip(".!?)"))
    ]
    found += find_cards(text)
    found.sort(key=lambda secret: (secret.start, -secret.end))
    apart: list[Secret] = []
    for secret in found:
        if not apart or secret.start >= apart[-1].end:
            apart.append(secret)
        else:
            apart[-1] = apart[-1]._replace(end=max(apart[-1].end, secret.end))
    return apart


def find_cards(text: str) -> list[Secret]:
    """Return the payment cards of a text, in order."""
    zeros = zeroed(text)
    if not any(start in zeros for start in _CARD_STARTS):
        return []
    return [
        Secret("card number", match.start(), match.end())
        for match in _CARD.finditer(text)
        if _is_card(match.group())
    ]


def mask(text: str) -> str:
    """Replace every secret by its kind in brackets."""
    for secret in reversed(find_secrets(text)):
        text = f"{text[: secret.start]}[{secret.kind}]{text[secret.end :]}"
    return text


def _looks_chosen(value: str) -> bool:
    """Whether a value mixes letters with digits, as passwords do and words of prose do not."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)


def _is_card(text: str) -> bool:
    number = text.replace(" ", "").replace("-", "")
    if not _CARD_NUMBER.fullmatch(number):
        return False
    doubled = [
        digit if index % 2 == 0 else digit * 2 - 9 * (digit > 4)
        for index, digit in enumerate(map(int, reversed(number)))
    ]
    return sum(doubled) % 10 == 0
