"""What `tunesmith evaluate` does: any model on any set, in one way, cached in the store.

A model is the base, the champion, a trained candidate, or whatever answers at an OpenAI-compatible
endpoint; a set is the recipe's test or golden set, or a file of rows. All go through the same
stages, so their figures compare.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunesmith import pipeline, retrains
from tunesmith import recipe as recipes
from tunesmith.artifacts import Adapter, Base, Examples, Predictions, Scores
from tunesmith.commands.evaluated import (
    Evaluation,
    Model,
    changed_judge,
    choices,
    shown,
    told_suites,
)
from tunesmith.commands.proposing import check_proposing, write_pairs
from tunesmith.commands.seen_sets import seen
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.endpoint import load_endpoint
from tunesmith.evaluation.generation.runtime import check_same_runtime
from tunesmith.evaluation.judge import (
    AgainstParams,
    JudgeSpec,
    JudgingParams,
    RubricJudge,
    check,
    load_judge,
    params_for,
)
from tunesmith.evaluation.prompting import Prompting
from tunesmith.evaluation.suites import Probe, criteria
from tunesmith.pipeline import Sources
from tunesmith.recipe import Recipe
from tunesmith.retrains import StoreRunner
from tunesmith.settings import Settings
from tunesmith.stages import base, evaluate, ingest, judge, predict, retrieve
from tunesmith.store import Store

SUITES = "suites"
"""What a model is asked beside examples: whether it has lost what its base had."""
_CANDIDATE = re.compile(r"(?:candidate-)?([0-9a-f]{6,64})")


class Evaluator:
    """Evaluates models of one recipe.

    Args:
        path: The recipe.
        settings: Where this runs.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.recipe: Recipe = recipes.load(path, training=False)
        self.store: Store = settings.store()
        self._settings = settings
        # Nothing is trained here, so what was dropped needs nobody's consent.
        self._run = StoreRunner(self.recipe, self.store, ("all",))

    def model(self, wanted: str) -> Model:
        """Find a model by what the command line calls it.

        Raises:
            RecipeError: it is no name of a model, or an endpoint's file is wrong.
            InputError: there is no such candidate, or no champion yet.
        """
        if Path(wanted).suffix in (".yaml", ".yml"):
            endpoint = load_endpoint(Path(wanted))
            return Model(f"{endpoint.model} at {endpoint.base_url}", endpoint, None,
                         (endpoint.model,))  # fmt: skip
        if wanted == "base":
            found = self._run(base.STAGE, "base", self.recipe.base, self._sources.base)
            return Model("base", found, None, self._names(found))
        if wanted == "champion":
            serving = retrains.open_tracker(self._settings).champion(self.recipe.name)
            if serving is None:
                raise InputError(
                    f"{self.recipe.name} has no champion yet; run the recipe, or name another "
                    "--model"
                )
            name = f"champion (version {serving.version})"
            return Model(name, serving.base, serving.adapter, self._names(serving.base))
        if wanted and Path(wanted).is_dir():
            files = retrains.base_files(wanted, None, self._settings)
            folder = self._run(base.STAGE, wanted, base.BaseParams(model=wanted), files)
            return Model(wanted, folder, None, (wanted, Path(wanted).name))
        if match := _CANDIDATE.fullmatch(wanted):
            return self._candidate(match[1])
        raise RecipeError(
            f"--model {wanted}: expected base, champion, candidate-DIGEST (the start of an "
            "adapter's digest, as `tunesmith run` logs it), a folder with a model, or a .yaml file "
            "with base_url and model"
        )

    def examples(self, where: str) -> Examples:
        """Find a set by what the command line calls it; a file's rows must all be good.

        Raises:
            RecipeError: the recipe has no golden set.
            InputError: the file is missing, or a row of it is no example.
        """
        if where == "test":
            return pipeline.prepare(self.recipe, self._sources, self._run).split.test
        if where == "golden":
            if self._sources.golden is None:
                raise RecipeError("golden: is missing in the recipe; expected one, or another --on")
            params = pipeline.golden_params(self.recipe)
            return self._run(ingest.STAGE, "ingest golden", params, self._sources.golden)
        use = next((use for use in self.recipe.uses if use.name == where), None)
        if use is not None:
            params = pipeline.use_params(self.recipe, use)
            return self._run(ingest.STAGE, f"ingest {where}", params, self._sources.uses[where])
        file = Path(where).absolute()
        if not file.is_file():
            raise InputError(
                f"--on {where}: no such file; expected test, golden, suites, the name of a use, or "
                "a file of rows"
            )
        source = ingest.SourceParams(path=file.name, origin="human")
        params = ingest.IngestParams(
            sources=(source,), group_by=self.recipe.ingest.group_by, bad_share=0.0
        )
        return self._run(
            ingest.STAGE, f"ingest {file.name}", params, gather([file.name], file.parent)
        )

    def evaluate(self, model: Model, where: str, spec: JudgeSpec | None = None) -> Evaluation:
        """Let a model answer a set, and score the answers."""
        subjects = self._subjects(model)
        use = next((use for use in self.recipe.uses if use.name == where), None)
        measured = self.recipe.evaluate if use is None else use.evaluate
        if spec is None:
            told = params_for(self.recipe.judge, measured.metrics, subjects)
        else:
            told = JudgingParams(**dict(spec), subjects=subjects)
            check(told)  # before anything is generated for it
        examples = self._as_trained(model, where, self.examples(where))
        predictions = self._answers(model, where, examples)
        scores = self._run(
            evaluate.STAGE, f"evaluate {model.name}", measured, examples, predictions
        )
        if told is not None:
            scores = self._run(
                judge.STAGE, f"judge {model.name}", told, examples, predictions, scores
            )
        return Evaluation(model, where, examples, predictions, scores)

    def suites(self, model: Model) -> list[dict[str, Any]]:
        """Ask a model and the recipe's base the failure-mode suites, and compare.

        Raises:
            RecipeError: the recipe asks none, or the model is not on this machine.
            Unready: the two did not answer in the same way.
        """
        asks = (self.recipe.probe, self.recipe.examine)
        if asks == (None, None) or not isinstance(model.answerer, Base):
            raise RecipeError(
                "--on suites: expected a recipe with `probe` or `examine`, and a model that answers"
                " on this machine: the suites compare it with the recipe's base"
            )
        made = pipeline.prepare(self.recipe, self._sources, self._run)
        learnt = self._as_trained(model, "train", made.mixture.train)
        test = self._as_trained(model, "test", made.split.test)
        asking = pipeline.Asking(self.recipe, self._sources, learnt, test, self._run)
        asked = {
            "base": asking.ask("base", made.base, None),
            "candidate": asking.ask("candidate", model.answerer, model.adapter),
        }
        check_same_runtime({**asked["base"], **asked["candidate"]})
        theirs, ours = (
            [row for probes in asked[who].values() for row in self.store.rows(probes, Probe)]
            for who in ("base", "candidate")
        )
        gate = self.recipe.gate
        return criteria(theirs, ours, gate.tolerances, gate.alpha, gate.primary)

    def prefer(self, one: Evaluation, other: Evaluation, spec: RubricJudge) -> Scores:
        """Have the answers of two models to one set compared, in both orders."""
        fields = {name: value for name, value in dict(spec).items() if name != "tasks"}
        subjects = {**self._subjects(other.model, "other"), **self._subjects(one.model)}
        told = AgainstParams(**fields, subjects=subjects)
        label = f"judge {one.model.name} against {other.model.name}"
        return self._run(
            judge.AGAINST, label, told, one.examples, one.predictions, other.predictions
        )

    def _as_trained(self, model: Model, where: str, examples: Examples) -> Examples:
        """Put passages into the prompts of an adapter whose recipe trains with them."""
        context = self.recipe.context
        if context is None or not context.training or model.adapter is None:
            return examples
        documents = self._sources.documents
        if documents is None:
            raise RecipeError("context.documents: none were found; expected the recipe's documents")
        return self._run(
            retrieve.STAGE, f"retrieve {where}", context.retrieving, examples, documents
        )

    def _answers(self, model: Model, where: str, examples: Examples) -> Predictions:
        label = f"predict {model.name} {where}"
        # What a model can do by itself: the prompt baseline is another model.
        params = self.recipe.predict.model_copy(update={"prompting": Prompting()})
        if isinstance(model.answerer, Base):
            return self._run(
                predict.STAGE, label, params, examples, model.answerer, model.adapter, None
            )
        asking = predict.AskParams(
            endpoint=model.answerer,
            max_new_tokens=params.max_new_tokens,
            sample=params.sample,
            seed=params.seed,
        )
        return self._run(predict.AT_ENDPOINT, label, asking, examples, None)

    def _candidate(self, start: str) -> Model:
        found = {
            record["output"]["digest"]: record
            for record in self.store.all_records("train")
            if record["output"]["digest"].startswith(start)
        }
        if len(found) != 1:
            what = "no trained adapter" if not found else f"{len(found)} trained adapters"
            raise InputError(
                f"{what} in {self.store.url} with a digest that starts with {start}; expected "
                "one. `tunesmith check RECIPE` names that of the recipe"
            )
        (record,) = found.values()
        adapter = Adapter.model_validate(record["output"])
        on = next(Base.model_validate(ref) for ref in _refs(record["refs"], "base"))
        return Model(f"candidate {adapter.short}", on, adapter, self._names(on))

    def _names(self, on: Base) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.recipe.name, self.recipe.base.model, on.model)))

    def _subjects(self, model: Model, role: str = "judged model") -> dict[str, tuple[str, ...]]:
        return {role: model.names}

    @functools.cached_property
    def _sources(self) -> Sources:
        return retrains.sources(self.recipe, self._settings)


def _refs(value: Any, kind: str) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("kind") == kind:
            yield value
        for item in value.values():
            yield from _refs(item, kind)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item, kind)


def report(
    path: Path,
    settings: Settings,
    model: str,
    where: str,
    judge_file: Path | None = None,
    against: str = "",
    pairs: Path | None = None,
) -> str:
    """Evaluate a model on a set, and say how it did.

    Args:
        path: The recipe.
        settings: Where this runs.
        model: base, champion, candidate-DIGEST, or an endpoint's file.
        where: test, golden, suites, the name of a use, or a file of rows.
        judge_file: A judge to ask too.
        against: Another model, whose answers the judge holds against this one's.
        pairs: File for the preference pairs that the judge then proposes.
    """
    spec = None if judge_file is None else load_judge(judge_file)
    evaluator = Evaluator(path, settings)
    if where == SUITES:
        if judge_file is not None or against or pairs is not None:
            raise RecipeError("--on suites: takes no --judge, --against or --propose")
        found = evaluator.model(model)
        return told_suites(found, evaluator.suites(found))
    chooser = spec or evaluator.recipe.judge
    if against and (chooser is None or chooser.rubric.pairwise is None):
        raise RecipeError(
            "--against: expected --judge, or a judge in the recipe, with a rubric that has a "
            "pairwise template"
        )
    if pairs is not None:
        if not against:
            raise RecipeError("--propose: expected --against with the other model of the pairs")
        check_proposing(where, pairs)
    found = evaluator.model(model)
    other = evaluator.model(against) if against else None
    made = evaluator.evaluate(found, where, spec)
    copies = evaluator.recipe.dedup
    parts = [shown(evaluator.store, made), *seen(evaluator.store, made, copies)]
    if other is not None and chooser is not None:
        beside = evaluator.evaluate(other, where, spec)
        preferred = evaluator.prefer(made, beside, chooser)
        parts += [
            shown(evaluator.store, beside),
            *seen(evaluator.store, beside, copies),
            *changed_judge(evaluator.store, made.scores, beside.scores),
            choices(evaluator.store, made, beside, preferred),
        ]
        if pairs is not None:
            parts.append(
                write_pairs(evaluator.recipe, evaluator.store, made, beside, preferred, pairs)
            )
    return "\n\n".join(parts)
