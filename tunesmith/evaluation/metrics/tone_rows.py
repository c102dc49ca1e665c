"""The texts from which the tone metric learns, as a recipe gives them."""

from pydantic import Field, model_validator

from tunesmith.stage import Params

FEWEST_TEXTS = 50
"""Distinct texts of each kind; with fewer, a share of right answers is known to 10 points only."""
MOST_TEXTS = 5_000
"""Texts altogether: they are part of the recipe's identity and of every record."""


class ToneRows(Params):
    """Texts on and off the brand's tone, at least 50 different ones of each."""

    on: tuple[str, ...] = Field(description="Texts in the tone that is wanted.")
    off: tuple[str, ...] = Field(description="Texts that are not.")

    @model_validator(mode="after")
    def _enough_and_distinct(self) -> "ToneRows":
        for name, texts in (("on", self.on), ("off", self.off)):
            count = len(_distinct(texts))
            if count < FEWEST_TEXTS:
                raise ValueError(
                    f"{count} different texts are {name} the brand's tone; expected at least "
                    f"{FEWEST_TEXTS}, to tell how well the two can be told apart"
                )
        if len(self.on) + len(self.off) > MOST_TEXTS:
            raise ValueError(
                f"{len(self.on) + len(self.off)} texts; expected at most {MOST_TEXTS}, as they are "
                "kept in every record"
            )
        both = _distinct(self.on) & _distinct(self.off)
        if both:
            raise ValueError(f"{min(both)[:60]!r} is both on and off; expected one of them")
        return self


def _distinct(texts: tuple[str, ...]) -> set[str]:
    return {one_line(text) for text in texts} - {""}


def one_line(text: str) -> str:
    """Return a text with its white space made single spaces."""
    return " ".join(text.split())
