"""What a judge found, as it is kept.

None is a verdict that is missing, and `missing` says why; it is never 0. What the texts under
judgement say stands in reasons and claims: these belong into the store, not into logs.
"""

from typing import Literal

from msgspec import Struct

REFUSED = "refused: "
"""How `missing` begins where the endpoint did not take the question, such as one too long."""

Verdict = Literal["supported", "contradicted", "not_in_input"]


class Made(Struct, frozen=True):
    """How a verdict came about.

    `replies` counts the replies it took, broken ones included; `form` is how the endpoint was asked
    for its structure; `served` is the model that the server said it was.
    """

    replies: int
    form: str
    served: str


class Rating(Struct, frozen=True, kw_only=True):
    """A score on the rubric's scale."""

    score: int | None
    reason: str = ""
    missing: str = ""
    made: tuple[Made, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """The better of two answers, asked in both orders.

    `orders` holds what was chosen with the first answer in front and with the second in front, as
    "first", "second" or "tie" after undoing the order. `winner` is "tie" unless both agree.
    """

    winner: Literal["first", "second", "tie"] | None
    orders: tuple[str | None, str | None] = (None, None)
    reasons: tuple[str, str] = ("", "")
    missing: str = ""
    made: tuple[Made, ...] = ()


class Claim(Struct, frozen=True):
    """A claim of an answer; `quote` really stands in the input."""

    said: str
    verdict: Verdict
    quote: str


class Facts(Struct, frozen=True, kw_only=True):
    """The claims of an answer; None where the judge gave no usable list."""

    claims: tuple[Claim, ...] | None
    missing: str = ""
    made: tuple[Made, ...] = ()

    @property
    def share(self) -> float | None:
        """Share of claims that the input supports, 0 to 1; None without claims."""
        if not self.claims:
            return None
        return sum(claim.verdict == "supported" for claim in self.claims) / len(self.claims)
