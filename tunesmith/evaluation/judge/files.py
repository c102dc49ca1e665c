"""A judge from a file of its own, such as the one that `tunesmith evaluate --judge` takes.

endpoint: {base_url: https://host/v1, model: large-1, key: HOST_KEY}
rubric: rubric.yaml      # looked up beside this file; without it, facts alone are checked
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from tunesmith.evaluation.endpoint.files import checked, read_yaml
from tunesmith.evaluation.judge.asking import JudgeParams
from tunesmith.evaluation.judge.rubric import Rubric, load_rubric

Asked = Literal["absolute", "facts"]


class RubricJudge(JudgeParams):
    """A judge with its rubric; what it is asked follows from what is to be measured."""

    rubric: Rubric = Field(
        Rubric(name="facts"),
        description="File with what is judged, and on which scale; facts need none.",
    )


class JudgeSpec(RubricJudge):
    """A judge, and what it is asked about each answer."""

    tasks: tuple[Asked, ...] = Field(
        (),
        description=(
            "`absolute` scores by the rubric, `facts` checks claim by claim; all that the rubric "
            "has a template for by default."
        ),
    )

    @field_validator("tasks")
    @classmethod
    def _once(cls, tasks: tuple[Asked, ...]) -> tuple[Asked, ...]:
        if len(set(tasks)) < len(tasks):
            raise ValueError("one stands twice; expected each once")
        return tasks

    @model_validator(mode="after")
    def _told_how(self) -> "JudgeSpec":
        if "absolute" in self.tasks and self.rubric.absolute is None:
            raise ValueError(f"rubric {self.rubric.name!r} has no 'absolute' template; add one")
        return self

    @property
    def asked(self) -> tuple[Asked, ...]:
        """What is asked about each answer, in order."""
        if self.tasks:
            return self.tasks
        return ("facts",) if self.rubric.absolute is None else ("absolute", "facts")


def load_judge(path: Path) -> JudgeSpec:
    """Read a judge.

    Raises:
        RecipeError: the file or its rubric is missing or wrong; the message lists everything.
    """
    raw = read_yaml(path, "judge")
    if isinstance(raw.get("rubric"), str):
        raw = {**raw, "rubric": load_rubric(path.parent / raw["rubric"])}
    return checked(path, "judge", JudgeSpec, raw)
