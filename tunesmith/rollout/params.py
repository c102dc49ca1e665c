"""What a recipe says about its rollout."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tunesmith.stage import Params

Weight = Annotated[int, Field(ge=1, le=100)]
StageName = Literal["shadow", "bake"] | Weight

Measured = Literal[
    "task_completed", "accepted", "rating", "error", "refusal", "length", "seconds",
    "first_token_seconds", "tokens",
]  # fmt: skip
"""What every interaction may have a value of; any other name is a named outcome of feedback."""


class Guardrail(Params):
    """One figure that the treatment must not spoil."""

    value: Measured | str = Field(description="What is measured, or the name of an outcome.")
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
        0, ge=0, description="How long feedback is waited for before a request counts."
    )
    absent: float | None = Field(
        None, description="Value of a request without feedback after the window; left out without."
    )


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

    errors: float = Field(0.5, gt=0, le=1, description="Share of the treatment's requests.")
    of: int = Field(20, ge=1, description="Last requests of the treatment that are looked at.")


class RolloutParams(Params):
    """How a candidate gets to all users."""

    stages: tuple[StageName, ...] = Field(
        ("shadow", 5, 10, 25, 50, 100, "bake"),
        description="Stages in order; numbers are the treatment's percent.",
    )
    shadow_requests: int = Field(200, ge=1, description="Live prompts that `shadow` asks in pairs.")
    minimum_requests: int = Field(
        500, ge=1, description="Requests of the treatment in each live stage."
    )
    first_hours: float = Field(48, ge=0, description="Least time in the first live stage.")
    hours: float = Field(24, ge=0, description="Least time in later stages.")
    budget: int = Field(
        30_000, ge=1, description="Requests of both sides within which the evidence must come."
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
    guardrails: dict[str, Guardrail] = Field(GUARDRAILS, min_length=1, description="By name.")
    breaker: Breaker = Field(Breaker(), description="What trips at once.")
    rollback_window_days: float = Field(
        14, ge=0, description="How long the former champion stays loaded after 100 %."
    )

    @model_validator(mode="after")
    def _growing(self) -> "RolloutParams":
        weights = [stage for stage in self.stages if isinstance(stage, int)]
        if not weights or weights != sorted(set(weights)) or weights[-1] != 100:
            raise ValueError(f"stages {self.stages}: expected percents that grow up to 100")
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
