"""An adapter fits the base that it was trained on, and no other.

The weights of another base of the same shape would take it without a word, and answer wrongly.
"""

from tunesmith.artifacts import Adapter, Base
from tunesmith.errors import InputError


def check_base(adapter: Adapter | None, base: Base) -> None:
    """Refuse an adapter of another base; no adapter fits any.

    Raises:
        InputError: naming the command that trains one for this base.
    """
    if adapter is not None and adapter.base != base.digest:
        raise InputError(
            f"adapter {adapter.short} was trained on the base {adapter.base[:12]}, not on "
            f"{base.short} ({base.model}), and fits no other. Put that base into the recipe, or "
            "train on this one with `tunesmith run RECIPE`"
        )
