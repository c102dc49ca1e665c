"""Who answers for which recipe right now."""

import time
from dataclasses import dataclass

from tunesmith.rollout.assignment import Assignment, assign


@dataclass(frozen=True)
class Target:
    """A model behind an OpenAI-compatible endpoint.

    Attributes:
        base_url: Ends in /v1, as the client's does.
        model: By which name the endpoint knows it.
        key: What it wants as its key; empty for none. Shown nowhere.
    """

    base_url: str
    model: str
    key: str = ""

    def __repr__(self) -> str:
        return f"Target({self.base_url!r}, {self.model!r})"


@dataclass(frozen=True)
class Route:
    """Control and treatment of a recipe.

    Attributes:
        control: Who answers where no treatment does.
        treatment: Who is being rolled out; None where nobody is.
        weight: The treatment's buckets of 10,000.
        salt: Of the rollout.
        rollout: Its id; empty where none runs.
        stage: Number of its stage.
        shadow: Whether the treatment is asked off the user's path, without an answer of its own.
    """

    control: Target
    treatment: Target | None = None
    weight: int = 0
    salt: str = ""
    rollout: str = ""
    stage: int = 0
    shadow: bool = False


class Routes:
    """The routes by recipe, as the ledger had them at the last look.

    Args:
        lease: Seconds after which a treatment gets nothing, unless the ledger was looked at since:
            whoever cannot see a rollback must not go on.
    """

    def __init__(self, lease: float = 60.0) -> None:
        self._lease = lease
        self._routes: dict[str, Route] = {}
        self._seen = float("-inf")

    def put(self, routes: dict[str, Route]) -> None:
        """Take what the ledger has now; all at once, so that no request sees half of it."""
        self._routes, self._seen = routes, time.monotonic()

    def seen(self) -> None:
        """Note that the ledger was looked at and had nothing new."""
        self._seen = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the ledger was looked at within the lease."""
        return time.monotonic() - self._seen <= self._lease

    @property
    def recipes(self) -> tuple[str, ...]:
        """What may be asked for as a model."""
        return tuple(self._routes)

    def of(self, recipe: str) -> Route | None:
        """Return the route of a recipe; None if there is none."""
        return self._routes.get(recipe)

    def assign(self, route: Route, unit: str | None) -> Assignment:
        """Return who should answer a unit; the weight is that of the rollout, stale or not."""
        if route.treatment is None:
            return Assignment("control", None)
        return assign(route.salt, route.weight, unit)
