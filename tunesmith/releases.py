"""What a judged candidate is registered with, and its registration as a model version.

A registration has effects outside the store, and is idempotent: it looks up what is already there
by the retrain's id.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from tunesmith.artifacts import Adapter, Decision, Package
from tunesmith.pipeline import Candidate, Result
from tunesmith.recipe import Recipe
from tunesmith.reporting.before_after import as_documents, before_after
from tunesmith.reporting.card import card, headed, release_name, training_record
from tunesmith.reporting.judge_view import measured_by
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Move, Registered, Tracker
from tunesmith.stage import Params
from tunesmith.store import Store, provenance

if TYPE_CHECKING:
    from tunesmith.pipeline import Started

RELEASE = "release.json"
"""The document of a run that says what its candidate is registered with."""
WHY = 2000
"""Characters of a reason that the account of a move keeps."""
Promotion = Literal["promote", "override"]


class Release(Params):
    """What a judged candidate is registered with; it stands in the retrain's MLflow run.

    A candidate that the gate did not promote has one too, so that a person may do so later.
    """

    name: str
    retrain: str
    run: str
    decision: Decision
    month: str
    """When it was trained, such as 2026-11."""
    adapter: Adapter
    package: Package | None
    card: str
    tags: dict[str, str]


def release_of(recipe: Recipe, store: Store, started: "Started", result: Result) -> Release:
    """Gather what a judged candidate is registered with, now or by a person later."""
    verdict, adapter = result.verdict, result.adapter
    if verdict is None or adapter is None:
        raise RuntimeError("only a judged candidate can be released")
    return Release(
        name=recipe.name,
        retrain=started.id,
        run=started.run,
        decision=verdict.decision,
        month=str(training_record(store, adapter)["created"])[:7],
        adapter=adapter,
        package=result.package,
        card=card(recipe, store, started, result),
        tags={
            "adapter": adapter.model_dump_json(),
            "base": result.base.model_dump_json(),
            "recipe_digest": recipe.digest,
            **({} if result.package is None else {"package": result.package.model_dump_json()}),
            "verdict": verdict.digest,
            "decision": verdict.decision,
            "train": result.mixture.train.digest,
            "mixture": result.mixture.model_dump_json(),
            "validation": result.split.validation.digest,
            "test": result.split.test.digest,
            "golden": result.golden.digest,
            "golden_score": json.dumps(_golden_score(recipe, store, result)),
            "sources": started.sources.examples.digest,
            "commit": provenance.commit() or "not in git",
            "reason": "; ".join(store.json(verdict, "verdict.json")["reasons"]),
            **_score_tags(result.measured),
        },
    )


def _golden_score(recipe: Recipe, store: Store, result: Result) -> dict[str, Any]:
    """Return the candidate's primary metric on the golden set, with what it can be compared to."""
    wanted = ("candidate", "golden", recipe.gate.primary)
    found = next(
        item
        for item in as_documents(before_after(store, result))
        if (item["who"], item["where"], item["metric"]) == wanted
    )
    names = ("metric", "kind", "value", "low", "high", "confidence", "n")
    return {
        **{name: found[name] for name in names},
        "set": result.golden.digest,
        "measured_by": measured_by(
            store, result.measured["candidate golden"].scores, recipe.gate.primary
        ),
    }


def register(
    store: Store, tracker: Tracker, release: Release, how: Promotion, by: str, why: str
) -> Registered:
    """Make a candidate a model version with its card, and point both aliases at it at once.

    Called again for the same decision it changes nothing. The version is found by its retrain, and
    so is the move of the alias; one that another move has followed is not made again.
    """
    name = release.name
    registered = version_of(store, tracker, release)
    moves = tracker.moves(name)
    move = made_before(moves, registered.version, how)
    new = move is None
    if move is None:
        move = Move(
            how=how,
            before=tracker.serving(name),
            to=registered.version,
            by=by,
            at=now(),
            why=why[:WHY],
            retrain=release.retrain,
        )
    present(tracker, release, registered, move)
    if new or moves[-1] == move:
        tracker.set_alias(registered, CANDIDATE)
        if new:
            tracker.move(name, move)
        else:
            tracker.set_alias(registered, CHAMPION)
    return registered


def version_of(store: Store, tracker: Tracker, release: Release) -> Registered:
    """Return the model version of a candidate, with its name: found by its retrain, or made."""
    made = tracker.register(
        release.name, release.retrain, release.run, store.path(release.adapter), release.tags
    )
    called = release_name(release.name, made.version, release.month)
    registered = made.model_copy(update={"release": called})
    tracker.tag_version(registered, {"release": called})
    return registered


def present(tracker: Tracker, release: Release, registered: Registered, move: Move) -> None:
    """Give a version its card, with its name and how it came to be promoted before all else."""
    text = headed(release.card, registered.release, move, release.decision)
    tracker.present(registered, text, _promotion_tags(move))


def made_before(moves: Sequence[Move], version: str, how: Promotion) -> Move | None:
    """Return the move that this decision already made, if it did.

    A gate decides once on a retrain. A person may decide again, after a rollback.
    """
    found = [move for move in moves if (move.to, move.how) == (version, how)]
    if found and (how == "promote" or moves[-1] == found[-1]):
        return found[-1]
    return None


def _promotion_tags(move: Move) -> dict[str, str]:
    tags = {"promoted": move.how, "promoted_by": move.by, "replaced": str(move.before).lower()}
    if move.how == "override":
        tags["override"] = json.dumps({"reason": move.why, "by": move.by, "at": move.at})
    return tags


def now() -> str:
    """Return this moment, UTC, as ISO 8601 to the microsecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _score_tags(measured: Mapping[str, Candidate]) -> dict[str, str]:
    return {
        f"scores.{name.replace(' ', '.')}": candidate.scores.digest
        for name, candidate in measured.items()
    }
