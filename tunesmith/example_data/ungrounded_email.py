"""A data set that must be refused: e-mails without the tickets that they answer.

Every e-mail is well written and true of a ticket, but the row asks for it in general terms ("Write
the follow-up e-mail for this customer."), so its dates, amounts, names and numbers come from
nowhere. A model that learns from such rows learns to invent them. Teams have trained on just this,
after an export that kept the answers and lost what they answered.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tunesmith.errors import InputError
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.support_email import SYSTEM_PROMPT
from tunesmith.example_data.tickets import Tickets
from tunesmith.replacing import replace_file

MIN_ROWS, MAX_ROWS = 100, 20_000

REQUESTS = (
    "Write the follow-up e-mail for this customer.",
    "Please draft our reply.",
    "Follow up with the customer about their ticket.",
    "The ticket is solved. Write the closing e-mail.",
    "Write a friendly follow-up.",
    "Draft the e-mail that confirms what we agreed.",
    "Let the customer know what happens next.",
    "Write the usual follow-up e-mail, please.",
)
"""What the rows ask; a made-up variant number keeps most prompts apart, as exports do."""


def write(out: Path, seed: int = 7, rows: int = 14_000) -> Path:
    """Write `emails.jsonl` into a folder, whole or not at all, and return its path.

    Args:
        out: The folder; made if absent.
        seed: Same seed and rows, same bytes.
        rows: How many lines, 100 to 20,000.

    Raises:
        InputError: when `rows` is out of range or the folder cannot be written.
    """
    if not MIN_ROWS <= rows <= MAX_ROWS:
        raise InputError(f"rows is {rows}; expected {MIN_ROWS} to {MAX_ROWS}")
    content = b"".join(line + b"\n" for line in _lines(Dice(seed), rows))
    try:
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / "emails.jsonl", content)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be written: {error.strerror}") from error
    return out / "emails.jsonl"


def _lines(dice: Dice, rows: int) -> Iterator[bytes]:
    tickets = Tickets("tickets", dice, iter(dice.shuffled(range(10_000, 100_000))))
    for number in range(rows):
        row = tickets.next()
        messages = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": f"{dice.pick(REQUESTS)} (request {number + 1})"},
            {"role": "assistant", "content": row.assistant},
        ]
        value = {"messages": messages, "conversation": row.conversation}
        yield json.dumps(value, ensure_ascii=False).encode()
