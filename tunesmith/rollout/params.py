"""What a recipe says about its rollout."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_serializer, field_validator, model_validator

from tunesmith.stage import Params

Weight = Annotated[int, Field(ge=1, le=100)]
StageName = Literal["shadow", "bake"] | Weight

Recorded = Literal["error", "refusal", "length", "seconds", "first_token_seconds", "tokens"]
"""What the gateway records of an interaction; it is known at once."""
Said = Literal["task_completed", "accepted", "rating"]
"""What feedback says of one, later; any other name is an outcome that feedback names."""
RECORDED: frozenset[str] = frozenset(get_args(Recorded))


_YEAR = 366 * 24


class Guardrail(Params):
    """One figure that the treatment must not spoil."""

    value: Recorded | Said | str = Field(
        description="What is measured, or the name of an outcome that feedback tells."
    )
    better: Literal["higher", "lower", "neither"] = Field(
        description="Which way is better; with `neither`, any change beyond the margin is worse."
    )
    margin: float = Field(
        gt=0, description="How much worse is of no consequence; on the value's scale, or a share."
    )
    relative: bool = Field(
        False, description="Whether the margin is a share of the control's mean."
    )
    tolerated: bool = Field(
        False, description="Whether only what lies beyond the margin counts as worse."
    )
    quantile: float | None = Field(
        None, gt=0, lt=1, description="Compare this quantile instead of the mean."
    )
    window_hours: float = Field(
        0,
        ge=0,
        le=_YEAR,
        description=(
            "How long feedback on an answer is waited for; later feedback does not count."
        ),
    )
    absent: float | None = Field(
        None, description="Value of a request without feedback after the window; left out without."
    )

    @model_validator(mode="after")
    def _measurable(self) -> "Guardrail":
        if self.quantile is not None and self.better != "lower":
            raise ValueError("a quantile is of what is better lower: expected better: lower")
        return self

    @property
    def from_feedback(self) -> bool:
        """Whether feedback tells the value."""
        return self.value not in RECORDED


GUARDRAILS = {
    "task completion": Guardrail(
        value="task_completed", better="higher", margin=0.05, window_hours=24
    ),
    "errors": Guardrail(value="error", better="lower", margin=0.02),
    "refusals": Guardrail(value="refusal", better="lower", margin=0.02),
    "response length": Guardrail(
        value="length", better="neither", margin=0.3, relative=True, tolerated=True
    ),
    "user rating": Guardrail(value="rating", better="higher", margin=0.05, window_hours=24),
    "p95 latency": Guardrail(
        value="seconds", better="lower", margin=0.2, relative=True, tolerated=True, quantile=0.95
    ),
    "p95 first token": Guardrail(
        value="first_token_seconds", better="lower", margin=0.2, relative=True, tolerated=True,
        quantile=0.95,
    ),
    "cost per request": Guardrail(
        value="tokens", better="lower", margin=0.2, relative=True, tolerated=True
    ),
}  # fmt: skip


class Breaker(Params):
    """A gross failure that needs no statistics."""

    errors: float = Field(0.5, gt=0, lt=1, description="Share of the treatment's requests.")
    of: int = Field(20, ge=1, description="Last requests of the treatment that are looked at.")


class RolloutParams(Params):
    """How a candidate gets to all users."""

    stages: tuple[StageName, ...] = Field(
        ("shadow", 5, 10, 25, 50, 100, "bake"),
        description=(
            "Stages in order; numbers are the treatment's percent. In `shadow` it is asked, and "
            "nobody sees it; in `bake` it has everybody, is still watched, and can go back."
        ),
    )
    shadow_requests: int = Field(200, ge=1, description="Live prompts that `shadow` asks in pairs.")
    minimum_requests: int = Field(
        500, ge=1, description="Requests of the treatment in each live stage."
    )
    first_hours: float = Field(
        48, ge=0, le=_YEAR, description="Least time in the first live stage."
    )
    hours: float = Field(24, ge=0, le=_YEAR, description="Least time in later stages.")
    budget: int = Field(
        30_000,
        ge=1,
        description=(
            "Requests of both sides within which the evidence must come; each counts when its "
            "feedback is due."
        ),
    )
    unsettled: Literal["hold", "roll_back", "ask"] = Field(
        "ask", description="What happens when the budget is spent and something is not settled."
    )
    sure_from: Weight = Field(
        25, description="Percent from which on every guardrail must be shown to be not worse."
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error of rolling back over all guardrails and looks."
    )
    guardrails: dict[str, Guardrail] = Field(
        GUARDRAILS,
        min_length=1,
        description=(
            "By name. Those given join the default ones, and change their fields where the name "
            "is the same; null leaves one out."
        ),
    )
    shadow_metrics: tuple[str, ...] = Field(
        (),
        description=(
            "Metrics that need no reference answer, by which `shadow` compares the answers of "
            "requests whose content is captured."
        ),
    )
    breaker: Breaker = Field(Breaker(), description="What trips at once.")
    rollback_window_days: float = Field(
        14, ge=0, le=366, description="How long the former champion stays loaded after 100 %."
    )

    @field_validator("guardrails", mode="before")
    @classmethod
    def _joined(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        unknown = [name for name in given if given[name] is None and name not in GUARDRAILS]
        if unknown:
            raise ValueError(
                f"null leaves out a default guardrail, and {', '.join(unknown)} is none; expected "
                f"one of {', '.join(GUARDRAILS)}"
            )
        joined = {name: _changed(name, each) for name, each in {**GUARDRAILS, **given}.items()}
        return {name: each for name, each in joined.items() if each is not None}

    @field_validator("guardrails")
    @classmethod
    def _awaited(cls, given: dict[str, Guardrail]) -> dict[str, Guardrail]:
        for name, each in given.items():
            if each.from_feedback and not each.window_hours:
                raise ValueError(
                    f"{name}: {each.value} comes with feedback; expected window_hours, how long it "
                    "is waited for"
                )
        return given

    @field_serializer("guardrails")
    def _with_those_left_out(self, kept: dict[str, Guardrail]) -> dict[str, Guardrail | None]:
        # Read again, what was left out must not join again.
        return {**dict.fromkeys(GUARDRAILS), **kept}

    @property
    def longest_window(self) -> float:
        """Hours until all that is measured of a request is due."""
        return max(each.window_hours for each in self.guardrails.values())

    @model_validator(mode="after")
    def _growing(self) -> "RolloutParams":
        weights = [stage for stage in self.stages if isinstance(stage, int)]
        if not weights or weights != sorted(set(weights)) or weights[-1] != 100:
            raise ValueError(f"stages {self.stages}: expected percents that grow up to 100")
        if weights[0] >= self.sure_from:
            raise ValueError(
                f"stages {self.stages}: from {self.sure_from} % on (sure_from) every guardrail "
                "must be shown to be not worse, which only a smaller percent before can show"
            )
        first, last = self.stages.index(weights[0]), self.stages.index(100)
        if any(isinstance(stage, str) for stage in self.stages[first:last]):
            raise ValueError(f"stages {self.stages}: shadow comes before the percents, bake after")
        if self.stages[:first] not in ((), ("shadow",)) or self.stages[last + 1 :] not in (
            (),
            ("bake",),
        ):
            raise ValueError(
                f"stages {self.stages}: expected shadow first and bake last, if at all"
            )
        return self


def _changed(name: str, given: Any) -> Any:
    """Return a guardrail; of a default one, what is not given stays."""
    if name in GUARDRAILS and isinstance(given, Mapping):
        return {**GUARDRAILS[name].model_dump(), **given}
    return given
