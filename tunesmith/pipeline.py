"""The life of a model up to the verdict, in one place: which stage follows which, on what.

The pipeline does not know how a stage is run. Its runner is the store itself on the command
line, one Prefect task a stage in the flows, and a look without building for `tunesmith check`.
"""

import sys
from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple, Protocol

from pydantic import Field

from tunesmith.artifacts import (
    Adapter,
    Advice,
    Base,
    Examples,
    Files,
    Latencies,
    Mixture,
    Package,
    Predictions,
    Probes,
    Scores,
    Split,
    Verdict,
)
from tunesmith.data.readers.paired import row_files
from tunesmith.errors import RecipeError
from tunesmith.evaluation.generation import check_same_runtime
from tunesmith.evaluation.judge import check_same, params_for
from tunesmith.evaluation.prompting import Prompting
from tunesmith.recipe import GoldenParams, ProductionUse, Recipe
from tunesmith.reporting.tracking import Champion
from tunesmith.stage import Ins, Out, P, Params, Stage
from tunesmith.stages import (
    advise,
    base,
    choose,
    clock,
    dedup,
    evaluate,
    examine,
    gate,
    ingest,
    judge,
    mix,
    package,
    predict,
    probe,
    retrieve,
    score,
    split,
    train,
    validate,
)


class Runner(Protocol):
    """Runs one stage and returns its artifact."""

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Run `stage`; `label` is what people see it called."""

    def look(self, examples: Mapping[str, Examples]) -> None:
        """See what the data stages dropped; raises when somebody must look first."""


class Sources(Params):
    """Everything that comes from outside, found and hashed before the first stage."""

    base: Files
    examples: Files
    golden: Files | None = None
    uses: dict[str, Files] = Field(default_factory=dict)
    benchmarks: Files | None = None
    replay: Files | None = None
    documents: Files | None = None
    tasks: Files | None = None
    withdrawn: dict[str, str] = Field(default_factory=dict)
    """Adapters that were rolled back, by digest, with who did it, when and why."""


class Started(Params):
    """A retrain that is under way: small facts that travel to every task of it."""

    id: str
    trigger: str
    why: str
    started_by: str
    run: str
    run_url: str
    resumed: bool
    champion: Champion | None
    sources: Sources


class Candidate(Params):
    """A model in a comparison: what answers, and what it answered."""

    predictions: Predictions
    scores: Scores


class Prepared(Params):
    """What the data stages made."""

    base: Base
    golden: Examples | None
    uses: dict[str, Examples] = Field(default_factory=dict)
    data: dict[str, Examples]
    split: Split
    mixture: Mixture


Outcome = Literal["promote", "reject", "inconclusive", "unchanged", "prompt_is_enough"]


class Result(Params):
    """What a retrain made: every artifact that its report and its registration speak of.

    Without an adapter nothing was trained, since a baseline is good enough.
    """

    outcome: Outcome
    base: Base
    golden: Examples
    uses: dict[str, Examples] = Field(default_factory=dict)
    data: dict[str, Examples]
    split: Split
    mixture: Mixture
    advice: Advice
    adapter: Adapter | None = None
    package: Package | None = None
    latencies: Latencies | None = None
    probes: dict[str, Probes] = Field(default_factory=dict)
    measured: dict[str, Candidate]
    verdict: Verdict | None = None


def prepare(recipe: Recipe, sources: Sources, run: Runner) -> Prepared:
    """Run the data stages: from the sources to the training set."""
    model = run(base.STAGE, "base", recipe.base, sources.base)
    data = {"ingest": run(ingest.STAGE, "ingest", recipe.ingest, sources.examples)}
    data["validate"] = run(validate.STAGE, "validate", recipe.validate_, data["ingest"])
    data["score"] = run(score.STAGE, "score", recipe.score, data["validate"], model)
    fences: dict[str, Examples] = {}
    if sources.golden is not None:
        golden = run(ingest.STAGE, "ingest golden", golden_params(recipe), sources.golden)
        fences["golden"] = golden
    uses = {}
    for use in recipe.uses:
        files = sources.uses[use.name]
        uses[use.name] = run(ingest.STAGE, f"ingest {use.name}", use_params(recipe, use), files)
    fences |= uses
    if sources.benchmarks is not None:
        params = unseen_params(recipe)
        fences["benchmarks"] = run(ingest.STAGE, "ingest benchmarks", params, sources.benchmarks)
    data["dedup"] = run(dedup.STAGE, "dedup", recipe.dedup, data["score"], tuple(fences.values()))
    run.look(data)
    scores = _difficulty(recipe, model, data["dedup"], run)
    sides = run(split.STAGE, "split", recipe.split, data["dedup"], scores)
    mixture = run(
        mix.STAGE,
        "mix",
        recipe.mix,
        sides,
        data,
        fences,
        _replay(recipe, sources, sides, fences, run),
        model,
        scores,
    )
    return Prepared(
        base=model,
        golden=fences.get("golden"),
        uses=uses,
        data=data,
        split=sides,
        mixture=mixture,
    )


def _difficulty(recipe: Recipe, model: Base, rows: Examples, run: Runner) -> Scores | None:
    """Have the base answer every row, where something is ordered by how well it does."""
    if split.DIFFICULTY not in (recipe.split.stratify, recipe.mix.curriculum):
        return None
    params = recipe.predict.model_copy(update={"sample": None})
    predictions = run(predict.STAGE, "predict base rows", params, rows, model, None, None)
    return run(evaluate.STAGE, "evaluate base rows", recipe.evaluate, rows, predictions)


def _replay(
    recipe: Recipe,
    sources: Sources,
    sides: Split,
    fences: Mapping[str, Examples],
    run: Runner,
) -> Examples | None:
    """Read the general instructions, and take out what must stay unseen."""
    if sources.replay is None or recipe.mix.replay is None:
        return None
    params = ingest.IngestParams(
        sources=tuple(
            ingest.SourceParams(path=path, origin="human")
            for path in row_files(sources.replay.names)
        )
    )
    rows = run(ingest.STAGE, "ingest replay", params, sources.replay)
    unseen = (*fences.values(), sides.test, sides.validation)
    return run(dedup.STAGE, "dedup replay", recipe.dedup, rows, unseen)


def retrain(recipe: Recipe, sources: Sources, champion: Champion | None, run: Runner) -> Result:
    """Run every stage from the sources to the verdict.

    Baselines are measured before training starts. If one of them reaches the recipe's target, the
    retrain stops there unless the recipe says to go on. If the candidate turns out to be the
    champion, nothing is evaluated.
    """
    prepared = prepare(recipe, sources, run)
    model, golden = prepared.base, prepared.golden
    if golden is None:
        raise RecipeError("golden: is missing; a retrain is judged on a golden set")
    sets = {"test": prepared.split.test, "golden": golden}
    found = _with_passages(recipe, sources, sets, run)
    measuring = _Measuring(recipe, prepared.split, run)
    prompting = _best_prompting(recipe, model, prepared.split, run)
    for where, rows in sets.items():
        measuring.ask("base", where, rows, model)
        measuring.ask("prompt_baseline", where, rows, model, prompting=prompting)
        if where in found:
            measuring.ask("retrieved", where, found[where], model, prompting=prompting)
    advice = _advise(recipe, prepared, prompting, measuring.measured, run)
    made = {**dict(prepared), "advice": advice, "measured": measuring.measured}
    if advice.stop and not recipe.train_beyond_target:
        return Result(outcome="prompt_is_enough", **made)
    for where, rows in prepared.uses.items():
        measuring.ask("base", where, rows, model)
    sets |= prepared.uses
    learnt = {"train": prepared.mixture.train, "validation": prepared.split.validation}
    if recipe.context is not None and recipe.context.training:
        sets = found | _with_passages(recipe, sources, prepared.uses, run)
        learnt = _with_passages(recipe, sources, learnt, run)
    asking = Asking(recipe, sources, learnt["train"], sets["test"], run)
    probes = asking.ask("base", model, None)
    adapter = run(train.STAGE, "train", recipe.train, learnt["train"], learnt["validation"], model)
    made |= {"adapter": adapter, "probes": probes}
    if champion is not None and champion.adapter.digest == adapter.digest:
        return Result(outcome="unchanged", **made)
    packaged = run(package.STAGE, "package", recipe.package, model, adapter, sets["golden"])
    latencies = _clocked(recipe, packaged, model, adapter, sets["test"], run)
    for where, rows in sets.items():
        measuring.ask("candidate", where, rows, model, adapter)
        if champion is not None:
            measuring.ask("champion", where, rows, champion.base, champion.adapter)
    probes |= asking.ask("candidate", model, adapter)
    params = recipe.gate.model_copy(update={"withdrawn": sources.withdrawn.get(adapter.digest, "")})
    verdict = run(
        gate.STAGE,
        "gate",
        params,
        measuring.comparable(probes),
        packaged,
        probes,
        latencies,
        measuring.measured["candidate test"].predictions if params.cost is not None else None,
    )
    made |= {"package": packaged, "latencies": latencies, "verdict": verdict}
    return Result(outcome=verdict.decision, **made)


class _Measuring:
    """Lets models answer sets of examples, and scores the answers.

    Attributes:
        measured: What came of it, by "who where".
    """

    def __init__(self, recipe: Recipe, sides: Split, run: Runner) -> None:
        self._recipe, self._sides, self._run = recipe, sides, run
        self._metrics = {use.name: use.evaluate for use in recipe.uses}
        self.measured: dict[str, Candidate] = {}

    def ask(
        self,
        who: str,
        where: str,
        examples: Examples,
        model: Base,
        adapter: Adapter | None = None,
        prompting: Prompting | None = None,
    ) -> None:
        """Measure one model on one set."""
        way = prompting or Prompting()
        predictions = self._run(
            predict.STAGE,
            f"predict {who} {where}",
            _put(self._recipe.predict, way),
            examples,
            model,
            adapter,
            self._sides.train if way.shots else None,
        )
        asked = self._metrics.get(where, self._recipe.evaluate)
        label = f"{who} {where}"
        scores = scored(self._recipe, asked, label, examples, predictions, model, self._run)
        self.measured[label] = Candidate(predictions=predictions, scores=scores)

    def comparable(self, probes: Mapping[str, Probes]) -> dict[str, Scores]:
        """Return the scores of all, once it is sure that all were measured alike."""
        scores = {name: found.scores for name, found in self.measured.items()}
        check_same(scores)
        check_same_runtime(
            {name: found.predictions for name, found in self.measured.items()} | dict(probes)
        )
        return scores


class Asking(NamedTuple):
    """Asks models what fine-tuning may have spoiled."""

    recipe: Recipe
    sources: Sources
    learnt: Examples
    test: Examples
    run: Runner

    def ask(self, who: str, model: Base, adapter: Adapter | None) -> dict[str, Probes]:
        """Ask one model all that the recipe asks; by "who what", as in "base suites"."""
        recipe, run = self.recipe, self.run
        asked = {}
        if recipe.probe is not None:
            measuring = evaluate.settings_of(recipe.evaluate, ())
            params = recipe.probe.model_copy(update={"measuring": measuring})
            asked[f"{who} suites"] = run(
                probe.STAGE, f"probe {who}", params, model, adapter, self.learnt, self.test
            )
        if recipe.examine is not None:
            asked[f"{who} tasks"] = run(
                examine.STAGE,
                f"examine {who}",
                recipe.examine,
                model,
                adapter,
                self.sources.tasks,
            )
        return asked


def _clocked(
    recipe: Recipe,
    packaged: Package,
    model: Base,
    adapter: Adapter,
    examples: Examples,
    run: Runner,
) -> Latencies | None:
    """Measure how long requests take, where the recipe bounds it."""
    if recipe.gate.latency is None:
        return None
    params = clock.ClockParams(
        prompts=recipe.gate.latency.prompts, max_new_tokens=recipe.predict.max_new_tokens
    )
    return run(clock.STAGE, "clock", params, packaged, model, adapter, examples)


def scored(
    recipe: Recipe,
    asked: evaluate.EvaluateParams,
    label: str,
    examples: Examples,
    predictions: Predictions,
    answerer: Base,
    run: Runner,
    judged: Collection[str] | None = None,
) -> Scores:
    """Measure predictions: with metrics, and where some of these are a judge's, by the judge.

    Args:
        recipe: Names the judge.
        asked: The metrics.
        label: Whose predictions on what, as in "base test".
        examples: What the predictions answer.
        predictions: The answers.
        answerer: The model that answered, or its base.
        run: Runs the stages.
        judged: Metrics that the judge may be asked for; all by default.
    """
    scores = run(evaluate.STAGE, f"evaluate {label}", asked, examples, predictions)
    wanted = [name for name in asked.metrics if judged is None or name in judged]
    kin = {"base": (recipe.base.model, answerer.model), "candidate": (recipe.name,)}
    asking = params_for(recipe.judge, wanted, kin)
    if asking is None:
        return scores
    return run(judge.STAGE, f"judge {label}", asking, examples, predictions, scores)


def _best_prompting(recipe: Recipe, model: Base, sides: Split, run: Runner) -> Prompting:
    """Try the recipe's ways to put a prompt on validation, and return the best."""
    variants = recipe.prompt_baseline.variants(recipe.evaluate.json_schema)
    if len(variants) == 1:
        return next(iter(variants.values()))
    size = min(recipe.predict.sample or sys.maxsize, recipe.prompt_baseline.sample)
    few = recipe.predict.model_copy(update={"sample": size})
    tried = {}
    for name, prompting in variants.items():
        predictions = run(
            predict.STAGE,
            f"predict {name} validation",
            _put(few, prompting),
            sides.validation,
            model,
            None,
            sides.train if prompting.shots else None,
        )
        scores = scored(
            recipe,
            recipe.evaluate,
            f"{name} validation",
            sides.validation,
            predictions,
            model,
            run,
            judged=(recipe.evaluate.primary,),  # what does not choose need not be paid for
        )
        tried[name] = Candidate(predictions=predictions, scores=scores)
    choice = run(
        choose.STAGE,
        "choose",
        choose.ChooseParams(variants=variants, metric=recipe.evaluate.primary),
        {name: found.scores for name, found in tried.items()},
        {name: found.predictions for name, found in tried.items()},
    )
    # Whoever only looks ahead does not know yet which it will be.
    return variants.get(choice.variant) or Prompting(system=choice.variant)


def _advise(
    recipe: Recipe,
    prepared: Prepared,
    prompting: Prompting,
    measured: Mapping[str, Candidate],
    run: Runner,
) -> Advice:
    """Say whether fine-tuning is the answer, by what the baselines get right on test."""
    asked, retrieved = measured["prompt_baseline test"], measured.get("retrieved test")
    return run(
        advise.STAGE,
        "advise",
        advise_params(recipe, prompting),
        prepared.mixture,
        prepared.split,
        asked.predictions,
        asked.scores,
        None if retrieved is None else retrieved.scores,
    )


def _with_passages(
    recipe: Recipe, sources: Sources, sets: Mapping[str, Examples], run: Runner
) -> dict[str, Examples]:
    """Put passages of the recipe's documents into the prompts; empty without documents."""
    if recipe.context is None:
        return {}
    if sources.documents is None:
        raise RecipeError("context.documents: were not looked up; start the run again")
    params = recipe.context.retrieving
    return {
        name: run(retrieve.STAGE, f"retrieve {name}", params, rows, sources.documents)
        for name, rows in sets.items()
    }


def _put(params: predict.PredictParams, prompting: Prompting) -> predict.PredictParams:
    return params.model_copy(update={"prompting": prompting})


def advise_params(recipe: Recipe, prompting: Prompting) -> advise.AdviseParams:
    """What the recipe says about the advice; `prompting` is how the prompt baseline is asked."""
    return advise.AdviseParams(
        use=recipe.use,
        primary=recipe.evaluate.primary,
        labels=recipe.evaluate.labels,
        target=recipe.target,
        alpha=recipe.gate.alpha,
        prompting=prompting,
    )


def golden_params(recipe: Recipe) -> ingest.IngestParams:
    """How the golden set is read."""
    if recipe.golden is None:
        raise RecipeError("golden: is missing")
    return _whole(recipe, recipe.golden.path, recipe.golden)


def use_params(recipe: Recipe, use: ProductionUse) -> ingest.IngestParams:
    """How the examples of a further use are read."""
    return _whole(recipe, use.examples, use)


def _whole(recipe: Recipe, path: str, given: GoldenParams | ProductionUse) -> ingest.IngestParams:
    """How a set to judge by is read: every line of it must be good."""
    source = ingest.SourceParams(
        path=path, origin="human", shape=given.shape, columns=given.columns
    )
    return ingest.IngestParams(sources=(source,), group_by=recipe.ingest.group_by, bad_share=0.0)


def unseen_params(recipe: Recipe) -> ingest.IngestParams:
    """How benchmarks are read: whoever wrote them, they must stay unseen."""
    sources = (source.model_copy(update={"origin": "human"}) for source in recipe.benchmarks)
    return ingest.IngestParams(sources=tuple(sources))
