"""Credentials and payment cards in text, found by the shapes their issuers publish.

Shapes: AWS access keys and GitHub, GitLab, Slack, Stripe, Google and OpenAI tokens have fixed
prefixes and lengths; private keys have PEM headers (RFC 7468); JSON web tokens are three
base64url parts (RFC 7519); card numbers have an issuer's prefix and pass the Luhn check
(ISO/IEC 7812-1) and one of the issuers' lengths. An assignment to a word such as `password`
counts when its value looks chosen: not a word of prose, not what code works out (`os.environ[...]`,
`config.password`, `${TOKEN}`), and not a stand-in such as "mypassword123" or "P@ssw0rd1".
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tunesmith.data.entities.text import aligned, matches_at, zeroed


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

_BEGINNINGS = {
    "private key": ("-----BEGIN ",),
    "AWS access key": ("AKIA", "ASIA"),
    "GitHub token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "GitLab token": ("glpat-",),
    "Slack token": ("xox",),
    "Google API key": ("AIza",),
    "API key": ("sk-", "sk_", "rk-", "rk_", "pk-", "pk_"),
    "web token": ("eyJ",),
}
"""How the matches of each pattern begin; it is tried at those places alone."""

_ASSIGNED = re.compile(
    r"(?<![A-Za-z])(?:password|passwd|pwd|passphrase|secret|api[ _-]?key|access[ _-]?key|"
    r"auth[ _-]?token|access[ _-]?token)(?:[_-]key)?(?![A-Za-z])"
    r"[\"']?\s{0,3}(?::|=|\bis\b:?)\s{0,3}([\"']?)([^\s\"',;]{6,200})",
    re.IGNORECASE,
)
_ASSIGNED_TO = ("passw", "passphrase", "pwd", "secret", "api", "access", "auth")
_EXPRESSION = re.compile(
    r"[$<{%@&*]|[A-Za-z_][\w.]*[(\[{]|[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+$|[A-Za-z]+://"
)
"""How a value begins that code or a shell works out: a call, a look-up, a variable, a template."""
_MEASURE = re.compile(r"\d+(?:-\d+)?-[a-z]+$|(?:md|sha)\d+-\w+$|[a-z]+-\d{1,3}$", re.IGNORECASE)
"""Measures and names of methods in prose: "8-character", "sha256-hashed"."""
_LEET = str.maketrans("@4031!$57", "aaoelisst")
_DEMO_WORDS = """
abc access account admin api app auth bar baz bearer blah cat change changeme client company correct
data db default demo dev doe dog dummy enter example fake foo goes guest hello here insecure insert
it jane john key let letmein local login me my new no none not null of old one pass passphrase
passwd password placeholder private public pwd qwerty random real replace root safe sample secret
secure server service set some stored string strong super temp test text the this to token top
unsafe use user username value very weak welcome with word world xyz your
"""
_DEMO = re.compile(rf"(?:{'|'.join(sorted(_DEMO_WORDS.split(), key=len, reverse=True))})+")
# In groups as on the card, or in one run; what follows may be the expiry date.
_CARD = re.compile(
    r"(?<![\w.-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5}|\d{13,19})(?![\w-])"
)
_CARD_START = re.compile("0000(?=-0000-| 0000 |-000000-| 000000 |0{9})")
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
        for match in matches_at(pattern, text, _places(text, _BEGINNINGS[kind]))
        if kind != "API key" or _looks_chosen(match.group()[3:])
    ]
    found += [
        Secret("password", match.start(2), match.end(2))
        for match in _assigned(text)
        if _looks_chosen(match[2].rstrip(".!?)")) and not _is_worked_out(match)
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
    begin = [match.start() for match in _CARD_START.finditer(zeroed(text))]
    return [
        Secret("card number", match.start(), match.end())
        for match in matches_at(_CARD, text, begin)
        if _is_card(match.group())
    ]


def _places(text: str, starts: tuple[str, ...]) -> list[int]:
    """Return where any of some beginnings stand in a text, in order."""
    found: list[int] = []
    for start in starts:
        at = text.find(start)
        while at >= 0:
            found.append(at)
            at = text.find(start, at + 1)
    found.sort()
    return found


def mask(text: str) -> str:
    """Replace every secret by its kind in brackets."""
    for secret in reversed(find_secrets(text)):
        text = f"{text[: secret.start]}[{secret.kind}]{text[secret.end :]}"
    return text


def _assigned(text: str) -> Iterator[re.Match[str]]:
    low = aligned(text)
    if low is None:
        return _ASSIGNED.finditer(text)
    return matches_at(_ASSIGNED, text, _places(low, _ASSIGNED_TO))


def _looks_chosen(value: str) -> bool:
    """Whether a value mixes letters with digits, as passwords do, and is no stand-in for one."""
    if not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return False
    return not (_is_demo(value) or _MEASURE.match(value))


def _is_demo(value: str) -> bool:
    """Whether a value says that it is none: "mypassword123", "P@ssw0rd1", "abcdef12", "xxxx0000".

    Made of words such as password, test and your, also with signs for letters, of runs along the
    alphabet, or of next to no different signs.
    """
    low = value.lower()
    bare = low.strip(_NOT_LETTERS)
    drawn = [char for char in low if char.isalpha()]
    if len(set(drawn)) < _FEWEST_SIGNS < len(drawn) or (
        len(bare) >= _FEWEST_SIGNS and bare in _ALPHABET
    ):
        return True
    for shown in (low, low.translate(_LEET)):
        letters = "".join(filter(str.isalpha, shown))
        if len(letters) >= _FEWEST_SIGNS and _DEMO.fullmatch(letters):
            return True
        # Digits at the end are a number more often than letters in disguise.
        bare = shown.strip(_NOT_LETTERS)
        letters = "".join(filter(str.isalpha, bare.translate(_LEET)))
        if letters and _DEMO.fullmatch(letters):
            return True
    return False


_NOT_LETTERS = "0123456789!#$*._-"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_FEWEST_SIGNS = 3


def _is_worked_out(match: re.Match[str]) -> bool:
    """Whether code works a value out: only what stands in quotation marks is meant as it stands."""
    return not match[1] and _EXPRESSION.match(match[2]) is not None


def _is_card(text: str) -> bool:
    number = text.replace(" ", "").replace("-", "")
    if not _CARD_NUMBER.fullmatch(number):
        return False
    doubled = [
        digit if index % 2 == 0 else digit * 2 - 9 * (digit > 4)
        for index, digit in enumerate(map(int, reversed(number)))
    ]
    return sum(doubled) % 10 == 0
