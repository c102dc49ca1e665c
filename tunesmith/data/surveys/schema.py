"""What rows have beside their text: type, origin, review, extra keys, flags.

A column that comes or goes between two data sets is the commonest break in a pipeline (Schelter
et al., "Automating Large-Scale Data Quality Verification", VLDB 2018), and none of its rows looks
wrong by itself.
"""

from collections import Counter
from typing import Any

from tunesmith.data.surveys import Seen

_MOST = 500


class Schema:
    """Counts of types, origins, extra keys and flags."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("type", "origin", "reviewed", "columns", "flags")
        }

    def add(self, seen: Seen) -> None:
        """Count a row."""
        row = seen.row
        self.rows += 1
        self.counts["type"][str(row.__struct_config__.tag)] += 1
        self.counts["origin"][row.origin] += 1
        self.counts["reviewed"]["yes" if row.reviewed_by else "no"] += 1
        self.counts["columns"].update(row.metadata.keys())
        self.counts["flags"].update(row.flags)

    def merge(self, other: "Schema") -> None:
        """Add what another process counted."""
        self.rows += other.rows
        for name, counts in other.counts.items():
            self.counts[name].update(counts)

    def document(self) -> dict[str, Any]:
        """Return the share of rows that have each; the most frequent columns alone."""
        return {
            name: {
                key: round(count / max(self.rows, 1), 4)
                for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[
                    :_MOST
                ]
            }
            for name, counts in self.counts.items()
        }

    def warnings(self) -> list[str]:
        """Warn of rows of more than one type, which no single method trains on."""
        types = self.counts["type"]
        if len(types) < 2:
            return []
        named = ", ".join(f"{count:,} {name}" for name, count in sorted(types.items()))
        return [f"rows of several types: {named}. No training method takes more than one"]
