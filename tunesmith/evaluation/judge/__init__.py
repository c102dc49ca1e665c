"""A model that judges answers: by a rubric, validated, measured against people."""

from tunesmith.evaluation.judge.agreement import Agreement, Trust, agreement, kappa
from tunesmith.evaluation.judge.asking import Judge, JudgeParams
from tunesmith.evaluation.judge.files import JudgeSpec, RubricJudge, load_judge
from tunesmith.evaluation.judge.identity import (
    JudgeIdentity,
    Subject,
    check_independent,
    check_same,
    differences,
)
from tunesmith.evaluation.judge.judging import (
    Case,
    Judging,
    Pair,
    check_facts,
    compare,
    position_bias,
    rate,
)
from tunesmith.evaluation.judge.params import AgainstParams, JudgingParams, Told, check, params_for
from tunesmith.evaluation.judge.preferences import propose
from tunesmith.evaluation.judge.results import Claim, Comparison, Facts, Rating
from tunesmith.evaluation.judge.rubric import Rubric, Scale, load_rubric

__all__ = [
    "AgainstParams",
    "Agreement",
    "Case",
    "Claim",
    "Comparison",
    "Facts",
    "Judge",
    "JudgeIdentity",
    "JudgeParams",
    "JudgeSpec",
    "Judging",
    "JudgingParams",
    "Pair",
    "Rating",
    "Rubric",
    "RubricJudge",
    "Scale",
    "Subject",
    "Told",
    "Trust",
    "agreement",
    "check",
    "check_facts",
    "check_independent",
    "check_same",
    "compare",
    "differences",
    "kappa",
    "load_judge",
    "load_rubric",
    "params_for",
    "position_bias",
    "propose",
    "rate",
]
