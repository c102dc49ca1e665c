"""A recipe: one YAML file that says what model to make.

Loading collects every mistake before raising, each with file, line and field. Files that a
recipe names are read here too, so that what a stage gets is complete and can be hashed.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from tunesmith.advice.use import UseParams
from tunesmith.canonical import digest, file_digest
from tunesmith.data.parsing import read_item, reading_of
from tunesmith.data.readers import read_files
from tunesmith.data.shapes import ShapeName
from tunesmith.data.source_files import gather, gather_all
from tunesmith.deciding.params import GateParams, UseCriterion
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.capability.harness import check_tasks
from tunesmith.evaluation.constraints import problem
from tunesmith.evaluation.judge import RubricJudge, Subject, check_independent, load_rubric
from tunesmith.evaluation.metrics import spec
from tunesmith.evaluation.prompting import PromptBaselineParams
from tunesmith.evaluation.retrieval import ContextParams
from tunesmith.records import Dropped, Example, LabelExample
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
from tunesmith.stages.split import DIFFICULTY, SplitParams
from tunesmith.stages.train import TrainParams
from tunesmith.stages.validate import ValidateParams

MAX_BYTES = 1 << 20
MAX_FIELDS = 20_000
"""Fields of a recipe, each alias written out: a few lines of YAML can stand for billions."""
REFERENCE_EXAMPLES = 3


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


TRAINING_KEYS = ("reference_examples", "golden", "evaluate", "train")
"""What `tunesmith prepare` does without, and a retrain does not."""


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
        longest = _dict(raw.get("train")).get("max_length")
        if longest is not None:
            raw["score"] = _with_longest(raw.get("score"), longest)
        score = raw.get("score")
        split = raw.get("split") or {}
        evaluate = raw.get("evaluate")
        if isinstance(score, dict) and isinstance(evaluate, dict):
            taken = {name: score[name] for name in ("format", "phrases") if name in score}
            raw["evaluate"] = {**taken, **evaluate}
        answer = _dict(raw.get("predict")).get("max_new_tokens")
        package = raw.get("package") or {}
        if answer is not None and isinstance(package, dict):
            raw["package"] = {"max_new_tokens": answer, **package}
        probe = raw.get("probe", {})
        if isinstance(probe, dict):
            raw["probe"] = {**_probed(raw.get("predict"), evaluate, raw.get("train")), **probe}
        examine, precision = raw.get("examine"), _dict(raw.get("predict")).get("precision")
        if isinstance(examine, dict) and precision is not None:
            raw["examine"] = {"precision": precision, **examine}
        gate = raw.get("gate") or {}
        if isinstance(gate, dict):
            if "primary" in _dict(evaluate):
                gate = {"primary": _dict(evaluate)["primary"], **gate}
            if raw.get("context"):
                gate = {"better_than": ("base", "prompt_baseline", "retrieved"), **gate}
            raw["gate"] = gate
        if isinstance(split, dict):
            taken = {name: gate[name] for name in ("margin", "alpha") if name in _dict(gate)}
            raw["split"] = split = {"salt": raw.get("name", ""), **taken, **split}
        mix = raw.get("mix") or {}
        if isinstance(mix, dict):
            taken = {
                name: part[name]
                for part, name in (
                    (_dict(split), "difficulty"),
                    (_dict(raw.get("dedup")), "threshold"),
                    (_dict(raw.get("dedup")), "overlap"),
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


def load(
    path: Path,
    training: bool = True,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Recipe:
    """Load a recipe and check everything that can be checked before a stage runs.

    Args:
        path: The recipe.
        training: Ask for what training and judging need too.
        change: Changes what the file says before it is checked, to try something out.

    Raises:
        RecipeError: with every mistake, one a line.
    """
    raw, marks = _parse(path)
    if change is not None:
        raw = change(raw)
    mistakes = [*_read_named_files(raw, path), *_read_systems(raw, path), *_check_prompting(raw)]
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        # That something is missing which stands in a file that cannot be read says nothing new.
        unread = {field[:1] for field, _ in mistakes}
        causes = _causes(error.errors(include_url=False))
        mistakes.extend(
            _describe(item)
            for item in causes
            if not _is_taken(item, marks) and item["loc"] not in unread
        )
    mistakes.extend(_check_references(raw, path))
    mistakes.extend(_check_golden(raw, path))
    mistakes.extend(_check_uses(raw, path))
    mistakes.extend(_check_tasks(raw, path))
    if training:
        missing = (name for name in TRAINING_KEYS if raw.get(name) is None)
        mistakes.extend(((name,), f"is missing; {_expected((name,))}") for name in missing)
    if recipe is not None:
        recipe._path = path.absolute()
        mistakes.extend(_check_gate(recipe) if training else ())
        mistakes.extend(_check_difficulty(recipe, raw))
        mistakes.extend(_check_schema(recipe))
        if not any(field[:1] == ("judge",) for field, _ in mistakes):
            mistakes.extend(_check_judge(recipe))
    if mistakes or recipe is None:
        raise RecipeError(_message(path, marks, mistakes))
    return recipe


_TAKING = ("evaluate", "package", "probe", "examine", "gate", "split", "mix")
"""Parts that take values from others."""
_Field = tuple[str | int, ...]
_Mistake = tuple[_Field, str]


def _message(path: Path, marks: dict[_Field, int], mistakes: list[_Mistake]) -> str:
    lines = []
    for field, text in mistakes:
        at: _Field = field
        while at and at not in marks:
            at = at[:-1]
        name = ".".join(str(part) for part in field) or "recipe"
        lines.append((marks.get(at, 1), f"{path} line {marks.get(at, 1)}: {name}: {text}"))
    count = f"{len(lines)} mistakes" if len(lines) > 1 else "a mistake"
    head = f"{path} has {count}; nothing was run:"
    return "\n".join([head, *(text for _, text in sorted(lines))])


def _parse(path: Path) -> tuple[dict[str, Any], dict[_Field, int]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_BYTES >> 20} MiB; is this a recipe?")
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; expected a recipe in YAML") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        marks: dict[_Field, int] = {}
        if node is not None:
            _mark(node, (), marks, path)
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise RecipeError(f"{path}{at}: not YAML: {problem}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{path} line 1: expected keys such as name, task and base")
    return raw, marks


def _mark(node: yaml.Node, at: _Field, marks: dict[_Field, int], path: Path) -> None:
    """Note the line of every field, and refuse a key that stands twice."""
    marks.setdefault(at, node.start_mark.line + 1)
    if len(marks) > MAX_FIELDS:
        raise RecipeError(f"{path}: more than {MAX_FIELDS} fields; is this a recipe?")
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise RecipeError(f"{path} line {line}: a key is a list or a mapping, not a word")
            field = (*at, key.value)
            if field in marks:
                raise RecipeError(
                    f"{path} line {line}: {key.value} stands twice; the first is on line "
                    f"{marks[field]}. Remove one"
                )
            marks[field] = line
            _mark(value, field, marks, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _mark(value, (*at, index), marks, path)


def _causes(errors: Sequence[Any]) -> Iterator[Any]:
    """Leave out that a list is too short where its own items are what is wrong."""
    for item in errors:
        at = item["loc"]
        inside = any(
            len(other["loc"]) > len(at) and other["loc"][: len(at)] == at for other in errors
        )
        if item["type"] != "too_short" or not inside:
            yield item


def _is_taken(item: Any, marks: dict[_Field, int]) -> bool:
    """Whether a value was filled in from another part, where its mistake is told already."""
    field = tuple(item["loc"][:2])
    return (
        len(field) == 2
        and field[0] in _TAKING
        and field not in marks
        and (item["type"] != "missing")
    )


def _describe(item: Any) -> _Mistake:
    field = tuple(part for part in item["loc"])
    found, text = item["input"], item["msg"].removeprefix("Value error, ")
    if item["type"] == "missing":
        return field, f"is missing; {_expected(field)}"
    if item["type"] == "extra_forbidden":
        return field, "is not a key that is known here; check its spelling, or remove it"
    if field[:1] == ("judge",):  # where somebody may have put a key
        return field, f"{text[0].lower()}{text[1:]}"
    shown = (
        repr(found) if isinstance(found, str | int | float | bool | None) else type(found).__name__
    )
    return field, f"found {shown[:80]}; {text[0].lower()}{text[1:]}"


def _expected(field: _Field) -> str:
    model: Any = Recipe
    description = None
    for part in field:
        names = {
            info.alias or name: info for name, info in getattr(model, "model_fields", {}).items()
        }
        info = names.get(str(part))
        if info is None:
            break
        description, model = info.description, info.annotation
    return f"expected: {description}" if description else "it is required"


def _read_named_files(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    """Replace the names of files by what they hold, so that a recipe's identity has it."""
    for (part, key), read in _NAMED_FILES.items():
        section = raw.get(part)
        if not isinstance(section, dict) or not isinstance(section.get(key), str):
            continue
        file = path.parent / section[key]
        try:
            if file.stat().st_size > MAX_BYTES:
                raise InputError(f"{file}: larger than {MAX_BYTES >> 20} MiB")
            section[key] = read(file)
        except (OSError, ValueError, InputError, RecipeError) as error:
            section.pop(key)
            yield (part, key), _unreadable(file, error)


def _read_systems(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    """Replace the names of files with system prompts by their texts."""
    section = raw.get("prompt_baseline")
    systems = section.get("systems") if isinstance(section, dict) else None
    if not isinstance(systems, list):
        return
    for at, text in enumerate(systems):
        if not isinstance(text, str) or not re.fullmatch(r"\S+\.(txt|md)", text):
            continue
        file = path.parent / text
        try:
            systems[at] = file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            yield ("prompt_baseline", "systems", at), _unreadable(file, error)


def _check_prompting(raw: dict[str, Any]) -> Iterator[_Mistake]:
    """Refuse to put prompts in one way for all: what is trained is asked as its rows are."""
    predict = _dict(raw.get("predict"))
    for key in ("shots", "prompting"):
        if key in predict:
            predict.pop(key)
            yield (
                ("predict", key),
                "is not set here; name what the base is asked with in `prompt_baseline`, such as "
                "prompt_baseline: {shots: [0, 5]}",
            )


def _unreadable(file: Path, error: Exception) -> str:
    if isinstance(error, InputError | RecipeError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"{file}: not JSON: {error}"
    return f"{file}: cannot be read: {_why(error)}"


def _json(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _tone(file: Path) -> dict[str, list[str]]:
    """Read labelled texts, `on` and `off` the brand's tone."""
    texts: dict[str, list[str]] = {"on": [], "off": []}
    for row in read_examples(file.name, file.parent):
        if isinstance(row, Dropped):
            raise InputError(f"{row.source}: {row.reason}: {row.detail}")
        if not isinstance(row, LabelExample) or row.label not in texts:
            raise InputError(f"{row.source}: expected a text and its label, `on` or `off`")
        texts[row.label].append(row.text)
    return texts


_NAMED_FILES: dict[tuple[str, str], Callable[[Path], Any]] = {
    ("validate", "expectations"): _json,
    ("evaluate", "json_schema"): _json,
    ("evaluate", "tone"): _tone,
    ("judge", "rubric"): load_rubric,
}


def _check_references(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    name = raw.get("reference_examples")
    if not isinstance(name, str):
        return
    field = ("reference_examples",)
    try:
        rows = read_examples(name, path.parent)
    except InputError as error:
        yield field, str(error)
        return
    for row in rows:
        if isinstance(row, Dropped):
            yield field, f"{row.source}: {row.reason}: {row.detail}"
    if len(rows) < REFERENCE_EXAMPLES:
        yield (
            field,
            f"{name} has {len(rows)} examples; expected at least {REFERENCE_EXAMPLES} that "
            "everyone agrees on: without them nobody can say what a good answer is",
        )


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def read_examples(name: str, root: Path) -> list[Example | Dropped]:
    """Read a small file of examples whole, such as the reference examples."""
    items = list(read_files(gather([name], root)))
    reading = reading_of(items, "human", name)
    return [read_item(item, reading) for item in items]


def _check_difficulty(recipe: Recipe, raw: dict[str, Any]) -> Iterator[_Mistake]:
    """Refuse what needs a score of the base that nobody would measure."""
    for field, by, metric in (
        (("split", "stratify"), recipe.split.stratify, recipe.split.difficulty),
        (("mix", "curriculum"), recipe.mix.curriculum, recipe.mix.difficulty),
    ):
        if by != DIFFICULTY:
            continue
        if raw.get("evaluate") is None or metric not in recipe.evaluate.metrics:
            yield field, f"found 'difficulty', which needs {metric!r} among evaluate.metrics"
        elif not (measured := spec(metric)).decides or measured.better == "lower":
            yield (
                (field[0], "difficulty"),
                f"found {metric!r}; expected a metric of which more is better in each row",
            )
        elif measured.judged:
            yield (
                (field[0], "difficulty"),
                f"found {metric!r}; expected a metric that needs no judge, for every row has one",
            )


def _check_judge(recipe: Recipe) -> Iterator[_Mistake]:
    """Refuse metrics that nobody would measure, and a judge of its own kin."""
    for field, evaluate in (
        (("evaluate", "metrics"), recipe.evaluate),
        *(
            (("uses", at, "evaluate", "metrics"), use.evaluate)
            for at, use in enumerate(recipe.uses)
        ),
    ):
        named = [name for name in evaluate.metrics if spec(name).judged]
        if named and recipe.judge is None:
            yield (
                field,
                f"found {' and '.join(named)}, which only a judge measures, and the recipe has "
                "none; give judge: {endpoint: {base_url: https://host/v1, model: NAME, key: "
                "HOST_KEY}, rubric: rubric.yaml}",
            )
        elif "rubric" in named and recipe.judge and recipe.judge.rubric.absolute is None:
            yield field, "found 'rubric', but judge.rubric has no 'absolute' template; add one"
    if recipe.judge is not None:
        kin = Subject("base", (recipe.base.model,)), Subject("candidate", (recipe.name,))
        try:
            check_independent((recipe.judge.endpoint.model,), kin)
        except RecipeError as error:
            yield ("judge", "endpoint", "model"), str(error).removeprefix("judge.model: ")


def _check_schema(recipe: Recipe) -> Iterator[_Mistake]:
    """Refuse to hold answers to a schema that is not there, or that nothing can hold them to."""
    if "schema" not in recipe.prompt_baseline.styles:
        return
    field = ("prompt_baseline", "styles")
    schema = recipe.evaluate.json_schema
    if schema is None:
        yield field, "found 'schema', which needs evaluate.json_schema; give it, or take it out"
    elif found := problem(schema):
        yield (
            field,
            "found 'schema', but answers cannot be held to evaluate.json_schema while they are "
            f"written: {found}. Take 'schema' out, or what is named here out of the JSON Schema",
        )


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
        "max_new_tokens": _dict(predict).get("max_new_tokens"),
        "precision": _dict(predict).get("precision"),
        "runtime": _dict(predict).get("runtime"),
        "metrics": _dict(evaluate).get("metrics"),
        "primary": _dict(evaluate).get("primary"),
        "train_sample": _dict(train).get("sample"),
        "train_seed": _dict(train).get("seed"),
    }
    return {name: value for name, value in taken.items() if value is not None}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_gate(recipe: Recipe) -> Iterator[_Mistake]:
    """Refuse what the gate could not judge, before anything is trained for it."""
    metrics = recipe.evaluate.metrics
    if recipe.gate.withdrawn:
        yield ("gate", "withdrawn"), "is not set here; a retrain fills it in"
    if "retrieved" in recipe.gate.better_than and recipe.context is None:
        yield (
            ("gate", "better_than"),
            "found 'retrieved', but the recipe has no documents; give context.documents",
        )
    for field, metric in (
        ("primary", recipe.gate.primary),
        *(("better_on", metric) for metric in recipe.gate.better_on),
    ):
        if metric not in metrics or not spec(metric).decides:
            named = ", ".join(name for name in metrics if spec(name).decides)
            yield (
                ("gate", field),
                f"found {metric!r}; expected one of evaluate.metrics with a better and a worse way "
                f"in each row: {named or 'none is listed'}",
            )
        elif metric == "format" and recipe.evaluate.format is None:
            yield (
                ("gate", field),
                "found 'format', but the recipe has no pattern; give score.format",
            )


def _check_uses(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    """Read the examples of the uses, before anything is trained for them."""
    uses = raw.get("uses")
    for at, use in enumerate(uses if isinstance(uses, list) else ()):
        name = _dict(use).get("examples")
        if not isinstance(name, str):
            continue
        try:
            gather([name], path.parent)
        except InputError as error:
            yield ("uses", at, "examples"), str(error)


def _check_tasks(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    """Read the tasks of the harness, before anything is trained that they judge."""
    examine = _dict(raw.get("examine"))
    folder = examine.get("folder")
    if not isinstance(folder, str):
        return
    try:
        gather_all(folder, path.parent)
        check_tasks(path.parent / folder, examine.get("hub") is True)
    except InputError as error:
        yield ("examine", "folder"), str(error)


def _check_golden(raw: dict[str, Any], path: Path) -> Iterator[_Mistake]:
    golden = raw.get("golden")
    if not isinstance(golden, dict) or not isinstance(golden.get("path"), str):
        return
    file = path.parent / golden["path"]
    try:
        found = file_digest(file)
    except (OSError, ValueError) as error:
        yield (
            ("golden", "path"),
            f"{file}: cannot be read: {_why(error)}. Make one with `tunesmith golden create`",
        )
        return
    if re.fullmatch("[0-9a-f]{64}", str(golden.get("sha256"))) and found != golden["sha256"]:
        yield (
            ("golden", "sha256"),
            f"{file} has the sha256 {found}, not the one in the recipe. A golden set never "
            "changes: restore the file, or give a new set a new name and its own sha256",
        )
