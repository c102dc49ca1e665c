"""Rollouts as the ledger has them, without gateways: moves, interactions and feedback."""

import datetime
from collections.abc import Sequence

from tunesmith.database.session import session
from tunesmith.database.tables import Interaction
from tunesmith.rollout import ledger
from tunesmith.rollout.assignment import assign
from tunesmith.rollout.decision import Evidence
from tunesmith.rollout.ledger import Action, Rollout, Version
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollout.readings import Reading
from tunesmith.rollouts import as_document

BEGUN = datetime.datetime(2026, 11, 2, 9, 30, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
OLD, NEW = Version(version="3", model="mail-v3"), Version(version="4", model="mail-v4")
NAMES = ("errors", "response length")
PARAMS = RolloutParams(stages=("shadow", 10, 50, 100, "bake")).model_copy(
    update={"guardrails": {name: RolloutParams().guardrails[name] for name in NAMES}}
)


def reading(name: str, estimate: float, reach: float = 0.01, **changed: object) -> Reading:
    fields: dict[str, object] = {
        "control": 0.01, "treatment": 0.01 + estimate, "requests": 700, "units": 300,
        "worse": False, "sure": False, "low": estimate - reach, "high": estimate + reach,
    }  # fmt: skip
    return Reading(name=name, estimate=estimate, **(fields | changed))


def seen(errors: float, **changed: object) -> Evidence:
    readings = [reading("errors", errors, **changed), reading("response length", 0.08, 0.03)]
    return Evidence(readings=readings, in_stage=120, spent=1_200)


def begun(database: str, recipe: str = "mail", params: RolloutParams = PARAMS) -> Rollout:
    return ledger.start(database, recipe, OLD, NEW, params, "retrain mail-1", BEGUN)


def moved(
    database: str,
    rollout: Rollout,
    kind: Action,
    hours: float,
    evidence: Evidence | None = None,
    by: str = "tick",
    why: str = "",
) -> Rollout:
    document = None if evidence is None else as_document(evidence)
    return ledger.move(
        database, rollout, kind, by, why or f"why {kind}", BEGUN + hours * HOUR, document
    )


def put(database: str, rollout: Rollout, hours: Sequence[float], count: int = 400) -> None:
    """Add requests evenly between two times, two of a user, in the stage of the rollout."""
    rows = []
    begin, end = hours
    for number in range(count):
        unit = f"u{number // 2}"
        side = assign(rollout.salt, rollout.weight, unit).variant
        at = BEGUN + HOUR * (begin + (end - begin) * number / count)
        rows.append(
            Interaction(
                id=f"{rollout.id}-{rollout.position.stage}-{number}", recipe=rollout.recipe,
                at=int(at.timestamp() * 1000), rollout=rollout.id, stage=rollout.position.stage,
                assigned=side, served=side, model="m", unit=unit, key="", streamed=False,
                ending="answered", status=200, attempts=1, seconds=1.0, prompt_tokens=10,
                completion_tokens=20, length=100, refusal=False, finish_reason="stop",
                treatment_ending="cut" if side == "treatment" and number % 10 == 0 else None,
                shadow_of="",
            )
        )  # fmt: skip
    with session(database) as opened:
        opened.add_all(rows)
