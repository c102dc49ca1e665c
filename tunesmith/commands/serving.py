"""Serve the versions of a recipe that somebody may be answered by, by their release names.

Which they are is looked up while the server runs: those that the registry's aliases name, both
sides of a rollout, and a former champion for as long as going back to it is one command away. So a
new candidate is there before its rollout asks for it, and nothing is restarted.
"""

import datetime
import logging
import os
import threading
from typing import NamedTuple

from tunesmith import champions, retrains
from tunesmith.artifacts import Adapter, Base
from tunesmith.errors import InputError, MissingArtifact, Transient, Unready
from tunesmith.packaging.pinning import check_base
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Tracker
from tunesmith.rollout import ledger
from tunesmith.serving.models import Models
from tunesmith.settings import Settings
from tunesmith.store import Store
from tunesmith.training.device import Precision

logger = logging.getLogger(__name__)

EVERY = 3.0
"""Seconds between two looks."""
GRACE = datetime.timedelta(minutes=5)
"""How long a version stays that nobody names any more; a gateway may ask for it a while longer."""


class Released(NamedTuple):
    """A version, as it is served."""

    model: str
    adapter: Adapter
    base: Base


class Named:
    """The versions of one recipe that are to be served.

    Args:
        tracker: The registry.
        database: Where the rollouts are.
        name: The recipe's.
    """

    def __init__(self, tracker: Tracker, database: str, name: str) -> None:
        self._tracker, self._database, self._name = tracker, database, name
        self._released: dict[str, Released] = {}

    def look(self, now: datetime.datetime) -> list[Released]:
        """Return them, the champion first.

        Raises:
            Transient: registry or database cannot be reached.
        """
        numbers = [self._tracker.serving(self._name, alias) for alias in (CHAMPION, CANDIDATE)]
        numbers += self._in_rollouts(now)
        wanted = dict.fromkeys(number for number in numbers if number is not None)
        if wanted.keys() - self._released.keys():
            self._read()
        return [self._released[number] for number in wanted if number in self._released]

    def _in_rollouts(self, now: datetime.datetime) -> list[str]:
        """Return both sides while it goes on; then who serves, and for a while who did before."""
        found: list[str] = []
        rollouts = ledger.all_of(self._database, self._name)
        for rollout in rollouts:
            if rollout.open:
                found += [rollout.control.version, rollout.treatment.version]
            elif rollout is rollouts[-1]:
                found.append(rollout.champion.version)
            if rollout.position.status == "done":
                window = datetime.timedelta(days=rollout.params.rollback_window_days)
                if now < ledger.history(self._database, rollout.id)[-1].at + window:
                    found.append(rollout.control.version)
        return found

    def _read(self) -> None:
        for version in self._tracker.versions(self._name):
            if version.version not in self._released and "adapter" in version.tags:
                known = champions.known(self._tracker, self._name, version.version)
                self._released[version.version] = Released(
                    known.model,
                    Adapter.model_validate_json(version.tags["adapter"]),
                    Base.model_validate_json(version.tags["base"]),
                )


class Following:
    """Has a server serve what is named, and nothing else for long.

    Args:
        models: What is served.
        store: Where the adapters are.
        base: On which they must have been trained.
    """

    def __init__(self, models: Models, store: Store, base: Base) -> None:
        self._models, self._store, self._base = models, store, base
        self._named: dict[str, datetime.datetime] = {}
        self._refused: set[str] = set()

    def follow(self, named: list[Released], now: datetime.datetime) -> None:
        """Load what is new, and unload what was not named for a while."""
        for item in named:
            if self._load(item):
                self._named[item.model] = now
        for model, seen in list(self._named.items()):
            if now - seen > GRACE:
                del self._named[model]
                if self._models.find(model) is not None:
                    self._models.unload(model)

    def _load(self, item: Released) -> bool:
        if self._models.find(item.model) is not None:
            return True
        try:
            check_base(item.adapter, self._base)
            self._models.load(item.model, self._store.path(item.adapter))
        except (InputError, MissingArtifact, OSError) as error:
            if item.model not in self._refused:
                logger.warning("%s is not served: %s", item.model, error)
            self._refused.add(item.model)
            return False
        return True


def serve(
    name: str,
    settings: Settings,
    host: str,
    port: int,
    allow_loading: bool,
    precision: Precision | None,
) -> None:
    """Serve the versions of a recipe until this process is told to end.

    Raises:
        Unready: nothing is registered that could be served.
        RecipeError: the address can be reached from elsewhere without a key, or is taken.
    """
    from tunesmith.evaluation.generation import load
    from tunesmith.serving import server
    from tunesmith.serving.app import Desk
    from tunesmith.serving.engine import Engine
    from tunesmith.training.device import pick

    key = os.environ.get(server.KEY, "")
    with server.listen(host, port, key) as opened:
        named = Named(retrains.open_tracker(settings), settings.database, name)
        first = named.look(_now())
        if not first:
            raise Unready(
                f"{name}: no version is champion, candidate or in a rollout, so there is nothing "
                "to serve; `tunesmith run RECIPE` makes one"
            )
        store, base = settings.store(), first[0].base
        loaded = load(store.path(base), None, pick(precision))
        models = Models(loaded, base.model, {base.digest})
        following = Following(models, store, base)
        following.follow(first, _now())
        logger.info("http://%s:%s/v1: %s", *opened.getsockname()[:2], ", ".join(models.names))
        engine, ending = Engine(), threading.Event()
        threading.Thread(target=_watch, args=(named, following, ending), daemon=True).start()
        try:
            server.run(Desk(models, engine, key, allow_loading), opened)
        finally:
            ending.set()
            engine.close()


def _watch(named: Named, following: Following, ending: threading.Event) -> None:
    """Look for ever; while nothing can be seen, what is served stays."""
    away = False
    while not ending.wait(EVERY):
        try:
            following.follow(named.look(_now()), _now())
            away = False
        except Exception as error:  # whatever it is, the next look may go well
            if not away:
                unforeseen = not isinstance(error, Transient)
                logger.warning(
                    "what to serve cannot be seen, and stays as it is: %s",
                    error,
                    exc_info=unforeseen,
                )
            away = True


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
