"""Judged candidates in a real MLflow, as a retrain leaves them when it ends."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from tests.reporting.made_retrain import INCONCLUSIVE, REJECTED, Made, make
from tunesmith import publishing, releases, retrains
from tunesmith.database.session import session
from tunesmith.database.tables import Retrain
from tunesmith.releases import Release
from tunesmith.reporting.tracking import Registered, Tracker
from tunesmith.settings import Settings
from tunesmith.store import Store

PLANS = {
    "promote": {},
    "reject": {"outcome": "reject", "right": REJECTED},
    "inconclusive": {"outcome": "inconclusive", "right": INCONCLUSIVE},
    "unfit": {"outcome": "reject", "unfit": "2 of 8 answers end by a stop token"},
}
RUN_TAGS = dict.fromkeys(("started_by", "trigger", "why", "commit", "recipe"), "x")


@dataclass
class World:
    """One MLflow and one database; each kind of retrain in a store of its own."""

    home: Path
    made: dict[str, tuple[Made, Release]] = field(default_factory=dict)

    def settings(self, kind: str = "promote") -> Settings:
        return Settings(home=self.home, TUNESMITH_STORE=str(self.home / f"store-{kind}"))

    @property
    def tracker(self) -> Tracker:
        return retrains.open_tracker(self.settings())

    def ended(self, name: str, retrain: str, kind: str) -> Release:
        """A retrain of a model of this name that has ended, up to its registration."""
        if kind not in self.made:
            made = make(Store(str(self.home / f"store-{kind}")), **PLANS[kind])
            given = made.recipe, made.store, made.started, made.result
            self.made[kind] = made, releases.release_of(*given)
        made, release = self.made[kind]
        tracker = self.tracker
        run = tracker.start_run(name, retrain, RUN_TAGS)
        self.row(name, retrain, made.result.outcome, run)
        release = release.model_copy(update={"name": name, "retrain": retrain, "run": run})
        started = made.started.model_copy(update={"id": retrain, "run": run})
        tracker.documents(
            run,
            {
                releases.RELEASE: release.model_dump_json(),
                publishing.RECIPE: made.recipe.model_dump_json(by_alias=True),
                publishing.RETRAIN: publishing.account(started, made.result),
            },
        )
        return release

    def row(self, name: str, retrain: str, outcome: str | None, run: str | None = None) -> None:
        with session(self.settings().database) as database:
            database.add(
                Retrain(
                    id=retrain,
                    recipe=name,
                    recipe_digest="0" * 64,
                    trigger="manual",
                    why="",
                    started_by="ada@build-7",
                    started=datetime.datetime.now(datetime.UTC),
                    mlflow_run=run,
                    outcome=outcome,
                )
            )

    def promoted(self, name: str, retrain: str) -> Registered:
        """A version that the gate promoted."""
        release = self.ended(name, retrain, "promote")
        return self.register(release)

    def register(self, release: Release) -> Registered:
        store = self.settings().store()
        return releases.register(store, self.tracker, release, "promote", "ada@build-7", "better")
