"""MLflow as a view of the store: one run per retrain, registered versions, aliases, their moves.

Everything here is idempotent: a run is found by its retrain's id, a version by its retrain's id,
and a metric by its step and recorded timestamp, so a retrain that was killed and taken up again
leaves one run and one version with each step once.
"""

import contextlib
import datetime
import json
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tunesmith.artifacts import Adapter, Base, Examples, Mixture
from tunesmith.errors import MissingArtifact, Transient
from tunesmith.observe import Built, Observer
from tunesmith.stage import Params

PREFIX = "tunesmith."
_PASSING = ("TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED")
CANDIDATE, CHAMPION = "candidate", "champion"
_MOVE = f"{PREFIX}move."
_DESCRIPTION = 5000
"""Characters that MLflow keeps of a version's description."""
CARD = "README.md"
"""The model card's name, beside the adapter's files."""

logger = logging.getLogger(__name__)


class Champion(Params):
    """The version that serves now, as resolved when a retrain starts."""

    version: str
    adapter: Adapter
    base: Base
    mixture: Mixture | None = None
    """What it was trained on."""


class Registered(Params):
    """A model version."""

    name: str
    version: str
    release: str = ""
    """What people call it, such as support-email-v3-2026-11."""

    @property
    def told(self) -> str:
        """What people call it, and where it stands in the registry."""
        return f"{self.release}, version {self.version} of {self.name}"


class Move(Params):
    """One time that the alias `champion` moved: the account of it, for whoever asks later."""

    how: Literal["promote", "override", "rollout", "rollback"]
    before: str | None
    """The version that served until then."""
    to: str
    by: str
    at: str
    """UTC, ISO 8601."""
    why: str
    retrain: str = ""
    """The retrain that made the version; empty for a rollback."""
    rollout: str = ""
    """The rollout whose ledger the alias follows; empty where it leads itself."""


class Version(Params):
    """A model version as the registry has it."""

    version: str
    created: datetime.datetime
    run: str
    tags: dict[str, str]
    """Without the prefix."""


@contextlib.contextmanager
def _one_at_a_time(url: str) -> Iterator[None]:
    """Open a SQLite file alone: the first to do so makes its tables, and two would collide."""
    if not url.startswith("sqlite:///"):
        yield
        return
    from filelock import FileLock

    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        yield


class Tracker:
    """The MLflow client of one process.

    Args:
        url: Tracking URI.
        artifacts: Local folder for artifacts when the backend is ours; None leaves it to the
            server.
    """

    def __init__(self, url: str, artifacts: Path | None) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        # The server's own health is the caller's business: fail within a minute, not in ten.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        from mlflow import MlflowClient

        for name in ("alembic", "mlflow"):  # after the import, which sets the level itself
            logging.getLogger(name).setLevel(logging.WARNING)

        self.url, self._artifacts = url, artifacts
        with _one_at_a_time(url):
            self.client = MlflowClient(tracking_uri=url, registry_uri=url)

    # Runs

    def start_run(self, name: str, retrain: str, tags: Mapping[str, str]) -> str:
        """Return the run of a retrain, made if there is none."""
        with _outside():
            experiment = self._experiment(name)
            found = self.client.search_runs(
                [experiment], f"tags.`{PREFIX}retrain` = '{retrain}'", max_results=1
            )
            if found:
                run_id = str(found[0].info.run_id)
                self.client.set_terminated(run_id, "RUNNING")
                return run_id
            run = self.client.create_run(
                experiment,
                run_name=retrain,
                tags={
                    **{PREFIX + key: value[:5000] for key, value in tags.items()},
                    f"{PREFIX}retrain": retrain,
                    # MLflow shows these in columns of their own.
                    "mlflow.user": tags["started_by"],
                    "mlflow.source.name": tags["recipe"],
                    "mlflow.source.type": "JOB",
                    "mlflow.source.git.commit": tags["commit"].removesuffix("+dirty"),
                },
            )
            return str(run.info.run_id)

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None if self._artifacts is None else (self._artifacts / name).as_uri()
        try:
            return str(self.client.create_experiment(name, artifact_location=location))
        except MlflowException:
            found = self.client.get_experiment_by_name(name)  # somebody else was faster
            if found is None:
                raise
            return str(found.experiment_id)

    def tag(self, run: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        from mlflow.entities import RunTag

        with _outside():
            self.client.log_batch(
                run, tags=[RunTag(PREFIX + key, value[:5000]) for key, value in tags.items()]
            )

    def tags(self, run: str) -> dict[str, str]:
        """Return the tags of a run, without the prefix."""
        with _outside():
            found = self.client.get_run(run).data.tags
        return {key.removeprefix(PREFIX): found[key] for key in found if key.startswith(PREFIX)}

    def params(self, run: str, params: Mapping[str, Any]) -> None:
        """Set parameters of a run; the same values again change nothing."""
        from mlflow.entities import Param

        with _outside():
            self.client.log_batch(
                run, params=[Param(key, str(value)[:6000]) for key, value in params.items()]
            )

    def metrics(self, run: str, values: Mapping[str, float]) -> None:
        """Set summary metrics of a run; each stands once however often it is sent."""
        with _outside():
            have = self.client.get_run(run).data.metrics
            for key, value in values.items():
                if have.get(key) != value:
                    self.client.log_metric(run, key, value)

    def steps(self, run: str, steps: Sequence[Mapping[str, float]]) -> None:
        """Send step metrics under their recorded timestamps; sent twice, each stands once."""
        from mlflow.entities import Metric

        sent = [
            Metric(f"train/{name}", value, int(step["timestamp"] * 1000), int(step["step"]))
            for step in steps
            for name, value in step.items()
            if name not in ("step", "timestamp")
        ]
        with _outside():
            for start in range(0, len(sent), 500):
                self.client.log_batch(run, metrics=sent[start : start + 500])

    def datasets(self, run: str, used: Mapping[str, Examples]) -> None:
        """Say which rows the run used, by context such as "train"; said twice, each stands once."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                dataset=Dataset(
                    name=context,
                    digest=ref.digest[:36],  # all that MLflow has room for
                    source_type="tunesmith",
                    source=json.dumps({"artifact": f"{ref.kind}/{ref.digest}"}),
                    profile=json.dumps({"rows": ref.rows, "dropped": ref.dropped}),
                ),
                tags=[InputTag("mlflow.data.context", context)],
            )
            for context, ref in used.items()
        ]
        with _outside():
            self.client.log_inputs(run, inputs)

    def describe(self, run: str, markdown: str) -> None:
        """Set what MLflow shows at the head of the run."""
        with _outside():
            self.client.set_tag(run, "mlflow.note.content", markdown)

    def files(self, run: str, folder: Path, at: str = "") -> None:
        """Copy the files of a folder to a run."""
        with _outside():
            self.client.log_artifacts(run, str(folder), at or None)

    def documents(self, run: str, documents: Mapping[str, str | bytes]) -> None:
        """Write text or binary documents to a run, by path."""
        with tempfile.TemporaryDirectory() as temporary:
            for path, content in documents.items():
                target = Path(temporary, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.encode() if isinstance(content, str) else content)
            self.files(run, Path(temporary))

    def end_run(self, run: str, status: str) -> None:
        """End a run as FINISHED or FAILED."""
        with _outside():
            self.client.set_terminated(run, status)

    def run_url(self, run: str) -> str:
        """Return where a person sees the run."""
        with _outside():
            experiment = self.client.get_run(run).info.experiment_id
        if self.url.startswith("http"):
            return f"{self.url}/#/experiments/{experiment}/runs/{run}"
        return f"{self.url} run {run}"

    # Versions

    def champion(self, name: str) -> Champion | None:
        """Return the version with the alias `champion`, or None."""
        number = self.serving(name)
        if number is None:
            return None
        with _outside():
            version = self.client.get_model_version(name, number)
        mixture = version.tags.get(f"{PREFIX}mixture")
        return Champion(
            version=str(version.version),
            adapter=Adapter.model_validate_json(version.tags[f"{PREFIX}adapter"]),
            base=Base.model_validate_json(version.tags[f"{PREFIX}base"]),
            mixture=None if mixture is None else Mixture.model_validate_json(mixture),
        )

    def register(
        self, name: str, retrain: str, run: str, adapter: Path, tags: Mapping[str, str]
    ) -> Registered:
        """Return the version of a retrain: found by its id, or made now."""
        from mlflow.exceptions import MlflowException

        with _outside():
            with contextlib.suppress(MlflowException):  # it exists already
                self.client.create_registered_model(name)
            for found in self.client.search_model_versions(f"name='{name}'"):
                if found.tags.get(f"{PREFIX}retrain") == retrain:
                    return Registered(name=name, version=str(found.version))
            self.client.log_artifacts(run, str(adapter), "adapter")
            source = f"{self.client.get_run(run).info.artifact_uri}/adapter"
            made = self.client.create_model_version(
                name,
                source=source,
                run_id=run,
                tags={
                    **{PREFIX + key: value[:5000] for key, value in tags.items()},
                    f"{PREFIX}retrain": retrain,
                },
            )
        return Registered(name=name, version=str(made.version))

    def set_alias(self, registered: Registered, alias: str) -> None:
        """Point an alias at a version."""
        with _outside():
            self.client.set_registered_model_alias(registered.name, alias, registered.version)

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a model, oldest first; empty if there is no such model."""
        if "'" in name:  # the name of no recipe, and none that a filter could hold
            return []
        with _outside():
            found = self.client.search_model_versions(f"name='{name}'")
        made = [
            Version(
                version=str(item.version),
                created=datetime.datetime.fromtimestamp(
                    item.creation_timestamp / 1000, datetime.UTC
                ),
                run=str(item.run_id),
                tags={
                    key.removeprefix(PREFIX): str(value)
                    for key, value in item.tags.items()
                    if key.startswith(PREFIX)
                },
            )
            for item in found
        ]
        return sorted(made, key=lambda item: int(item.version))

    def tag_version(self, registered: Registered, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with _outside():
            for key, value in tags.items():
                self.client.set_model_version_tag(
                    registered.name, registered.version, PREFIX + key, value[:5000]
                )

    def present(self, registered: Registered, card: str, tags: Mapping[str, str]) -> None:
        """Give a version its model card and further tags; given again, they replace the old."""
        shown = card
        if len(card) > _DESCRIPTION:
            rest = f"\n\n*The rest stands in {CARD}, beside the adapter.*"
            shown = card[: _DESCRIPTION - len(rest)].rsplit("\n", 1)[0] + rest
        with _outside():
            version = self.client.get_model_version(registered.name, registered.version)
            self.documents(version.run_id, {f"adapter/{CARD}": card})
            self.tag_version(registered, tags)
            self.client.update_model_version(registered.name, registered.version, shown)

    def serving(self, name: str, alias: str = CHAMPION) -> str | None:
        """Return the number of the version that has the alias `champion`, or None."""
        from mlflow.exceptions import MlflowException

        with _outside():
            try:
                return str(self.client.get_model_version_by_alias(name, alias).version)
            except MlflowException as error:
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise

    def moves(self, name: str) -> list[Move]:
        """Return every move of the alias `champion`, oldest first."""
        from mlflow.exceptions import MlflowException

        with _outside():
            try:
                tags = self.client.get_registered_model(name).tags
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return []
                raise
        return [
            Move.model_validate_json(tags[key]) for key in sorted(tags) if key.startswith(_MOVE)
        ]

    def move(self, name: str, move: Move) -> None:
        """Move the alias `champion`, and keep the account of it.

        The account comes first: whoever was killed between the two finds it, and ends the move.
        """
        moment = datetime.datetime.fromisoformat(move.at)
        # A key of its own for each, so that two who move at once lose neither account; but two who
        # follow the same move of a rollout give one.
        key = f"{_MOVE}{moment:%Y%m%dT%H%M%S.%f}-{move.rollout or secrets.token_hex(2)}"
        with _outside():
            self.client.set_registered_model_tag(name, key, move.model_dump_json())
        self.set_alias(Registered(name=name, version=move.to), CHAMPION)

    def document(self, run: str, path: str) -> Any:
        """Read a JSON document of a run.

        Raises:
            MissingArtifact: when the run has none of this name.
        """
        from mlflow.exceptions import MlflowException

        with _outside(), tempfile.TemporaryDirectory() as temporary:
            try:
                found = self.client.download_artifacts(run, path, temporary)
            except (MlflowException, OSError) as error:
                if isinstance(error, MlflowException) and error.error_code in _PASSING:
                    raise
                raise MissingArtifact(f"MLflow run {run} has no {path}: {error}") from error
            return json.loads(Path(found).read_bytes())


class RunObserver(Observer):
    """Logs every artifact of a retrain to its run, cached or not, and training as it goes."""

    def __init__(self, tracker: Tracker, run: str) -> None:
        self._tracker, self._run = tracker, run

    def built(self, built: Built) -> None:
        """Note the artifact by reference and digest."""
        self._tracker.tag(
            self._run, {f"artifact.{built.label}": f"{built.ref.kind}/{built.ref.digest}"}
        )

    def measured(self, steps: Sequence[dict[str, float]]) -> None:
        """Send training's step metrics."""
        self._tracker.steps(self._run, steps)


@contextlib.contextmanager
def _outside() -> Iterator[None]:
    """Tell a server that cannot be reached from a request that is wrong."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    try:
        yield
    except MlflowException as error:
        if error.error_code in _PASSING:
            raise Transient(f"MLflow: {error.message}") from error
        raise
    except (requests.RequestException, OperationalError) as error:
        raise Transient(f"MLflow: {error}") from error


def lineage(tracker: Tracker, name: str, version: str) -> dict[str, Any]:
    """Find what a model version was made of, from the version alone.

    Returns:
        Its tags and its run's tags without the prefix, the recipe, the verdict, and the run id.
    """
    with _outside(), tempfile.TemporaryDirectory() as temporary:
        found = tracker.client.get_model_version(name, version)
        run = tracker.client.get_run(found.run_id)
        tags = {**run.data.tags, **found.tags}
        documents = {
            path: json.loads(
                Path(tracker.client.download_artifacts(found.run_id, path, temporary)).read_bytes()
            )
            for path in ("recipe.json", "verdict.json")
        }
    return {
        "run": found.run_id,
        "tags": {key.removeprefix(PREFIX): tags[key] for key in tags if key.startswith(PREFIX)},
        "metrics": dict(run.data.metrics),
        "recipe": documents["recipe.json"],
        "verdict": documents["verdict.json"],
    }
