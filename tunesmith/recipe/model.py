"""What a recipe holds: the parts of it, and what one takes from another."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from tunesmith.advice.use import UseParams
from tunesmith.canonical import digest
from tunesmith.data.shapes import ShapeName
from tunesmith.deciding.params import GateParams, UseCriterion
from tunesmith.evaluation.judge import RubricJudge
from tunesmith.evaluation.prompting import PromptBaselineParams
from tunesmith.evaluation.retrieval import ContextParams
from tunesmith.rollout.params import RolloutParams
from tunesmith.stage import Params
from tunesmith.stages.base import BaseParams
from tunesmith.stages.dedup import DedupParams
from tunesmith.stages.evaluate import EvaluateParams
from tunesmith.stages.examine import ExamineParams
from tunesmith.stages.ingest import Columns, IngestParams, SourceParams
from tunesmith.stages.mix import MixParams
from tunesmith.stages.package import PackageParams
from tunesmith.stages.predict import PredictParams
from tunesmith.stages.probe import ProbeParams
from tunesmith.stages.score import ScoreParams
from tunesmith.stages.split import SplitParams
from tunesmith.stages.train import TrainParams
from tunesmith.stages.validate import ValidateParams


def _one_sentence(task: str) -> str:
    words = task.split()
    sentences = re.findall(r"[.!?](?=\s+[A-Z])", task)
    if len(words) < 4 or sentences:
        raise ValueError(
            "say in one sentence what the model must do, such as 'Write a follow-up e-mail that "
            "states only what the ticket says.'"
        )
    return " ".join(words)


class GoldenParams(Params):
    """The examples that never change and never enter training."""

    path: str = Field(description="JSONL file made once by `tunesmith golden create`.")
    sha256: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="sha256 of that file, as the command printed it."
    )
    shape: ShapeName | None = Field(
        None, description="Shape of its rows; without it, told from the first of them."
    )
    columns: Columns = Field(
        default_factory=dict, description="Keys of its rows by field, as for a source."
    )


class ProductionUse(Params):
    """A further use of the model, which must not suffer from what it learns for the task."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        description="What it is called: lower-case letters, digits and hyphens.",
    )
    examples: str = Field(
        description="File of examples of it, which never enter training; every row must be good."
    )
    shape: ShapeName | None = Field(
        None, description="Shape of its rows; without it, told from the first of them."
    )
    columns: Columns = Field(
        default_factory=dict, description="Keys of its rows by field, as for a source."
    )
    evaluate: EvaluateParams = Field(
        description="Its metrics, as under `evaluate`; the primary one decides."
    )
    margin: float | None = Field(
        None, gt=0, lt=1, description="How much worse it may be; `gate.margin` by default."
    )

    @field_validator("name")
    @classmethod
    def _free(cls, name: str) -> str:
        if name in _TAKEN:
            raise ValueError(f"{name!r} is a set of this recipe already; expected another name")
        return name


_TAKEN = ("train", "validation", "test", "golden", "benchmarks", "replay", "rows", "suites",
          "tasks")  # fmt: skip
"""Names of sets that are no use."""


def _unseen_source(value: Any) -> Any:
    """Write a benchmark out as a source: a bare path is one; who wrote it does not matter."""
    if isinstance(value, str):
        value = {"path": value}
    return {"origin": "human", **value} if isinstance(value, dict) else value


class DropLimits(Params):
    """When dropped rows stop the run for a look."""

    per_check: float = Field(0.2, ge=0, le=1, description="Share of rows one check may drop.")
    total: float = Field(0.4, ge=0, le=1, description="Share of rows all checks may drop together.")
    minimum_rows: int = Field(100, ge=1, description="Fewest rows that may be left.")
    accept: tuple[str, ...] = Field(
        (), description="Reasons whose drops were looked at and accepted; `all` accepts any."
    )


class Recipe(Params):
    """What model to make.

    `reference_examples`, `golden`, `evaluate` and `train` may be missing where rows are only
    prepared.
    """

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,60}$",
        description="Name of the model: lower-case letters, digits and hyphens.",
    )
    task: Annotated[str, AfterValidator(_one_sentence)] = Field(
        max_length=400, description="What the model must do, in one sentence."
    )
    reference_examples: str | None = Field(
        None,
        description=(
            "JSONL file with at least three examples that everyone agrees on; needed to train."
        ),
    )
    target: float | None = Field(
        None, ge=0, le=1, description="Value of the primary metric that is good enough."
    )
    train_beyond_target: bool = Field(
        False,
        description="Train although the prompt baseline, or the retrieved one, reaches `target`.",
    )
    use: UseParams = Field(UseParams(), description="How the model is used, for `advise`.")
    base: BaseParams = Field(description="The base model.")
    ingest: IngestParams = Field(description="Sources.")
    golden: GoldenParams | None = Field(None, description="The golden set; needed to train.")
    uses: tuple[ProductionUse, ...] = Field(
        (), description="Every further production use of the model; each has its own criterion."
    )
    benchmarks: tuple[Annotated[SourceParams, BeforeValidator(_unseen_source)], ...] = Field(
        (),
        description=(
            "Rows that must stay unseen, beside the golden set: files or globs, or sources as in "
            "`ingest.sources`, whose `origin` may be left out."
        ),
    )
    validate_: ValidateParams = Field(
        ValidateParams(), alias="validate", description="Expectations."
    )
    score: ScoreParams = Field(ScoreParams(), description="Quality checks.")
    dedup: DedupParams = Field(DedupParams(), description="Copies, and the fence around golden.")
    drops: DropLimits = Field(DropLimits(), description="When dropped rows stop the run.")
    split: SplitParams = Field(SplitParams(), description="Train, validation and test.")
    mix: MixParams = Field(MixParams(), description="What training reads.")
    predict: PredictParams = Field(PredictParams(), description="How answers are generated.")
    prompt_baseline: PromptBaselineParams = Field(
        PromptBaselineParams(), description="Ways to put a prompt to the base; the best is to beat."
    )
    context: ContextParams | None = Field(
        None,
        description=(
            "Documents whose passages `retrieve` puts into prompts: into those of the retrieved "
            "baseline, and where `training` says so into all that the candidate sees."
        ),
    )
    evaluate: EvaluateParams = Field(EvaluateParams(), description="Metrics; needed to train.")
    judge: RubricJudge | None = Field(
        None,
        description=(
            "The judge that measures `rubric` and `factual_consistency` where metrics name them; "
            "no model of this recipe."
        ),
    )
    train: TrainParams = Field(
        TrainParams(method="sft"), description="Training method; needed to train."
    )
    package: PackageParams = Field(PackageParams(), description="What a server needs of it.")
    probe: ProbeParams | None = Field(
        ProbeParams(),
        description=(
            "Failure-mode suites that base and candidate are asked beside the task; null asks none."
        ),
    )
    examine: ExamineParams | None = Field(
        None,
        description=(
            "Tasks of lm-evaluation-harness that base and candidate are asked; none by default."
        ),
    )
    gate: GateParams = Field(GateParams(), description="What promotes.")
    rollout: RolloutParams | None = Field(
        None,
        description=(
            "How a promoted candidate reaches users in stages; without it, it serves at once."
        ),
    )

    _path: Path = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _shared_values(cls, raw: Any) -> Any:
        """Fill in what one part of a recipe takes from another."""
        if not isinstance(raw, dict):
            return raw
        raw = {**raw}
        longest = mapping(raw.get("train")).get("max_length")
        if longest is not None:
            raw["score"] = _with_longest(raw.get("score"), longest)
        score = raw.get("score")
        split = raw.get("split") or {}
        evaluate = raw.get("evaluate")
        if isinstance(score, dict) and isinstance(evaluate, dict):
            taken = {name: score[name] for name in ("format", "phrases") if name in score}
            raw["evaluate"] = {**taken, **evaluate}
        answer = mapping(raw.get("predict")).get("max_new_tokens")
        package = raw.get("package") or {}
        if answer is not None and isinstance(package, dict):
            raw["package"] = {"max_new_tokens": answer, **package}
        probe = raw.get("probe", {})
        if isinstance(probe, dict):
            raw["probe"] = {**_probed(raw.get("predict"), evaluate, raw.get("train")), **probe}
        examine, precision = raw.get("examine"), mapping(raw.get("predict")).get("precision")
        if isinstance(examine, dict) and precision is not None:
            raw["examine"] = {"precision": precision, **examine}
        gate = raw.get("gate") or {}
        if isinstance(gate, dict):
            if "primary" in mapping(evaluate):
                gate = {"primary": mapping(evaluate)["primary"], **gate}
            if raw.get("context"):
                gate = {"better_than": ("base", "prompt_baseline", "retrieved"), **gate}
            raw["gate"] = gate
        if isinstance(split, dict):
            taken = {name: gate[name] for name in ("margin", "alpha") if name in mapping(gate)}
            raw["split"] = split = {"salt": raw.get("name", ""), **taken, **split}
        mix = raw.get("mix") or {}
        if isinstance(mix, dict):
            taken = {
                name: part[name]
                for part, name in (
                    (mapping(split), "difficulty"),
                    (mapping(raw.get("dedup")), "threshold"),
                    (mapping(raw.get("dedup")), "overlap"),
                )
                if name in part
            }
            raw["mix"] = {"salt": raw.get("name", ""), **taken, **mix}
            train = raw.get("train")
            if isinstance(train, dict) and mix.get("curriculum"):
                raw["train"] = {"shuffle": False, **train}
        return raw

    @model_validator(mode="after")
    def _ask_of_uses(self) -> "Recipe":
        """Tell the gate what the uses ask."""
        names = [use.name for use in self.uses]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"uses: {twice!r} stands twice; give each use a name of its own")
        asked = {
            use.name: UseCriterion(
                metric=use.evaluate.primary, margin=use.margin or self.gate.margin
            )
            for use in self.uses
        }
        if self.gate.uses not in ({}, asked):
            raise ValueError("gate.uses: is filled in from `uses`; take it out")
        object.__setattr__(self, "gate", self.gate.model_copy(update={"uses": asked}))
        return self

    @property
    def path(self) -> Path:
        """The file it was loaded from."""
        return self._path

    @property
    def root(self) -> Path:
        """The folder from which its paths are looked up."""
        return self._path.parent

    @property
    def digest(self) -> str:
        """Identity of the whole resolved recipe."""
        return digest(self.model_dump(mode="json", by_alias=True))


def _with_longest(score: Any, longest: Any) -> Any:
    """Let the check of a row's length take what training allows, unless it says otherwise."""
    if not isinstance(score, dict | None):
        return score
    checks = (score or {}).get("checks") or {}
    if not isinstance(checks, dict):
        return score
    given = checks.get("too_long") or {}
    too_long = given if isinstance(given, dict) else {"action": given}
    return {**(score or {}), "checks": {**checks, "too_long": {"tokens": longest, **too_long}}}


def _probed(predict: Any, evaluate: Any, train: Any) -> dict[str, Any]:
    """Return what the probe takes from how answers are made and measured, and from training."""
    taken = {
        "max_new_tokens": mapping(predict).get("max_new_tokens"),
        "precision": mapping(predict).get("precision"),
        "runtime": mapping(predict).get("runtime"),
        "metrics": mapping(evaluate).get("metrics"),
        "primary": mapping(evaluate).get("primary"),
        "train_sample": mapping(train).get("sample"),
        "train_seed": mapping(train).get("seed"),
    }
    return {name: value for name, value in taken.items() if value is not None}


def mapping(value: Any) -> dict[str, Any]:
    """Return what is a mapping; anything else, whose mistake is told elsewhere, as an empty one."""
    return value if isinstance(value, dict) else {}
