"""Read a judge's reply strictly: what is not exactly one good reply is `Broken`.

A score is never guessed from half a reply. `Broken` says why in words that hold nothing of the
judged texts.
"""

import json
import re
import unicodedata
from typing import Any, Literal, NoReturn, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)
_LIKE = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})
_OUTER = " \t\n\"'"


class Broken(Exception):
    """A reply that is no verdict."""


class RatingReply(msgspec.Struct, forbid_unknown_fields=True):
    """A score with its reason."""

    reason: str
    score: int


class ComparisonReply(msgspec.Struct, forbid_unknown_fields=True):
    """The better of two answers, by place."""

    reason: str
    better: Literal["A", "B", "tie"]


class ClaimReply(msgspec.Struct, forbid_unknown_fields=True):
    """A claim of an answer."""

    said: str
    verdict: Literal["supported", "contradicted", "not_in_input"]
    quote: str


class FactsReply(msgspec.Struct, forbid_unknown_fields=True):
    """The claims of an answer."""

    claims: list[ClaimReply]


def read(text: str, wanted: type[T]) -> T:
    """Return the one JSON object of a text as the type wanted.

    Raises:
        Broken: there is none, or several, or it is not of that type.
    """
    found = parse_object(text)
    try:
        return msgspec.convert(found, wanted, strict=True)
    except msgspec.ValidationError as error:
        raise Broken(f"wrong fields: {_without_values(str(error))}") from None


def parse_object(text: str) -> dict[str, Any]:
    """Return the one JSON object of a text, which may stand in a fence or among words.

    Nothing but the first brace may begin it, and no brace may follow: a second object may be a
    quotation of what was judged, and the inner one of a reply that was cut off is not the reply.

    Raises:
        Broken: there is not exactly one, it names a key twice, or holds what JSON does not.
    """
    thoughts = _THOUGHTS.match(text)
    if thoughts:
        text = text[thoughts.end() :]
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    at = text.find("{")
    if at < 0:
        raise Broken("no JSON object")
    try:
        found, end = _DECODER.raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError):
        raise Broken("no whole JSON object") from None
    if "{" in text[end:]:
        raise Broken("more than one JSON object")
    only: dict[str, Any] = found
    return only


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Broken("a key stands twice")
    for text in (*fields, *fields.values()):
        if isinstance(text, str) and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise Broken("half a character")
    return fields


def _constant(name: str) -> NoReturn:
    raise Broken(f"{name} is not JSON")


def _integer(digits: str) -> int:
    # Python refuses to read very long numbers with an error of its own.
    if len(digits) > 18:
        raise Broken("a number of more than 18 digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer)


def _without_values(message: str) -> str:
    """Leave out what a message of msgspec quotes of the reply."""
    return re.sub(r"(value|field) [`'].*[`']", r"\1", message)


def stands_in(quote: str, text: str) -> bool:
    """Whether a quotation stands in a text as whole words.

    Upper and lower case, white space, and typographic or plain quotation marks and dashes count as
    the same, and outer quotation marks as the judge's own. Nothing may be left out: "…" is taken
    for itself.
    """
    wanted = _plain(quote).strip(_OUTER)
    if not any(sign.isalnum() for sign in wanted):
        return False
    before = r"(?<!\w)" if wanted[0].isalnum() else ""
    after = r"(?!\w)" if wanted[-1].isalnum() else ""
    return re.search(before + re.escape(wanted) + after, _plain(text)) is not None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text.translate(_LIKE)).casefold()
    return " ".join(folded.split())
