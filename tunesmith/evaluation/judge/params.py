"""How answers are judged, and whose they are: the parameters of the stage `judge`."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import Field, model_validator

from tunesmith.errors import RecipeError
from tunesmith.evaluation.judge.files import JudgeSpec, RubricJudge
from tunesmith.evaluation.judge.identity import Subject, check_independent
from tunesmith.evaluation.judge.scores import TASKS

# Whose answers they are changes no verdict, so it is no part of a key.
Subjects = Annotated[
    dict[str, tuple[str, ...]],
    Field(
        min_length=1,
        exclude=True,
        description="Names of the judged models and of their bases, by role.",
    ),
]


class JudgingParams(JudgeSpec):
    """How answers are judged, and whose they are."""

    subjects: Subjects


class AgainstParams(RubricJudge):
    """How two answers are held against each other, and whose they are."""

    subjects: Subjects

    @model_validator(mode="after")
    def _told_how(self) -> "AgainstParams":
        if self.rubric.pairwise is None:
            raise ValueError(f"rubric {self.rubric.name!r} has no 'pairwise' template; add one")
        return self


Told = JudgingParams | AgainstParams


def params_for(
    judge: RubricJudge | None, metrics: Collection[str], subjects: dict[str, tuple[str, ...]]
) -> JudgingParams | None:
    """Return how a judge measures those of the metrics that only a judge can; None if none is.

    Raises:
        RecipeError: there is no judge to measure them, or it is one of the subjects.
    """
    named = [name for name in TASKS if name in metrics]
    if not named:
        return None
    if judge is None:
        raise RecipeError(f"judge: is missing; {' and '.join(named)} can only be measured by one")
    asked = {"tasks": tuple(TASKS[name] for name in named), "subjects": subjects}
    params = JudgingParams(**{**dict(judge), **asked})
    check(params)
    return params


def check(params: Told, served: Iterable[str] = ()) -> None:
    """Refuse a judge that is one of the judged.

    Raises:
        RecipeError: the name asked for, or one that was served, is a subject's.
    """
    subjects = (Subject(role, names) for role, names in sorted(params.subjects.items()))
    check_independent((params.endpoint.model, *served), subjects)
