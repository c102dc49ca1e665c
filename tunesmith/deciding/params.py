"""What a recipe says about the gate."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from tunesmith.deciding.bounds import CostBound, LatencyBound, unsettling
from tunesmith.evaluation.metrics import Metric
from tunesmith.stage import Params

Baseline = Literal["base", "prompt_baseline", "retrieved"]


class UseCriterion(Params):
    """What a further use of the model asks; filled in from `uses`."""

    metric: Metric = Field(description="Its primary metric.")
    margin: float = Field(gt=0, lt=1, description="How much worse it may be.")


class GateParams(Params):
    """What promotes."""

    primary: Metric = Field("grounding", description="`evaluate.primary` by default.")
    better_than: tuple[Baseline, ...] = Field(
        ("base", "prompt_baseline"),
        min_length=1,
        description="Whom the candidate must beat on the primary metric.",
    )
    better_on: tuple[Metric, ...] = Field(
        (), description="Further metrics on which it must beat them."
    )
    not_worse_than: Literal["champion"] | None = Field(
        "champion",
        description="Whom it must not be worse than, by `margin`; the base before there is one.",
    )
    margin: float = Field(
        0.05, gt=0, lt=1, description="Difference that is of no consequence, on the metric's scale."
    )
    uses: dict[str, UseCriterion] = Field(
        default_factory=dict,
        description="What the further uses ask, by name; filled in from `uses`.",
    )
    latency: LatencyBound | None = Field(
        None, description="How long a request may take; not measured by default."
    )
    cost: CostBound | None = Field(None, description="What answers may cost; no bound by default.")
    withdrawn: str = Field(
        "", description="Why this very adapter was rolled back; filled in by the retrain."
    )
    tolerances: dict[str, float] = Field(
        default_factory=dict,
        description="How much worse than the base a failure-mode suite may be, by its name.",
    )
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error of each one-sided test a criterion rests on."
    )

    @field_validator("tolerances")
    @classmethod
    def _of_known_suites(cls, tolerances: dict[str, float]) -> dict[str, float]:
        if tolerances:
            from tunesmith.evaluation.suites.comparison import allowed

            allowed(tolerances)
        return tolerances

    @model_validator(mode="after")
    def _can_settle(self) -> "GateParams":
        asked = self.latency
        why = "" if asked is None else unsettling(asked, asked.prompts, self.alpha)
        if why:
            raise ValueError(f"latency: {why}")
        return self
