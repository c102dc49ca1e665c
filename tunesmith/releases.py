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
from tunesmith.reporting.verdict import minute
from tunesmith.stage import Params
from tunesmith.store import Store, provenance

if TYPE_CHECKING:
    from tunesmith.retrains import Started

RELEASE = "release.json"
"""The document of a run that says what its candidate is registered with."""
_WHY = 2000
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
    """Make a candidate a model version with its card, and point the aliases at it.

    Called again for the same decision it changes nothing. The version is found by its retrain, and
    so is the move of the alias; one that another move has followed is not made again.
    """
    name = release.name
    made = tracker.register(
        name, release.retrain, release.run, store.path(release.adapter), release.tags
    )
    called = release_name(name, made.version, release.month)
    registered = made.model_copy(update={"release": called})
    moves = tracker.moves(name)
    move = _made_before(moves, made.version, how)
    new = move is None
    if move is None:
        move = Move(
            how=how,
            before=tracker.serving(name),
            to=made.version,
            by=by,
            at=now(),
            why=why[:_WHY],
            retrain=release.retrain,
        )
    text = headed(release.card, called, move, release.decision)
    tracker.present(registered, text, {"release": called, **_promotion_tags(move)})
    if new or moves[-1] == move:
        tracker.set_alias(registered, CANDIDATE)
        # A recipe without a staged rollout serves what was promoted at once.
        if new:
            tracker.move(name, move)
        else:
            tracker.set_alias(registered, CHAMPION)
    return registered


def _made_before(moves: Sequence[Move], version: str, how: Promotion) -> Move | None:
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


def withdrawn(tracker: Tracker, name: str) -> dict[str, str]:
    """Return the adapters that a person took out of service, each with who did it, when and why.

    Training that is cached gives the very same adapter again, and the evidence that promoted it
    once would do so again. Whoever went back to an earlier version knew something that the
    evidence does not hold, so it takes a person to bring the adapter back: an override, or a
    rollback to it. A move to a newer version withdraws nothing.

    Returns:
        By the digest of the adapter; a reason in one sentence.
    """
    adapters = {
        item.version: Adapter.model_validate_json(item.tags["adapter"]).digest
        for item in tracker.versions(name)
        if "adapter" in item.tags
    }
    found: dict[str, str] = {}
    for move in tracker.moves(name):
        before = move.before or ""
        if move.how == "rollback" and before in adapters and int(move.to) < int(before):
            why = f": {move.why}" if move.why else ", without a reason"
            found[adapters[before]] = (
                f"version {before} of {name} had this very adapter, and {move.by} rolled it "
                f"back on {minute(move.at)}{why}"
            )
        found.pop(adapters.get(move.to, ""), None)
    return found


def now() -> str:
    """Return this moment, UTC, as ISO 8601 to the microsecond."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def _score_tags(measured: Mapping[str, Candidate]) -> dict[str, str]:
    return {
        f"scores.{name.replace(' ', '.')}": candidate.scores.digest
        for name, candidate in measured.items()
    }
