"""Regular expressions and phrases that come from a recipe."""

import re
from typing import Annotated

from pydantic import Field

Phrase = Annotated[str, Field(pattern=r"\S")]
"""Text that is not blank."""


def valid_pattern(pattern: str | None) -> str | None:
    """Return the pattern; a pydantic validator.

    Raises:
        ValueError: when it is not a regular expression.
    """
    if pattern is not None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern
