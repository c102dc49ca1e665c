"""Tickets whose agent left facts open, with e-mails that say so instead of filling them in.

A model that has only seen whole tickets learns that an e-mail has a date, a sum and a number, and
makes them up where the ticket has none. What an agent writes in place of a fact is in `OPEN`; the
e-mail repeats it, and greets a customer without a name by `NO_NAME`.
"""

from dataclasses import replace

from tunesmith.example_data.dice import Dice
from tunesmith.example_data.tickets import Row
from tunesmith.example_data.vocabulary import fields

NO_NAME = "Dear customer,"

_SHARE_ALL = 0.5
"""Share of the incomplete tickets that state no fact at all."""

_NUMBER = (
    *("number to follow", "number not noted", "number pending", "number left blank"),
    *("number still open", "number unknown"),
)
OPEN = {
    "id": ("no id", "id unknown", "id to follow", "id left blank", "id not noted"),
    "opened": (
        *("a day not noted", "an unknown date", "a date left blank", "a day last month"),
        *("an earlier day", "a date that was not entered"),
    ),
    "due": (
        *("a date to be confirmed", "the agreed day", "a day not fixed yet", "a later date"),
        *("the day agreed by phone", "a date still open"),
    ),
    "amount": (
        *("an amount to be confirmed", "the full price", "a part of the price", "a sum not noted"),
        *("the amount agreed", "the usual fee", "a sum still open"),
    ),
    "order": _NUMBER,
    "label": _NUMBER,
    "pin": _NUMBER,
    "version": ("still unknown", "not noted", "to be confirmed", "left blank"),
    "count": ("a few", "several", "many"),
    "count_b": ("a value not noted", "a value to be confirmed", "an unknown value"),
    "rate": ("a few", "several", "many"),
    "product": (
        *("unnamed product", "product not listed", "device of an unknown make"),
        *("device left blank", "appliance without a name"),
    ),
    "first": (
        *("a customer without a name", "name not given", "name left blank"),
        "an unnamed customer",
    ),
}
"""What stands in a ticket in place of a fact, by its field; `first` stands for the whole name."""

_NOUNS = ("product", "device", "appliance")


def leave_open(row: Row, dice: Dice) -> Row:
    """Return a row with some of its facts, or all, left open in ticket and e-mail alike."""
    wording = row.wording
    stated = [name for name in fields(wording.layout + wording.says + wording.did) if name in OPEN]
    count = len(stated) if dice.chance(_SHARE_ALL) else dice.number(1, len(stated) - 1)
    said = {name: dice.pick(OPEN[name]) for name in dice.sample(stated, count)}
    if "product" in said:
        said["noun"] = next(noun for noun in _NOUNS if noun in said["product"])
    name = said.pop("first", None)
    if name is not None:
        layout = wording.layout.replace("{first} {last}", name)
        row = replace(row, wording=replace(wording, layout=layout, greeting=NO_NAME))
    return row.with_facts(**said)
