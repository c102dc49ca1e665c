"""The life of a model up to the verdict, in one place: which stage follows which, on what.

The pipeline does not know how a stage is run. Its runner is the store itself on the command
line, one Prefect task a stage in the flows, and a look without building for `tunesmith check`.
"""

import sys
from collections.abc import Mapping
from typing import Literal, Protocol

from tunesmith.artifacts import (
    Adapter,
    Base,
    Examples,
    Files,
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
from tunesmith.evaluation.prompting import Prompting
from tunesmith.recipe import Recipe
from tunesmith.reporting.tracking import Champion
from tunesmith.stage import Ins, Out, P, Params, Stage
from tunesmith.stages import (
    base,
    choose,
    dedup,
    evaluate,
    gate,
    ingest,
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
    benchmarks: Files | None = None
    replay: Files | None = None
    documents: Files | None = None


class Candidate(Params):
    """A model in a comparison: what answers, and what it answered."""

    predictions: Predictions
    scores: Scores


class Prepared(Params):
    """What the data stages made."""

    base: Base
    golden: Examples | None
    data: dict[str, Examples]
    split: Split
    mixture: Mixture


Outcome = Literal["promote", "reject", "inconclusive", "unchanged"]


class Result(Params):
    """What a retrain made: every artifact that its report and its registration speak of."""

    outcome: Outcome
    base: Base
    golden: Examples
    data: dict[str, Examples]
    split: Split
    mixture: Mixture
    adapter: Adapter
    package: Package | None
    probes: dict[str, Probes]
    measured: dict[str, Candidate]
    verdict: Verdict | None


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
        base=model, golden=fences.get("golden"), data=data, split=sides, mixture=mixture
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

    Baselines are measured before training starts. If the candidate turns out to be the champion,
    nothing is evaluated.
    """
    prepared = prepare(recipe, sources, run)
    model, sides, golden = prepared.base, prepared.split, prepared.golden
    if golden is None:
        raise RecipeError("golden: is missing; a retrain is judged on a golden set")

    def measure(
        label: str,
        examples: Examples,
        answerer: Base,
        adapter: Adapter | None,
        prompting: Prompting | None = None,
    ) -> Candidate:
        params = _put(recipe.predict, prompting or Prompting())
        predictions = run(
            predict.STAGE,
            f"predict {label}",
            params,
            examples,
            answerer,
            adapter,
            sides.train if prompting is not None and prompting.shots else None,
        )
        scores = run(evaluate.STAGE, f"evaluate {label}", recipe.evaluate, examples, predictions)
        return Candidate(predictions=predictions, scores=scores)

    measured = {}
    prompting = _best_prompting(recipe, model, sides, run)
    sets = {"test": sides.test, "golden": golden}
    found = _with_passages(recipe, sources, sets, run)
    for where, rows in sets.items():
        for who, asked, way in (
            ("base", rows, None),
            ("prompt_baseline", rows, prompting),
            ("retrieved", found.get(where), prompting),
        ):
            if asked is not None:
                label = f"{who} {where}"
                measured[label] = measure(label, asked, model, None, way)
    learnt = {"train": prepared.mixture.train, "validation": sides.validation}
    if recipe.context is not None and recipe.context.training:
        sets, learnt = found, _with_passages(recipe, sources, learnt, run)

    def ask(who: str, adapter: Adapter | None) -> dict[str, Probes]:
        if recipe.probe is None:
            return {}
        params = recipe.probe.model_copy(
            update={"measuring": evaluate.settings_of(recipe.evaluate, ())}
        )
        rows = (learnt["train"], sets["test"])
        return {who: run(probe.STAGE, f"probe {who}", params, model, adapter, *rows)}

    probes = ask("base", None)
    adapter = run(train.STAGE, "train", recipe.train, learnt["train"], learnt["validation"], model)
    made = {**dict(prepared), "adapter": adapter}
    if champion is not None and champion.adapter.digest == adapter.digest:
        return Result(
            outcome="unchanged",
            package=None,
            probes=probes,
            measured=measured,
            verdict=None,
            **made,
        )
    packaged = run(package.STAGE, "package", recipe.package, model, adapter, sets["golden"])
    for where, rows in sets.items():
        label = f"candidate {where}"
        measured[label] = measure(label, rows, model, adapter)
        if champion is not None:
            label = f"champion {where}"
            measured[label] = measure(label, rows, champion.base, champion.adapter)
    probes |= ask("candidate", adapter)
    verdict = run(
        gate.STAGE,
        "gate",
        recipe.gate,
        {name: candidate.scores for name, candidate in measured.items()},
        packaged,
        probes,
    )
    return Result(
        outcome=verdict.decision,
        package=packaged,
        probes=probes,
        measured=measured,
        verdict=verdict,
        **made,
    )


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
        scores = run(
            evaluate.STAGE,
            f"evaluate {name} validation",
            recipe.evaluate,
            sides.validation,
            predictions,
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


def golden_params(recipe: Recipe) -> ingest.IngestParams:
    """How the golden set is read: every line of it must be good."""
    if recipe.golden is None:
        raise RecipeError("golden: is missing")
    source = ingest.SourceParams(
        path=recipe.golden.path,
        origin="human",
        shape=recipe.golden.shape,
        columns=recipe.golden.columns,
    )
    return ingest.IngestParams(sources=(source,), group_by=recipe.ingest.group_by, bad_share=0.0)


def unseen_params(recipe: Recipe) -> ingest.IngestParams:
    """How benchmarks are read: whoever wrote them, they must stay unseen."""
    sources = (source.model_copy(update={"origin": "human"}) for source in recipe.benchmarks)
    return ingest.IngestParams(sources=tuple(sources))
