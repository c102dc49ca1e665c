"""What stands around a retrain's stages: its id, its champion, its run, and how it ends.

`start` and `finish` have effects outside the store. Both may be called again after a kill at any
point: they look up what is already there by the retrain's id.
"""

import contextlib
import datetime
import getpass
import logging
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from tunesmith import champions, pipeline
from tunesmith import recipe as recipes
from tunesmith.artifacts import Examples, Files
from tunesmith.canonical import digest
from tunesmith.data import replay
from tunesmith.data.source_files import gather, gather_all
from tunesmith.database.session import session
from tunesmith.database.tables import Retrain
from tunesmith.errors import Transient, TunesmithError
from tunesmith.looking import look
from tunesmith.observe import labelled, observing
from tunesmith.pipeline import Prepared, Result, Sources, Started
from tunesmith.recipe import Recipe
from tunesmith.records import Example
from tunesmith.releases import RELEASE, release_of
from tunesmith.reporting.tracking import Champion, Registered, RunObserver, Tracker
from tunesmith.settings import Settings
from tunesmith.stage import Ins, Out, P, Params, Stage
from tunesmith.stages.mix import GENERAL
from tunesmith.store import Store, provenance

logger = logging.getLogger(__name__)

Trigger = Literal["manual", "schedule", "drift", "performance", "event"]


class Ended(Params):
    """How a retrain ended, for whoever started it."""

    id: str
    outcome: pipeline.Outcome
    registered: Registered | None
    reasons: tuple[str, ...]
    advice: str
    """The method that the advice names, and whether a baseline is good enough, as plain text."""
    before_after: str
    """The table of before and after, as plain text."""
    run_url: str
    report: str


def sources(recipe: Recipe, settings: Settings) -> Sources:
    """Find and hash everything that comes from outside.

    Raises:
        InputError: when a file or the base model is missing or damaged.
        Transient: when the hub cannot be reached.
    """
    beside = recipe.root / recipe.base.model
    name = str(beside) if beside.is_dir() else recipe.base.model
    return Sources(
        base=base_files(name, recipe.base.revision, settings),
        examples=gather([source.path for source in recipe.ingest.sources], recipe.root),
        golden=gather([recipe.golden.path], recipe.root) if recipe.golden else None,
        uses={use.name: gather([use.examples], recipe.root) for use in recipe.uses},
        benchmarks=_benchmarks(recipe),
        replay=_replay(recipe),
        documents=gather([recipe.context.documents], recipe.root) if recipe.context else None,
        tasks=_tasks(recipe),
    )


def base_files(model: str, revision: str | None, settings: Settings) -> Files:
    """Find and hash a model's files.

    Raises:
        InputError: a file is missing or damaged.
        Transient: the hub cannot be reached.
    """
    from tunesmith.training.models import resolve

    found = resolve(model, revision, settings.cache)
    files = sorted(found.files.items())
    return Files(
        digest=digest([[file, sha256] for file, sha256 in files]),
        names=tuple(file for file, _ in files),
        sha256=tuple(sha256 for _, sha256 in files),
        root=str(found.path),
    )


def _benchmarks(recipe: Recipe) -> Files | None:
    paths = [source.path for source in recipe.benchmarks]
    return gather(paths, recipe.root) if paths else None


def _tasks(recipe: Recipe) -> Files | None:
    if recipe.examine is None or recipe.examine.folder is None:
        return None
    return gather_all(recipe.examine.folder, recipe.root)


def _replay(recipe: Recipe) -> Files | None:
    wanted = recipe.mix.replay
    if wanted is None:
        return None
    if wanted.source == GENERAL:
        return gather([replay.GENERAL], replay.FOLDER)
    return gather([wanted.source], recipe.root)


def start(recipe: Recipe, settings: Settings, trigger: Trigger, why: str) -> Started:
    """Begin a retrain, or take up the unfinished one of the same recipe."""
    found = sources(recipe, settings)
    tracker = open_tracker(settings)
    # While a rollout is under way, that is its control: nothing else has proved itself yet.
    champions.mirror(tracker, settings.database, recipe.name)
    champion = tracker.champion(recipe.name)
    started_by = person()
    with session(settings.database) as database:
        row = database.scalars(
            select(Retrain)
            .where(
                Retrain.recipe == recipe.name,
                Retrain.recipe_digest == recipe.digest,
                Retrain.outcome.is_(None),
            )
            .order_by(Retrain.started.desc())
            .limit(1)
        ).first()
        resumed = row is not None
        if row is None:
            row = Retrain(
                id=_new_id(recipe.name),
                recipe=recipe.name,
                recipe_digest=recipe.digest,
                trigger=trigger,
                why=why,
                started_by=started_by,
                started=datetime.datetime.now(datetime.UTC),
                champion=None if champion is None else champion.model_dump(mode="json"),
            )
            database.add(row)
    # The champion is an input: a rerun must not see a version that this retrain itself promoted.
    champion = None if row.champion is None else Champion.model_validate(row.champion)
    run = tracker.start_run(
        recipe.name,
        row.id,
        {
            "recipe": recipe.name,
            "recipe_digest": recipe.digest,
            "trigger": row.trigger,
            "why": row.why,
            "started_by": row.started_by,
            "commit": provenance.commit() or "not in git",
            "task": recipe.task,
            "sources": found.examples.digest,
            "champion": "none" if champion is None else champion.version,
        },
    )
    with session(settings.database) as database:
        database.merge(row).mlflow_run = run
    tracker.documents(run, {"recipe.json": recipe.model_dump_json(by_alias=True, indent=2)})
    logger.info("retrain %s %s", row.id, "taken up again" if resumed else "started")
    return Started(
        id=row.id,
        trigger=row.trigger,
        why=row.why,
        started_by=row.started_by,
        run=run,
        run_url=tracker.run_url(run),
        resumed=resumed,
        champion=champion,
        sources=found.model_copy(
            update={"withdrawn": champions.withdrawn(tracker, settings.database, recipe.name)}
        ),
    )


def _new_id(name: str) -> str:
    now = datetime.datetime.now(datetime.UTC)
    return f"{name[:18]}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def person() -> str:
    """Return who runs this process, as user@host."""
    return f"{_user()}@{provenance.here()['host']}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def open_tracker(settings: Settings) -> Tracker:
    """Return the MLflow client that the settings name."""
    return Tracker(settings.mlflow, settings.mlflow_artifacts)


class StoreRunner:
    """Runs stages in this process, straight on the store."""

    def __init__(self, recipe: Recipe, store: Store, accept: tuple[str, ...]) -> None:
        self._recipe, self._store, self._accept = recipe, store, accept

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Build the stage."""
        with labelled(label):
            return self._store.build(stage, params, *inputs)

    def look(self, examples: Mapping[str, Examples]) -> None:
        """See what was dropped."""
        look(self._recipe, self._store, examples, self._accept)


def logging_to(settings: Settings, run: str) -> contextlib.AbstractContextManager[None]:
    """Log what the block builds and measures to an MLflow run."""
    return observing(RunObserver(open_tracker(settings), run))


@contextlib.contextmanager
def following(settings: Settings, started: Started) -> Iterator[None]:
    """Log every artifact of the block to the retrain's run; if the block raises, say why there.

    A decision against the data ends the retrain, since the same rows would give the same
    answer. What may pass leaves it unfinished, to be taken up again.
    """
    tracker = open_tracker(settings)
    try:
        with logging_to(settings, started.run):
            yield
    except Exception as error:
        tracker.tag(started.run, {"error": f"{type(error).__name__}: {error}"})
        tracker.end_run(started.run, "FAILED")
        if isinstance(error, TunesmithError) and not isinstance(error, Transient):
            _end(settings, started.id, type(error).__name__.lower())
        raise


def run(
    path: Path, settings: Settings, *, trigger: Trigger, why: str, accept: tuple[str, ...]
) -> Ended:
    """Run a whole retrain in this process, without Prefect."""
    recipe = recipes.load(path)
    started = start(recipe, settings, trigger, why)
    with following(settings, started):
        runner = StoreRunner(recipe, settings.store(), accept)
        result = pipeline.retrain(recipe, started.sources, started.champion, runner)
        return finish(recipe, settings, started, result)


def prepare(path: Path, settings: Settings, accept: tuple[str, ...]) -> tuple[Recipe, Prepared]:
    """Run the data stages of a recipe in this process; nothing is trained, registered or logged.

    Raises:
        Unready: when too much was dropped, or too little is left.
    """
    recipe = recipes.load(path, training=False)
    runner = StoreRunner(recipe, settings.store(), accept)
    return recipe, pipeline.prepare(recipe, sources(recipe, settings), runner)


def finish(recipe: Recipe, settings: Settings, started: Started, result: Result) -> Ended:
    """Register what was promoted, write the report, and end the retrain."""
    from tunesmith.publishing import publish, reasons
    from tunesmith.reporting.advice_view import advice_document, in_short
    from tunesmith.reporting.before_after import as_text, before_after
    from tunesmith.reporting.report import summary_metrics

    store, tracker = settings.store(), open_tracker(settings)
    if result.adapter is not None:
        tracker.steps(started.run, store.steps(result.adapter))
    registered, told = None, []
    if result.verdict is not None:
        release = release_of(recipe, store, started, result)
        tracker.documents(started.run, {RELEASE: release.model_dump_json(indent=2)})
        if result.outcome == "promote":
            promoted = champions.promote(
                settings.database,
                store,
                tracker,
                release,
                recipe.rollout,
                "promote",
                started.started_by,
                release.tags["reason"],
            )
            registered, told = promoted.registered, [promoted.note] if promoted.note else []
    report = publish(recipe, settings, tracker, started, result, registered)
    tracker.metrics(started.run, summary_metrics(store, result))
    sides = result.split
    tracker.datasets(
        started.run,
        {
            "train": result.mixture.train,
            "validation": sides.validation,
            "test": sides.test,
            "golden": result.golden,
        },
    )
    if result.outcome != "unchanged":
        tracker.files(started.run, data_docs(recipe, settings, result), "data-docs")
    tracker.tag(started.run, {"outcome": result.outcome, "decision": _decision(result)})
    tracker.end_run(started.run, "FINISHED")
    _end(settings, started.id, result.outcome)
    logger.info("retrain %s ended: %s", started.id, result.outcome)
    return Ended(
        id=started.id,
        outcome=result.outcome,
        registered=registered,
        reasons=(*reasons(store, result, started.champion), *told),
        advice=in_short(advice_document(store, result)),
        before_after=as_text(before_after(store, result)),
        run_url=started.run_url,
        report=str(report),
    )


def data_docs(recipe: Recipe, settings: Settings, result: Result) -> Path:
    """Return the folder of Great Expectations' pages on the validation, made if need be."""
    from tunesmith.data import expectations
    from tunesmith.data.columns import table

    source = result.data["ingest"]
    folder = settings.home.absolute() / "data-docs" / result.data["validate"].digest
    if not (folder / "index.html").exists():
        rows = settings.store().rows(source, Example)
        expectations.data_docs(table(rows), recipe.validate_.suite, folder)
    return folder


def _decision(result: Result) -> str:
    return result.outcome if result.verdict is None else result.verdict.decision


def _end(settings: Settings, retrain: str, outcome: str) -> None:
    with session(settings.database) as database:
        row = database.get_one(Retrain, retrain)
        row.outcome = outcome
        row.ended = datetime.datetime.now(datetime.UTC)
