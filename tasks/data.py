"""Tasks from the sources to the training set."""

from tasks.stage_task import stage_task
from tunesmith import settings
from tunesmith.artifacts import Base, Examples, Files, Mixture, Scores, Split
from tunesmith.evaluation.retrieval import RetrieveParams
from tunesmith.stages import base as base_stage
from tunesmith.stages import dedup as dedup_stage
from tunesmith.stages import ingest as ingest_stage
from tunesmith.stages import mix as mix_stage
from tunesmith.stages import retrieve as retrieve_stage
from tunesmith.stages import score as score_stage
from tunesmith.stages import split as split_stage
from tunesmith.stages import validate as validate_stage


@stage_task(hours=2, tags=("data",))
def base(params: base_stage.BaseParams, files: Files) -> Base:
    """Run `tunesmith.stages.base`."""
    return settings.load().store().build(base_stage.STAGE, params, files)


@stage_task(hours=6, tags=("data",))
def ingest(params: ingest_stage.IngestParams, files: Files) -> Examples:
    """Run `tunesmith.stages.ingest`."""
    return settings.load().store().build(ingest_stage.STAGE, params, files)


@stage_task(hours=6, tags=("data",))
def validate(params: validate_stage.ValidateParams, source: Examples) -> Examples:
    """Run `tunesmith.stages.validate`."""
    return settings.load().store().build(validate_stage.STAGE, params, source)


@stage_task(hours=6, tags=("data",))
def score(params: score_stage.ScoreParams, source: Examples, model: Base) -> Examples:
    """Run `tunesmith.stages.score`."""
    return settings.load().store().build(score_stage.STAGE, params, source, model)


@stage_task(hours=6, tags=("data",))
def dedup(
    params: dedup_stage.DedupParams, source: Examples, fences: tuple[Examples, ...]
) -> Examples:
    """Run `tunesmith.stages.dedup`."""
    return settings.load().store().build(dedup_stage.STAGE, params, source, fences)


@stage_task(hours=2, tags=("data",))
def split(params: split_stage.SplitParams, source: Examples, scores: Scores | None) -> Split:
    """Run `tunesmith.stages.split`."""
    return settings.load().store().build(split_stage.STAGE, params, source, scores)


@stage_task(hours=6, tags=("data",))
def mix(
    params: mix_stage.MixParams,
    sides: Split,
    stages: dict[str, Examples],
    fences: dict[str, Examples],
    replay: Examples | None,
    model: Base,
    scores: Scores | None,
) -> Mixture:
    """Run `tunesmith.stages.mix`."""
    store = settings.load().store()
    return store.build(mix_stage.STAGE, params, sides, stages, fences, replay, model, scores)


@stage_task(hours=6, tags=("data",))
def retrieve(params: RetrieveParams, source: Examples, documents: Files) -> Examples:
    """Run `tunesmith.stages.retrieve`."""
    return settings.load().store().build(retrieve_stage.STAGE, params, source, documents)
