"""System prompts: whether rows agree with one another and with what is served.

A tuned model answers to the system prompt that it was trained with; served under another one it
partly falls back to the base: Lyu et al., "Keeping LLMs Aligned After Fine-tuning: The Crucial
Role of Prompt Templates" (NeurIPS 2024), measure how far behaviour hangs on it.
"""

from collections import Counter
from typing import Any

from tunesmith.canonical import digest
from tunesmith.data.surveys import Seen, per_cent
from tunesmith.records import LabelExample

NONE = "none"
MANY = "many"
SHARED = 5
"""Rows that must have the same prompt before an account quotes it."""
_MOST = 1_000
_TOP = 5
_SHOWN = 100


class Systems:
    """Counts of system prompts, by the start of their digest."""

    def __init__(self, served: str | None = None) -> None:
        self.served = None if served is None else _name(served)
        self.rows = 0
        self.counts: Counter[str] = Counter()
        self.texts: dict[str, str] = {}
        self.too_many = False

    def add(self, seen: Seen) -> None:
        """Count a row's system prompt; labelled texts have none."""
        if isinstance(seen.row, LabelExample):
            return
        messages = seen.row.prompt
        text = "\n".join(item.content for item in messages if item.role == "system")
        name = _name(text) if text else NONE
        self.rows += 1
        if not self.too_many:
            self.counts[name] += 1
            self.texts.setdefault(name, text.strip()[:_SHOWN])
            self._bound()

    def merge(self, other: "Systems") -> None:
        """Add what another process counted."""
        self.rows += other.rows
        self.too_many = self.too_many or other.too_many
        self.counts.update(other.counts)
        for name, text in other.texts.items():
            self.texts.setdefault(name, text)
        self._bound()

    def _bound(self) -> None:
        self.too_many = self.too_many or len(self.counts) > _MOST
        if self.too_many:
            self.counts.clear()
            self.texts.clear()

    def document(self) -> dict[str, Any]:
        """Return the most frequent system prompts, each with its start and its share."""
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
        return {
            "distinct": MANY if self.too_many else len(self.counts),
            "most": [
                {
                    "prompt": NONE if name == NONE else name,
                    # What few rows share may name somebody.
                    "starts": self.texts[name] if count >= SHARED else "",
                    "share": round(count / self.rows, 4),
                }
                for name, count in ranked
            ],
        }

    def warnings(self) -> list[str]:
        """Warn of system prompts that differ between rows, or from the one that is served."""
        if not self.rows:
            return []
        told = []
        if self.too_many:
            told.append(
                f"system prompts: more than {_MOST:,} different ones; is the input of the task "
                "in them? Serving must then write them the same way"
            )
        elif len(self.counts) > 1:
            name, count = max(self.counts.items(), key=lambda item: (item[1], item[0]))
            quoted = f" ({self.texts[name][:40]!r} …)" if count >= SHARED else ""
            most = "none at all" if name == NONE else f"one{quoted}"
            told.append(
                f"system prompts: {len(self.counts)} different ones; "
                f"{per_cent(count / self.rows)} of the rows have {most}. Serve the model with the "
                "one it was trained on, so make them the same"
            )
        if self.served is not None:
            other = self.rows - self.counts[self.served]
            if other:
                told.append(
                    f"system prompts: {per_cent(other / self.rows)} of the rows have another one "
                    "than mix.system_prompt, with which the model is served"
                )
        return told


def _name(text: str) -> str:
    return digest(text.strip())[:12]
