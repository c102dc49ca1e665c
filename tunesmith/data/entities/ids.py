"""Identifiers in running text: codes, e-mail addresses, web addresses, phone and serial numbers.

A code mixes letters and digits ("TK-48213", "ORD48213", a UUID); "24-hour", "500GB" and "2nd" do
too, and are numbers. Digits alone are an identifier when they are long, start with a zero, come
in groups like a phone or card number, or follow a word such as "order" or "#".
"""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tunesmith.data.entities.text import (
    digit_words,
    fold,
    lowered,
    mask,
    matches_at,
    matches_within,
    starts,
    zeroed,
)


class FoundId(NamedTuple):
    """An identifier, where it starts, and its form for comparison.

    The form of a code or a phone number is its letters and digits; an e-mail address stays as it
    is, a web address loses scheme and "www."; "*4242" stands for "ending in 4242".
    """

    start: int
    text: str
    normal: str


_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]++@[\w-]++(?:\.[\w-]++)+")
_URL = re.compile(
    r"(?<![\w@.-])(?:(?:https?://|www\.)[^\s<>()\[\]\"'\x1f]++"
    r"|[a-z0-9-]++(?:\.[a-z0-9-]++)*?\.(?:com|org|net|io|gov|edu|info|dev|app|eu|co\.uk)\b"
    r"(?![\w@])(?:/[^\s<>()\[\]\"'\x1f]*+)?)",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.,/$€£-])(?:"
    r"(?:\+|00)\d{1,3}(?:[ .-]?\(?\d{1,8}\)?){2,6}"
    r"|\(\d{2,5}\)[ .-]?\d{3,4}[ .-]?\d{3,4}"
    r"|(?:1[ .-])?\d{3}[ .-]\d{3}[ .-]\d{4}"
    r"|0\d{1,4}(?:[ /-]\d{2,8}){1,4}"
    r"|\d{4}(?:[ -]\d{4}){2,4}"
    r"|\d{3}-\d{4}"
    r"|\d{1,7}(?:-\d{2,7}){2,6}"
    r")(?![\w/]|-\w)"
)
_CODE = re.compile(
    r"(?<![\w@])#?(?=[A-Za-z0-9][A-Za-z_./-]{0,40}\d|\d)[A-Za-z0-9]++"
    r"(?:[-_]++[A-Za-z0-9]++|[./](?=\d)[A-Za-z0-9]++)*+(?!\w)"
)
_DOTTED = re.compile(r"\d+(?:\.\d+){2,}$")
_REFERENCE = re.compile(
    r"\b(?:order|ticket|case|invoice|ref(?:erence)?|account|booking|reservation|confirmation|serial"
    r"|tracking|customer|contract|claim|receipt|parcel|shipment|room|flight|gate|code|pin|id|no)\b"
    r"(?:\s(?:number|no|nr|code|id|is|was)\b)?\.?[:#\s]{1,3}(?P<digits>\d{3,})(?![\w%]|[.,]\d)",
    re.IGNORECASE,
)
_ENDING = re.compile(r"\bend(?:s|ing)\s(?:in|with)\s(?P<digits>\d{2,6})(?!\w)", re.IGNORECASE)
_LONG = re.compile(r"(?<![\w.,'’$€£])(?<!\d\s)(?:0\d{2,}+|\d{7,}+)(?![\w%]|[.,]\d)")

_UNIT = re.compile(
    r"\d+(?:[.,]\d+)?(?:[a-z]{1,4}|[KMGTP]?i?B|[kKMG]?[WVAJ]h?|mAh|m?AH|[kMG]Hz|[KMLDGPXFC]|FPS|DPI"
    r"|ML|KG|CM|MM|OZ|LBS?|USD|EUR|GBP|PX|MP|Mbps|Gbps|MBPS|AM|PM|percent|minutes?|hours?|days?"
    r"|weeks?|months?|years?|dollars?|euros?|pounds?|times)$"
)
_RANK = re.compile(r"\d+(?:st|nd|rd|th)$")
_SIX_DIGITS = re.compile(r"\d{6}")
_VERSION = re.compile(r"v\.?\d")
_DIGITS_FIRST = re.compile(r"\d{1,6}(?:[.,]\d+)?(?:-[A-Za-z]?[a-z]+)+$")
_WORD_FIRST = re.compile(r"[A-Za-z]?[a-z]+-(?:\d{1,2}|(?:19|20)\d\d)$")
_GLUED_STOP = re.compile(r"[a-z]+[./]\d+(?:[.,]\d+)?$")
_WITH_DIGIT = """
2fa 2d 3d 4d 3g 4g 5g 4k 8k mp3 mp4 b2b b2c h264 h265 usb2 usb3 utf8 x64 x86 24x7 co2 h2o a4 a5
i18n 1to1 4x4
"""
_COMMON = re.compile(rf"(?<![\w-])(?:{'|'.join(_WITH_DIGIT.split())})(?![\w-])", re.IGNORECASE)
"""Words of general English that happen to hold a digit."""


_LETTER_AND_DIGIT = re.compile(r"\d(?:[^\W\d_]|(?<=[^\W\d_]\d))")
_HOST = re.compile(r"\.(?:com|org|net|io|gov|edu|info|dev|app|eu|co\.uk)")
_STRETCH = re.compile("[+(0][0 ./()+-]{6,}")
"""Signs of which a telephone number is made, seven at least."""
_BEHIND = 2
"""Signs behind a number at which its pattern looks."""
_NUMBERED = re.compile(r"0(?<=[:#\s]0)00+")
_BEFORE_NUMBER = 28
"""Characters from "confirmation number.: " to the number."""
_LONG_ENOUGH = re.compile(r"\d(?:(?<=0)\d\d|\d{6})")


class _Seen(NamedTuple):
    """A text with 0 for every digit, and in lower case."""

    zeros: str
    low: str


_Look = Callable[[str, _Seen], Iterable[re.Match[str]]]


def _emails(text: str, _: _Seen) -> Iterable[re.Match[str]]:
    return _EMAIL.finditer(text) if "@" in text else ()


def _urls(text: str, seen: _Seen) -> Iterable[re.Match[str]]:
    low = seen.low
    found = "://" in low or ("." in low and ("www." in low or _HOST.search(low)))
    return _URL.finditer(text) if found else ()


def _endings(text: str, seen: _Seen) -> Iterable[re.Match[str]]:
    if len(seen.low) != len(text):
        return _ENDING.finditer(text)
    return matches_at(_ENDING, text, starts(seen.low, ("ends", "ending")))


def _phones(text: str, seen: _Seen) -> Iterable[re.Match[str]]:
    spans = ((found.start(), found.end() + _BEHIND) for found in _STRETCH.finditer(seen.zeros))
    return matches_within(_PHONE, text, spans)


def _references(text: str, _: _Seen) -> Iterable[re.Match[str]]:
    spans = (
        (max(0, found.start() - _BEFORE_NUMBER), found.end() + _BEHIND)
        for found in _NUMBERED.finditer(zeroed(text))
    )
    return matches_within(_REFERENCE, text, spans)


def _codes(text: str, seen: _Seen) -> Iterable[re.Match[str]]:
    return matches_within(_CODE, text, digit_words(seen.zeros))


def _long(text: str, _: _Seen) -> Iterable[re.Match[str]]:
    return _LONG.finditer(text) if _LONG_ENOUGH.search(text) else ()


_FORMS: tuple[tuple[_Look, bool], ...] = (
    (_emails, False),
    (_urls, False),
    (_endings, True),
    (_phones, True),
    (_references, True),
    (_codes, True),
    (_long, True),
)
"""How each form of an identifier is looked for, and whether it has a digit."""


def find_ids(text: str) -> list[FoundId]:
    """Return the identifiers of the text, in no particular order.

    Dates and times must have been masked before, or their digits pass for codes.
    """
    found: list[FoundId] = []
    seen = _Seen(zeroed(text), lowered(text))
    for look, needs_digit in _FORMS:
        if needs_digit and "0" not in seen.zeros:
            continue
        spans = []
        for match in look(text, seen):
            one = _read(match)
            if one is not None:
                found.append(one)
                spans.append((one.start, one.start + len(one.text)))
        if spans:
            text = mask(text, spans)
    return found


def without_common_words(text: str) -> str:
    """Mask the words that hold a digit and are neither a number nor an identifier: "2FA"."""
    if not _LETTER_AND_DIGIT.search(text):
        return text
    found = matches_within(_COMMON, text, digit_words(zeroed(text)))
    return mask(text, (match.span() for match in found))


def _read(match: re.Match[str]) -> FoundId | None:
    """Make an identifier of a match, or None where the match is an ordinary number or word."""
    start, text = match.start(), match.group()
    if match.re is _EMAIL:
        return FoundId(start, text, fold(text))
    if match.re is _URL:
        text = text.rstrip(".,;:!?*_")
        return FoundId(start, text, web_address(text))
    if match.re is _REFERENCE:
        return FoundId(match.start("digits"), match["digits"], match["digits"])
    if match.re is _ENDING:
        return FoundId(match.start("digits"), match["digits"], "*" + match["digits"])
    if match.re is _PHONE and not _grouped(text):
        return None
    if match.re is _CODE and not _is_code(text):
        return None
    return FoundId(start, text, squeeze(text))


def _grouped(text: str) -> bool:
    """Whether groups of digits are a phone, card or serial number, not a range."""
    groups = re.findall(r"\d+", text)
    if len(groups) == 2 and text[0] not in "+(0":
        return [len(group) for group in groups] == [3, 4]
    return sum(map(len, groups)) >= 7


def _is_code(text: str) -> bool:
    """Whether a run of letters, digits and joiners is a code and not a number or a word."""
    bare = text.lstrip("#")
    if bare.isdigit():
        return text[0] == "#" and len(bare) >= 3
    if not any(map(str.isalpha, bare)):
        return _DOTTED.match(bare) is not None
    if bare[0].isdecimal():
        if _RANK.match(fold(bare)):
            return False
        if not _SIX_DIGITS.match(bare) and _UNIT.match(bare):
            return False
    if _GLUED_STOP.match(bare) and not _VERSION.match(bare):
        return False
    return not (_DIGITS_FIRST.match(bare) or _WORD_FIRST.match(bare))


def web_address(text: str) -> str:
    """Return the address without scheme, "www." and a slash at the end."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", fold(text)).rstrip("/")


def squeeze(text: str) -> str:
    """Return only the letters and digits, folded."""
    return "".join(filter(str.isalnum, fold(text)))
