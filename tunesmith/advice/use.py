"""What only the people who will use a model know: the recipe's `use`."""

from typing import Literal

from pydantic import Field

from tunesmith.stage import Params


class UseParams(Params):
    """How the model will be used; `tunesmith advise` asks for what is missing."""

    stable_months: float | None = Field(
        None, ge=0, description="Months for which the task and its right answers stay as they are."
    )
    latency: float | None = Field(
        None, gt=0, description="Seconds within which an answer is needed."
    )
    calls_per_day: int | None = Field(None, ge=0, description="Calls a day in production.")
    consistency: Literal["identical", "free"] | None = Field(
        None, description="Whether every answer must have the identical format."
    )
    specificity: Literal["specialised", "general"] | None = Field(
        None, description="Whether the task speaks the language of a specialised domain."
    )
    reasoning: Literal["single_step", "multi_step"] | None = Field(
        None, description="Whether an answer takes several steps of reasoning."
    )
    knowledge: Literal["input", "stable", "changing"] | None = Field(
        None,
        description=(
            "Where the facts of an answer come from: all from the `input`; from complex domain "
            "knowledge that is `stable`; or from knowledge that is `changing`, such as prices."
        ),
    )
    checkable: bool | None = Field(
        None, description="Whether a program can tell a right answer, as tests can of code."
    )
    hosting: Literal["own", "managed"] | None = Field(
        None, description="Who trains and serves: you, or a vendor's managed service."
    )
