"""The ways in which a row is spoiled. Each function plants one defect and leaves the rest right."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tunesmith.example_data.dice import Dice
from tunesmith.example_data.tickets import (
    SIGN_OFF,
    Facts,
    Row,
    grams,
    jaccard,
    new_facts,
)
from tunesmith.example_data.vocabulary import choose, sentences, vocabulary

NEAR_COPY = 0.85
"""Near copies are at least this similar to their original (Jaccard of word 3-grams)."""


@dataclass(frozen=True)
class Spoiled:
    """A ticket and an e-mail with one defect, and what it is."""

    user: str
    assistant: str
    kind: str
    detail: dict[str, str] = field(default_factory=dict)


# Ungrounded: something that the ticket does not say.

_ENTITIES = {
    "date": ("due", "opened"),
    "amount": ("amount",),
    "number": ("version", "rate", "pin", "count_b"),
    "id": ("order", "label", "id"),
    "name": ("first",),
}
_ADDED = {
    "date": ("due", "We will call you on {value}."),
    "amount": ("amount", "A fee of {value} applies."),
    "number": ("count", "This takes {value} working days."),
    "id": ("order", "Please quote {value} from now on."),
    "name": ("first", "Our colleague {value} took care of it."),
}
ENTITY_KINDS = tuple(_ENTITIES)


def ungrounded(row: Row, kind: str, dice: Dice) -> Spoiled:
    """Exchange a fact of the e-mail for an invented one, or add a sentence that invents one.

    Args:
        row: A clean row.
        kind: One of `ENTITY_KINDS`.
        dice: Source of the invention.
    """
    stated = [name for name in _ENTITIES[kind] if name in row.wording.stated()]
    if stated and dice.chance(0.7):
        name = dice.pick(stated)
        value = _stranger(row, name, dice)
        email = row.wording.email({**row.facts, name: value})
        how = "exchanged"
    else:
        name, sentence = _ADDED[kind]
        value = _stranger(row, name, dice)
        email = _with_sentence(row.assistant, sentence.format(value=value))
        how = "added"
    return Spoiled(row.user, email, kind, {"stated": value, "how": how})


def _stranger(row: Row, name: str, dice: Dice) -> str:
    """A value for the fact whose first number, or whose name, is not in the ticket."""
    present = set(re.findall(r"\d+|[^\W\d]+", row.user))
    while True:
        if name == "first":
            value = dice.pick(vocabulary("tickets").first_names)
            key = value
        else:
            value = f"TK-{dice.number(10000, 99999)}" if name == "id" else new_facts(dice)[name]
            key = re.findall(r"\d+", value)[0]
        if key not in present:
            return value


def _with_sentence(email: str, sentence: str, *, first: bool = False) -> str:
    """The e-mail with one more sentence at an end of its body paragraph."""
    head, body = email.removesuffix(f"\n\n{SIGN_OFF}").rsplit("\n\n", 1)
    body = f"{sentence} {body}" if first else f"{body} {sentence}"
    return f"{head}\n\n{body}\n\n{SIGN_OFF}"


# Format.


def _without_paragraph(number: int) -> Callable[[str], str]:
    def mutate(email: str) -> str:
        parts = email.split("\n\n")
        return "\n\n".join(parts[:number] + parts[number + 1 :])

    return mutate


_MISSHAPEN: dict[str, Callable[[str], str]] = {
    "no_subject": _without_paragraph(0),
    "no_greeting": _without_paragraph(1),
    "no_list": _without_paragraph(2),
    "no_sign_off": lambda email: email.removesuffix(f"\n\n{SIGN_OFF}"),
    "other_label": lambda email: email.replace("Subject: ", "Re: ", 1),
    "bare_id": lambda email: re.sub(r"\[(TK-\d+)\]", r"\1", email, count=1),
    "other_sign_off": lambda email: email.replace("Kind regards", "Best wishes"),
    "single_breaks": lambda email: email.replace("\n\n", "\n"),
    "bold": lambda email: email.replace("Subject:", "**Subject:**", 1),
    "bullet": lambda email: email.replace(".\n\n", ".\n\n- ", 1),
    "trailing": lambda email: f"{email}\n\nSent from my phone",
}
FORMAT_KINDS = tuple(_MISSHAPEN)


def misshapen(row: Row, kind: str) -> Spoiled:
    """Break the form of the e-mail in one of `FORMAT_KINDS`; its facts stay right."""
    return Spoiled(row.user, _MISSHAPEN[kind](row.assistant), kind)


# Marker phrases: a model speaks, not the support team.

_MARKERS = {
    "language_model": "As an AI language model, I have no further details.",
    "as_an_ai": "As an AI, I can only repeat the ticket.",
    "no_access": "I don't have access to your account.",
    "no_access_formal": "I do not have access to the order system.",
    "cannot_verify": "I cannot verify this information.",
    "unable_to_verify": "I am unable to verify the details.",
    "real_time": "I do not have real-time information.",
    "cannot_help": "I'm sorry, but I can't help with more than that.",
    "cutoff": "My knowledge cutoff may matter here.",
    "training_data": "This is based on my training data.",
}
MARKER_KINDS = tuple(_MARKERS)


def marked(row: Row, kind: str, dice: Dice) -> Spoiled:
    """Put one of `MARKER_KINDS` in front of or behind the message."""
    phrase = _MARKERS[kind]
    email = _with_sentence(row.assistant, phrase, first=dice.chance(0.5))
    return Spoiled(row.user, email, kind, {"phrase": phrase})


# Secrets: put together here, so that no text of this repository looks like one.

_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ234567"
_MIXED = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def _run(letters: str, count: int, dice: Dice) -> str:
    """Random signs, with a digit and a letter in any case."""
    return "7K" + "".join(dice.pick(letters) for _ in range(count - 2))


def _card(dice: Dice) -> str:
    """Sixteen digits with a valid check digit (Luhn, ISO/IEC 7812-1), in groups of four."""
    digits = [4, *(dice.number(0, 9) for _ in range(14))]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[::2]]
    digits.append(-(sum(doubled) + sum(digits[1::2])) % 10)
    text = "".join(map(str, digits))
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


_SECRETS: dict[str, Callable[[Dice], str]] = {
    "aws_key": lambda dice: "the access key is " + "AK" + "IA" + _run(_UPPER, 16, dice),
    "github_token": lambda dice: "the token is " + "gh" + "p_" + _run(_MIXED, 36, dice),
    "api_key": lambda dice: "the key is " + "sk" + "_live_" + _run(_MIXED, 24, dice),
    "password": lambda dice: "pass" + "word: " + _run(_MIXED, 12, dice),
    "card": lambda dice: "the card is " + _card(dice),
    "private_key": lambda dice: (
        "-----BEGIN RSA "
        + "PRIVATE KEY-----\n"
        + "\n".join(_run(_MIXED, 64, dice) for _ in range(3))
        + "\n-----END RSA "
        + "PRIVATE KEY-----"
    ),
}
SECRET_KINDS = tuple(_SECRETS)


def leaking(row: Row, kind: str, dice: Dice) -> Spoiled:
    """Let the ticket, and now and then the e-mail as well, hold one of `SECRET_KINDS`."""
    secret = _SECRETS[kind](dice)
    email, where = row.assistant, "ticket"
    if "\n" not in secret and dice.chance(0.3):
        email, where = _with_sentence(email, f"For your notes, {secret}."), "ticket and e-mail"
    return Spoiled(f"{row.user}\nCustomer added: {secret}", email, kind, {"where": where})


# Length.


def too_short(row: Row, dice: Dice) -> Spoiled:
    """An e-mail of the right form with under 50 tokens."""
    body = dice.pick(("Done.", "It is settled.", "All is fixed.", "See above.", "This is closed."))
    email = "\n\n".join(
        (
            f"Subject: [{row.facts['id']}] {dice.pick(('Update', 'News', 'Done'))}",
            f"Hi {row.facts['first']},",
            f"In short: {row.facts['product']}.",
            body,
            SIGN_OFF,
        )
    )
    return Spoiled(row.user, email, "too_short")


def too_long(row: Row, dice: Dice) -> Spoiled:
    """An e-mail of the right form that rambles on for more than 1,000 words."""
    email, parts = row.assistant, sentences()
    while len(email.split()) <= 1000:
        sentence = choose(dice.pick(parts.opener + parts.closer), dice)
        email = _with_sentence(email, sentence.format(**row.facts))
    return Spoiled(row.user, email, "too_long")


# Near copies.


def near_copy(row: Row, dice: Dice) -> Spoiled:
    """Make one or two small edits in the ticket; the e-mail stays."""
    original = grams(row.user, row.assistant)
    while True:
        user, edits = row.user, dice.sample(_EDITS, dice.number(1, 2))
        for edit in edits:
            user = _EDITS[edit](user, row.facts, dice)
        similar = jaccard(original, grams(user, row.assistant))
        if user.split() != row.user.split() and similar >= NEAR_COPY:
            detail = {"edits": ", ".join(edits), "jaccard": f"{similar:.3f}"}
            return Spoiled(user, row.assistant, "near_copy", detail)


def _edit_word(change: Callable[[str], str]) -> Callable[[str, Facts, Dice], str]:
    """An edit of one plain lower-case word that names no fact."""

    def edit(user: str, facts: Facts, dice: Dice) -> str:
        known = " ".join(facts.values())
        found = [
            match
            for match in re.finditer(r"(?<![\w-])[a-z]{4,}(?![\w-])", user)
            if match.group() not in known
        ]
        if not found:
            return user
        match = dice.pick(found)
        return user[: match.start()] + change(match.group()) + user[match.end() :]

    return edit


_EDITS: dict[str, Callable[[str, Facts, Dice], str]] = {
    "typo": _edit_word(lambda word: word[0] + word[2] + word[1] + word[3:]),
    "lost_letter": _edit_word(lambda word: word[:2] + word[3:]),
    "doubled_word": _edit_word(lambda word: f"{word} {word}"),
    "emphasis": _edit_word(lambda word: word.upper()),
    "thanks": lambda user, facts, dice: f"{user} {dice.pick(('Thanks.', 'Please help.'))}",
    "spacing": lambda user, facts, dice: user.replace(". ", ".  ").replace("\n", " \n"),
}


# Lines that are no example.


def _unanswered(row: dict[str, Any]) -> str:
    return json.dumps({**row, "messages": row["messages"][:-1]}, ensure_ascii=False)


def _answer(row: dict[str, Any], **changed: Any) -> str:
    *before, answer = row["messages"]
    return json.dumps({**row, "messages": [*before, {**answer, **changed}]}, ensure_ascii=False)


_BAD_LINES: dict[str, Callable[[dict[str, Any], str], str]] = {
    "broken_json": lambda row, line: line.replace('"role": ', '"role" ', 1),
    "truncated": lambda row, line: line[: len(line) // 2],
    "wrong_role": lambda row, line: _answer(row, role="bot"),
    "no_messages": lambda row, line: json.dumps({**row, "messages": None}),
    "empty_answer": lambda row, line: _answer(row, content=" "),
    "duplicate_key": lambda row, line: '{"messages": [], ' + line[1:],
    "content_not_text": lambda row, line: _answer(row, content=7),
    "no_answer": lambda row, line: _unanswered(row),
    "not_an_object": lambda row, line: json.dumps(row["messages"], ensure_ascii=False),
    "not_utf8": lambda row, line: line.replace("Kind regards", "Kind\udca0regards"),
}
BAD_LINE_KINDS = tuple(_BAD_LINES)


def bad_line(row: dict[str, Any], line: str, kind: str) -> bytes:
    """The bytes of a line that cannot be read as a row, in one of `BAD_LINE_KINDS`.

    Args:
        row: The row as an object.
        line: The row as JSON.
        kind: What is wrong. `not_utf8` has the no-break space of Latin-1, one byte 0xA0.
    """
    return _BAD_LINES[kind](row, line).encode("utf-8", "surrogateescape")
