"""Personal data in text, by shape and check digit, and pseudonyms in its place.

| kind | what counts | not |
|---|---|---|
| email | an address (RFC 5322, the part that people use) | domains reserved by RFC 2606 |
| phone | +country number (E.164), a North American number, groups after "phone" or "call" | \
555-0100 to 555-0199, reserved for fiction |
| iban | length of its country and remainder 1 modulo 97 (ISO 13616, ISO 7064) | |
| card | a payment card's prefix, length and Luhn digit (ISO/IEC 7812-1) | |
| ssn | a US social security number that can have been issued (SSA, 2011) | the ones in \
advertisements |
| ip | a public IPv4 or IPv6 address (RFC 6890) | private and documentation ranges, name servers |

Names and postal addresses have no shape that can be told without a model, and are not looked for.
"""

import hashlib
import ipaddress
import re
from typing import Literal, NamedTuple

from tunesmith.data.entities.text import aligned, matches_at, matches_within, starts, zeroed
from tunesmith.data.secrets import find_cards

Kind = Literal["email", "phone", "iban", "card", "ssn", "ip"]


class Personal(NamedTuple):
    """Where personal data stands in a text; `normal` is the same for every way to write it."""

    kind: Kind
    start: int
    end: int
    normal: str


_EMAIL = re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@((?:[\w-]{1,63}\.)+[A-Za-z]{2,24})(?![\w-])")
_HOST = re.compile(r"@[\w.-]*")
_LOCAL = 64
"""Characters of an address before its "@"."""
_RESERVED = re.compile(
    r"(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|localhost)$", re.IGNORECASE
)
_IBAN = re.compile(r"(?<![\w-])[A-Z]{2}\d{2} ?[A-Z0-9][A-Z0-9 ]{9,44}")
_IBAN_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28
EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27
JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18
NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28
TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
_LENGTH = {one[:2]: int(one[2:]) for one in _IBAN_LENGTHS.split()}
_SSN = re.compile(r"(?<![\w-])(\d{3})([- ])(\d{2})\2(\d{4})(?![\w-])")
_ADVERTISED = frozenset({"078051120", "219099999", "123456789"})
_IPV4 = re.compile(r"(?<![\w.-])(?<!v )(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])")
_RESOLVERS = frozenset(("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"))
"""Public name servers, which belong to nobody who could be meant."""
_VERSION = re.compile(r"(?:version|release|firmware|build|ver\.?)\s*$", re.IGNORECASE)
_PHONE = re.compile(
    r"(?<![\w.,/$€£=+-])(?:"
    r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}"
    r"|(?:1[ .-])?\([2-9]\d\d\) ?[2-9]\d\d[ .-]\d{4}"
    r"|(?:1[ .-])?[2-9]\d\d([ .-])[2-9]\d\d\1\d{4}"
    r")(?![\w/]|[-.]\d)"
)
_CALLED = re.compile(
    r"\b(?:tel(?:ephone)?|phone|mobile|cell|fax|whatsapp|call|ring|text)\b"
    r"(?:\s(?:me|us|him|her|them|number|no|is|at|on|back|under)\b){0,4}\.?:?\s{0,2}"
    r"(\(\d{2,5}\)[ ./-]?\d(?:[ ./-]{0,2}\d){4,11}|\d(?:[ ./-]?\d){6,14})(?![\w-])",
    re.IGNORECASE,
)
_FICTION = re.compile(r"55501\d\d$")
_DIGITS = re.compile(r"\d(?:(?:[ ().-]{0,2}\d){6}|:|\.\d{1,3}\.|(?<=[A-Z]\d)\d)")
"""Without some of this, digits are no personal data: "call 10/12/14/16"."""
_CALLED_BY = (
    "tel", "telephone", "phone", "mobile", "cell", "fax", "whatsapp", "call", "ring", "text",
)  # fmt: skip
_FEWEST_OF_PHONE, _FEWEST_OF_CARD = 7, 13
_STRETCH = re.compile("[+(0][0 ().+-]{6,}")
"""Signs of which a telephone number is made, seven at least."""
_BEHIND = 2
"""Signs behind a telephone number at which its pattern looks."""
_IBAN_START = re.compile(r"[A-Z][A-Z]00")
_DOTTED = re.compile(r"0\.0{1,3}\.0{1,3}\.0")
_COLONS = re.compile(":[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:")
_REST_OF_IPV6 = 30
"""Characters that an address may still have behind that, and one more."""


def find_personal(text: str) -> list[Personal]:
    """Return the personal data of a text, in order, without overlaps."""
    found: list[Personal] = []
    if "@" in text:
        found += _emails(text)
    numbered = _numbered(text)
    if numbered and ("::" in text or _DIGITS.search(text)):
        found += numbered
    found.sort(key=lambda one: (one.start, -one.end))
    apart: list[Personal] = []
    for one in found:
        if not apart or one.start >= apart[-1].end:
            apart.append(one)
    return apart


def _numbered(text: str) -> list[Personal]:
    """Return what has digits, kind by kind; a kind is looked for where its shape can be."""
    found: list[Personal] = []
    zeros = zeroed(text)
    digits = zeros.count("0")
    if not digits and "::" not in text:
        return found
    if _IBAN_START.search(zeros):
        found += _ibans(text)
    if digits >= _FEWEST_OF_CARD:
        found += _cards(text)
    if "000-00-0000" in zeros or "000 00 0000" in zeros:
        found += _ssns(text)
    if _DOTTED.search(zeros) or _COLONS.search(text):
        found += _addresses(text, zeros)
    if digits >= _FEWEST_OF_PHONE:
        found += _phones(text, zeros)
    return found


def _emails(text: str) -> list[Personal]:
    around = [(max(0, at.start() - _LOCAL), at.end() + 1) for at in _HOST.finditer(text)]
    return [
        Personal("email", match.start(), match.end(), match.group().lower())
        for match in matches_within(_EMAIL, text, around)
        if not _RESERVED.search(match[1])
    ]


def _ibans(text: str) -> list[Personal]:
    found = []
    for match in _IBAN.finditer(text):
        # The match runs on into whatever capitals follow; the country says where it ends.
        start = end = match.start()
        left = _LENGTH.get(match.group()[:2], 0)
        while left and end < match.end():
            left -= text[end] != " "
            end += 1
        number = text[start:end].replace(" ", "")
        if number and not left and not text[end : end + 1].isalnum() and _is_iban(number):
            found.append(Personal("iban", start, end, number))
    return found


def _is_iban(number: str) -> bool:
    moved = number[4:] + number[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _cards(text: str) -> list[Personal]:
    return [
        Personal("card", card.start, card.end, re.sub(r"\D", "", text[card.start : card.end]))
        for card in find_cards(text)
    ]


def _ssns(text: str) -> list[Personal]:
    found = []
    for match in _SSN.finditer(text):
        area, _, group, serial = match.groups()
        issued = area not in ("000", "666") and area[0] != "9" and group != "00"
        number = area + group + serial
        if issued and serial != "0000" and number not in _ADVERTISED:
            found.append(Personal("ssn", match.start(), match.end(), number))
    return found


def _addresses(text: str, zeros: str) -> list[Personal]:
    found = []
    dotted = [(max(0, at.start() - 2), at.end() + 4) for at in _DOTTED.finditer(zeros)]
    colons = [(max(0, at.start() - 4), at.end() + _REST_OF_IPV6) for at in _COLONS.finditer(text)]
    for pattern, around in ((_IPV4, dotted), (_IPV6, colons)):
        for match in matches_within(pattern, text, around):
            try:
                address = ipaddress.ip_address(match.group())
            except ValueError:
                continue
            before = text[max(0, match.start() - 12) : match.start()]
            known = match.group() in _RESOLVERS or _VERSION.search(before)
            if address.is_global and not known:
                found.append(Personal("ip", match.start(), match.end(), str(address)))
    return found


def _phones(text: str, zeros: str) -> list[Personal]:
    found = []
    stretches = [(match.start(), match.end() + _BEHIND) for match in _STRETCH.finditer(zeros)]
    spans = [match.span() for match in matches_within(_PHONE, text, stretches)]
    low = aligned(text)
    called = (
        _CALLED.finditer(text)
        if low is None
        else matches_at(_CALLED, text, starts(low, _CALLED_BY))
    )
    spans += [match.span(1) for match in called]
    for start, end in spans:
        digits = re.sub(r"\D", "", text[start:end])
        if _FEWEST_OF_PHONE <= len(digits) <= 15 and not _FICTION.search(digits):
            found.append(Personal("phone", start, end, digits))
    return found


class Masker:
    """Replaces personal data by pseudonyms, the same for the same datum.

    Without a salt they are numbered as they appear, "<EMAIL_1>", and mean the same within one
    masker alone: make one for each row. With a salt they are the start of a keyed hash
    (BLAKE2, RFC 7693), the same over a whole data set, and cannot be undone without the salt.
    """

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self.kinds: set[Kind] = set()

    def mask(self, text: str) -> str:
        """Return the text with every datum replaced, and remember its kinds in `kinds`."""
        masked = self._once(text)
        # What stood glued to a datum may show once that is gone.
        return masked if masked == text else self.mask(masked)

    def _once(self, text: str) -> str:
        parts: list[str] = []
        position = 0
        for one in find_personal(text):
            parts += (text[position : one.start], self._pseudonym(one))
            position = one.end
            self.kinds.add(one.kind)
        return "".join((*parts, text[position:]))

    def _pseudonym(self, one: Personal) -> str:
        name = one.kind.upper()
        if self._salt:
            key = hashlib.blake2b(self._salt.encode(), digest_size=32).digest()
            datum = f"{one.kind}:{one.normal}".encode()
            return f"<{name}_{hashlib.blake2b(datum, key=key, digest_size=4).hexdigest()}>"
        number = self._numbers.get((one.kind, one.normal))
        if number is None:
            number = self._last[one.kind] = self._last.get(one.kind, 0) + 1
            self._numbers[one.kind, one.normal] = number
        return f"<{name}_{number}>"
