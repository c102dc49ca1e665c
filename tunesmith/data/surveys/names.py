"""Names in answers: where no check can tell them, somebody else has to look.

`grounding` knows a name by its capital letter. A script without letter case marks none, and German
marks every noun, so there an invented name passes: numbers, dates and identifiers alone are
compared with the input.
"""

from typing import Any

from tunesmith.data.checks.row import has_text
from tunesmith.data.entities.language import tongue
from tunesmith.data.entities.uncased import is_uncased
from tunesmith.data.surveys import Seen, per_cent

MANY = 0.1
"""Share of answers without tellable names from which a person should know."""
FEWEST = 50
"""Sampled answers under which a share says little."""


class Names:
    """How many answers are written so that a name in them cannot be told."""

    def __init__(self) -> None:
        self.rows = 0
        self.untold = 0

    def add(self, seen: Seen) -> None:
        """Count a row, if it is sampled and has an answer in words."""
        if not seen.sampled or not has_text(seen.row):
            return
        answer = seen.row.answer
        self.rows += 1
        self.untold += is_uncased(answer) or tongue(answer) == "german"

    def merge(self, other: "Names") -> None:
        """Add what another process counted."""
        self.rows += other.rows
        self.untold += other.untold

    def document(self) -> dict[str, Any]:
        """Return the answers that were looked at, and those whose names cannot be told."""
        return {"answers": self.rows, "untold": self.untold}

    def warnings(self) -> list[str]:
        """Warn where the names of many answers go unchecked."""
        if self.rows < FEWEST or self.untold < MANY * self.rows:
            return []
        return [
            f"names: in {per_cent(self.untold / self.rows)} of the answers no check can tell a "
            "name (German, or a script without capital letters), so an invented one passes; their "
            "numbers, dates and identifiers are checked. Have people read a sample for names"
        ]
