"""The fields of one row of a source, under the names that the recipe maps them from."""

import json
from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """Why a row is dropped."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Values:
    """The fields of a row; `used` collects the keys that a shape has read.

    Args:
        row: The row as it stands in its source.
        names: Keys of the row by field, where they differ.
        cells: Whether the row is of a table, whose lists may be JSON text.
    """

    __slots__ = ("_cells", "_names", "_row", "used")

    def __init__(self, row: Mapping[str, Any], names: Mapping[str, str], cells: bool) -> None:
        self._row, self._names, self._cells = row, names, cells
        self.used: set[str] = set()

    def key(self, field: str) -> str:
        """Return the row's key for a field."""
        return self._names.get(field, field)

    def take(self, field: str) -> Any:
        """Return a field's value, None where there is none."""
        key = self._names.get(field, field)
        self.used.add(key)
        return self._row.get(key)

    def text(self, field: str) -> str:
        """Return a text that must be there and say something."""
        return as_text(self.take(field), self.key(field))

    def text_or_none(self, field: str) -> str | None:
        """Return a text that may be missing or blank."""
        found = self.take(field)
        if found is None or found == "":
            return None
        return as_text(found, self.key(field)) if not _is_blank(found) else None

    def items(self, field: str) -> list[Any] | None:
        """Return a list, None where there is none."""
        found = self.take(field)
        if self._cells and isinstance(found, str):
            found = self._parsed(found, field)
        if found is None or isinstance(found, list):
            return found
        raise Problem("wrong_shape", f"{self.key(field)}: expected a list, found {kind(found)}")

    def _parsed(self, text: str, field: str) -> Any:
        if not text.strip():
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Problem(
                "wrong_shape", f"{self.key(field)}: expected a list in JSON: {error}"
            ) from error


def as_text(value: Any, where: str) -> str:
    """Return a text that says something.

    Raises:
        Problem: when it is none.
    """
    if not isinstance(value, str):
        raise Problem("wrong_shape", f"{where}: expected text, found {kind(value)}")
    if not value.strip():
        raise Problem("empty_message", f"{where} is empty")
    return value


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def kind(value: Any) -> str:
    """Say what a JSON value is."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    if value is None:
        return "nothing"
    return names.get(type(value), "a number")
