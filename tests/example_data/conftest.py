import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tunesmith.example_data.support_email import Truth, TruthRow, write


class Made(NamedTuple):
    """One data set: the raw lines with their truth, and the held-out rows."""

    folder: Path
    truth: Truth
    lines: dict[tuple[str, int], bytes]
    heldout: list[dict[str, Any]]

    def of(self, *reasons: str) -> list[tuple[TruthRow, dict[str, Any]]]:
        """The readable rows with these reasons."""
        return [
            (row, json.loads(self.lines[row.file, row.line]))
            for row in self.truth.rows
            if row.reason in reasons
        ]

    def readable(self) -> list[tuple[TruthRow, dict[str, Any]]]:
        return self.of(*(set(self.truth.counts) - {"bad_line"}))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("support-email")
    truth = write(folder)
    lines = {
        (path.name, number): line
        for path in truth.tickets
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], start=1)
    }
    heldout = [json.loads(line) for line in truth.heldout.read_text("utf-8").splitlines()]
    return Made(folder, truth, lines, heldout)


def ticket(row: dict[str, Any]) -> str:
    return row["messages"][1]["content"]


def email(row: dict[str, Any]) -> str:
    return row["messages"][2]["content"]
