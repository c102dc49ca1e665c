"""The verdict in words: one sentence for a manager, and what stands behind each criterion."""

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.deciding.bounds import BOUND
from tunesmith.pipeline import Result
from tunesmith.reporting.advice_view import advice_document, stopped
from tunesmith.reporting.before_after import NAMES
from tunesmith.reporting.tables import escape
from tunesmith.reporting.tracking import Champion, Move, Registered
from tunesmith.store import Store

TITLES = {
    "promote": "Promoted",
    "reject": "Rejected",
    "inconclusive": "Not settled",
    "unchanged": "Unchanged",
    "prompt_is_enough": "A prompt is enough",
}
OVERRIDDEN = "Promoted by a person"
NOT_PROMOTED = "The gate did not promote it."


def verdict_document(store: Store, result: Result, champion: Champion | None) -> dict[str, Any]:
    """Return the verdict's document; where there is no verdict, one that says why.

    Raises:
        MissingArtifact: when the verdict is missing or damaged.
    """
    if result.verdict is not None:
        document: dict[str, Any] = store.json(result.verdict, "verdict.json")
        return document
    if result.outcome == "prompt_is_enough":
        reasons = stopped(advice_document(store, result), champion)
    else:
        reasons = [headline({"decision": "unchanged"}, champion, None)]
    return {
        "decision": result.outcome,
        "reasons": reasons,
        "criteria": [],
        "adapter": None if result.adapter is None else result.adapter.digest,
        "champion": None if champion is None else champion.version,
    }


def headline(
    document: Mapping[str, Any], champion: Champion | None, registered: Registered | None
) -> str:
    """Say in plain words how the retrain ended, without markup."""
    return " ".join(headlines(document, champion, registered))


def headlines(
    document: Mapping[str, Any], champion: Champion | None, registered: Registered | None
) -> list[str]:
    """Say in plain words how the retrain ended, in one paragraph.

    Where a person promoted against the verdict, that comes first, and the verdict after it in a
    paragraph of its own.
    """
    override = document.get("override")
    if override is None:
        return [_ruled(document, champion, registered)]
    at = f", as {registered.release}" if registered else ""
    return [
        f"P{override_note(override)[1:]}{at}.",
        f"The verdict: {TITLES[document['decision']].lower()}. {_ruled(document, champion, None)}",
    ]


def _ruled(
    document: Mapping[str, Any], champion: Champion | None, registered: Registered | None
) -> str:
    """Say what the gate decided."""
    decision, criteria = document["decision"], document.get("criteria", [])
    if decision == "prompt_is_enough":
        return " ".join(document["reasons"])
    if decision == "unchanged":
        version = "" if champion is None else f", version {champion.version}"
        return (
            f"The candidate is the model that already serves{version}: training gave the very same "
            "adapter. Nothing was compared, registered or moved."
        )
    if decision == "promote":
        at = f" as {registered.release}" if registered else ""
        settled = [item for item in criteria if item["answer"] == "yes"]
        return f"The candidate is {claims(settled)}. It was promoted{at}."
    if decision == "reject" and document["unfit"]:
        return f"The candidate is not fit to serve ({'; '.join(document['unfit'])}). {NOT_PROMOTED}"
    if decision == "reject":
        return f"The candidate {_lost(document)}. {NOT_PROMOTED}"
    unsettled = [item for item in criteria if item["needed"] and item["answer"] != "yes"]
    return (
        f"The examples do not settle whether the candidate is {claims(unsettled)}. "
        f"{NOT_PROMOTED}{_cost(unsettled)}"
    )


def override_document(move: Move) -> dict[str, str]:
    """Return what a verdict's document says of a person who promoted against it."""
    return {"reason": move.why, "by": move.by, "at": move.at, "version": move.to}


def override_note(override: Mapping[str, str]) -> str:
    """Say in one line that a person promoted against the verdict."""
    return (
        f"promoted by {override['by']} against the verdict, because “{override['reason']}” "
        f"({minute(override['at'])})"
    )


def title(document: Mapping[str, Any]) -> str:
    """Return in two or three words how the retrain ended."""
    return OVERRIDDEN if "override" in document else TITLES[document["decision"]]


def minute(at: str) -> str:
    """Return an ISO 8601 time to the minute."""
    return f"{at[:16].replace('T', ' ')} UTC"


def _lost(document: Mapping[str, Any]) -> str:
    """Say on what the candidate is credibly worse: criteria, suites, or both."""
    said = []
    criteria = [item for item in document["criteria"] if item["answer"] == "no"]
    if criteria:
        worse = [{**item, "rule": _opposite(item)} for item in criteria]
        said.append(f"is credibly {claims(worse)}")
    suites = [item for item in document.get("suites", ()) if item["answer"] == "no"]
    if suites:
        names = join([f"{item['suite'].replace('_', ' ')} ({item['reason']})" for item in suites])
        said.append(f"fails the {'suite' if len(suites) == 1 else 'suites'} {names}")
    return join(said)


def claims(criteria: Sequence[Mapping[str, Any]]) -> str:
    """Join what criteria claim in one phrase that says the same rule once."""
    against: dict[tuple[str, str, str], list[str]] = {}
    bounded = [item["rule"] for item in criteria if item["against"] == BOUND]
    for item in criteria:
        if item["against"] == BOUND:
            continue
        key = (item["rule"], item["metric"], item["where"])
        against.setdefault(key, []).append(f"the {NAMES[item['against']]}")
    places: dict[tuple[str, str, str], list[str]] = {}
    for (rule, metric, where), others in against.items():
        places.setdefault((rule, metric, join(others)), []).append(where)
    return join(
        [
            f"{_compared(rule, others)} on {metric.replace('_', ' ')} ({join(wheres)})"
            for (rule, metric, others), wheres in places.items()
        ]
        + bounded
    )


def claim(item: Mapping[str, Any]) -> str:
    """Say what one criterion asks, such as "better than the base"."""
    if item["against"] == BOUND:
        return str(item["rule"])
    return _compared(item["rule"], f"the {NAMES[item['against']]}")


def _opposite(item: Mapping[str, Any]) -> str:
    if item["against"] == BOUND:
        return f"not {item['rule']}"
    return "worse" if item["rule"] == "better" else str(item["rule"]).removeprefix("not ")


def _compared(rule: str, others: str) -> str:
    verb, _, margin = rule.partition(" by ")
    more = "more than " if verb == "worse" else ""
    return f"{verb} than {others}{f' by {more}{margin}' if margin else ''}"


def join(parts: Sequence[str]) -> str:
    """Join phrases as prose does."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _cost(criteria: Sequence[Mapping[str, Any]]) -> str:
    """Say how many more examples would settle all of it, if any number would."""
    if any(item["examples_needed"] is None for item in criteria):
        return ""
    more = max(item["examples_needed"] - item["n"] for item in criteria)
    return f" About {max(more, 1):,} more examples would settle it."


def verdict_markdown(
    task: str,
    document: Mapping[str, Any],
    champion: Champion | None,
    registered: Registered | None,
) -> str:
    """Return the verdict in Markdown: the task, the sentence, then every reason."""
    lines = [
        f"# {title(document)}",
        f"*{escape(task)}*",
        escape(headline(document, champion, registered)),
    ]
    if document.get("criteria"):
        lines.append("\n".join(f"- {escape(reason)}" for reason in document["reasons"]))
    return "\n\n".join(lines)
