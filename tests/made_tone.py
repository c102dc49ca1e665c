"""Texts of two tones about the same things, for tests of what learns to tell them apart."""

from tunesmith.evaluation.metrics import ToneRows

THINGS = (
    "parcel",
    "invoice",
    "refund",
    "account",
    "printer",
    "order",
    "ticket",
    "cable",
    "lamp",
    "key",
)
DAYS = ("Monday", "Tuesday", "Friday", "today", "tomorrow", "soon")


def warm(thing: str, day: str) -> str:
    """A text on the brand's tone."""
    return f"Thank you for writing to us about your {thing}. We are glad to help you {day}!"


def curt(thing: str, day: str) -> str:
    """A text off it."""
    return f"Re {thing}: noted. Wait until {day}. Do not write again, the {thing} is your problem."


PAIRS = [(thing, day) for thing in THINGS for day in DAYS]
TONE = ToneRows(on=tuple(warm(*pair) for pair in PAIRS), off=tuple(curt(*pair) for pair in PAIRS))
