"""The names that the readers had when they read chat lines alone."""

from tunesmith.data.parsing import Reading
from tunesmith.data.parsing import read_item as read_line

__all__ = ["Reading", "read_line"]
