"""The verdict in words: one sentence for a manager, and what stands behind each criterion."""

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.pipeline import Result
from tunesmith.reporting.before_after import NAMES
from tunesmith.reporting.tables import escape
from tunesmith.reporting.tracking import Champion, Registered
from tunesmith.store import Store

TITLES = {
    "promote": "Promoted",
    "reject": "Rejected",
    "inconclusive": "Not settled",
    "unchanged": "Unchanged",
}


def verdict_document(store: Store, result: Result, champion: Champion | None) -> dict[str, Any]:
    """Return the verdict's document; where there is no verdict, one that says why.

    Raises:
        MissingArtifact: when the verdict is missing or damaged.
    """
    if result.verdict is not None:
        document: dict[str, Any] = store.json(result.verdict, "verdict.json")
        return document
    return {
        "decision": "unchanged",
        "reasons": [headline({"decision": "unchanged"}, champion, None)],
        "criteria": [],
        "adapter": result.adapter.digest,
        "champion": None if champion is None else champion.version,
    }


def headline(
    document: Mapping[str, Any], champion: Champion | None, registered: Registered | None
) -> str:
    """Say in plain words how the retrain ended, without markup."""
    decision, criteria = document["decision"], document.get("criteria", [])
    if decision == "unchanged":
        version = "" if champion is None else f", version {champion.version}"
        return (
            f"The candidate is the model that already serves{version}: training gave the very same "
            "adapter. Nothing was compared, registered or moved."
        )
    if decision == "promote":
        at = f" as {registered.name} version {registered.version}" if registered else ""
        return f"The candidate is {claims(criteria)}. It was promoted{at}."
    if decision == "reject" and document["unfit"]:
        return (
            f"The candidate is not fit to serve ({'; '.join(document['unfit'])}). It was not "
            "promoted."
        )
    if decision == "reject":
        return f"The candidate {_lost(document)}. It was not promoted."
    unsettled = [item for item in criteria if item["answer"] != "yes"]
    return (
        f"The examples do not settle whether the candidate is {claims(unsettled)}. "
        f"It was not promoted.{_cost(unsettled)}"
    )


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
    for item in criteria:
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
    )


def claim(item: Mapping[str, Any]) -> str:
    """Say what one criterion asks, such as "better than the base"."""
    return _compared(item["rule"], f"the {NAMES[item['against']]}")


def _opposite(item: Mapping[str, Any]) -> str:
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
        f"# {TITLES[document['decision']]}",
        f"*{escape(task)}*",
        escape(headline(document, champion, registered)),
    ]
    if document.get("criteria"):
        lines.append("\n".join(f"- {escape(reason)}" for reason in document["reasons"]))
    return "\n\n".join(lines)
