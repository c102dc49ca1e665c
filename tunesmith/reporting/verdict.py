"""The verdict in words: one sentence for a manager, one line a criterion for an auditor."""

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
ANSWERS = {"yes": "yes", "no": "no: credibly worse", "not settled": "not settled"}


def verdict_document(store: Store, result: Result, champion: Champion | None) -> dict[str, Any]:
    """Return the verdict's document; for an unchanged model, one that says so.

    Raises:
        MissingArtifact: when the verdict is missing or damaged.
    """
    if result.verdict is not None:
        document: dict[str, Any] = store.json(result.verdict, "verdict.json")
        return document
    return {
        "decision": "unchanged",
        "reasons": [headline({"decision": "unchanged"}, champion, None)],
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
            f"The candidate is the model that already serves{version}: the same data and recipe "
            "gave the same adapter. Nothing was compared, registered or moved."
        )
    if decision == "promote":
        at = f" as {registered.name} version {registered.version}" if registered else ""
        return f"The candidate is {_claims(criteria)}. It was promoted{at}."
    if decision == "reject":
        worse = _claims([{**item, "rule": "worse"} for item in criteria if item["answer"] == "no"])
        return f"The candidate is credibly {worse}. It was not promoted."
    unsettled = [item for item in criteria if item["answer"] != "yes"]
    return (
        f"The examples do not settle whether the candidate is {_claims(unsettled)}. "
        f"It was not promoted.{_cost(unsettled)}"
    )


def _claims(criteria: Sequence[Mapping[str, Any]]) -> str:
    """Join what is claimed, with criteria of one rule and metric said once."""
    claims: dict[tuple[str, str, str], list[str]] = {}
    for item in criteria:
        key = (item["rule"], item["metric"], item["where"])
        claims.setdefault(key, []).append(f"the {NAMES[item['against']]}")
    texts = [
        f"{rule} than {_list(others)} on {metric.replace('_', ' ')} ({where})"
        for (rule, metric, where), others in claims.items()
    ]
    return _list([text.replace(" by ", " (by ", 1) if False else text for text in texts])


def _list(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _cost(criteria: Sequence[Mapping[str, Any]]) -> str:
    more = [item["examples_needed"] - item["n"] for item in criteria if item["examples_needed"]]
    if len(more) < len(criteria) or not more:
        return ""
    return f" About {max(*more, 1):,} more examples would settle it."
