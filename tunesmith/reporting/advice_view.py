"""The advice of a retrain as people see it: why it stopped, factors, failures, method.

A view of the document alone, which holds no text of a row; `tunesmith advise` shows some failures.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tunesmith.advice.document import DOCUMENT
from tunesmith.pipeline import Result
from tunesmith.reporting.before_after import NAMES
from tunesmith.reporting.tables import TableRow, escape, markdown_table
from tunesmith.reporting.tracking import Champion
from tunesmith.store import Store
from tunesmith.wording import counted, share_of

GO_ON = (
    "To train all the same, write train_beyond_target: true into the recipe, or change its target."
)


def advice_document(store: Store, result: Result) -> dict[str, Any]:
    """Return the advice of a retrain.

    Raises:
        MissingArtifact: when it is missing or damaged.
    """
    document: dict[str, Any] = store.json(result.advice, DOCUMENT)
    return document


def stopped(document: Mapping[str, Any], champion: Champion | None) -> list[str]:
    """Say in sentences why nothing was trained, and how to train all the same."""
    who = document["enough"]
    passages = ", and passages of the recipe's documents" if who == "retrieved" else ""
    serving = [] if champion is None else [f"Version {champion.version} keeps serving."]
    return [
        f"The {NAMES[who]} is good enough, so nothing was trained.",
        f"Its {document['target'][who]['reason']}.",
        f"It was asked with {document['asked']}{passages}.",
        *_still_failing(document, who),
        *serving,
        GO_ON,
    ]


def _still_failing(document: Mapping[str, Any], who: str) -> Iterator[str]:
    """Say how many of its answers fail all the same: the target is of the primary metric alone."""
    found = document["failures"]
    if who == "prompt_baseline" and found is not None and found["failed"]:
        yield (
            f"Answers that do not pass every metric: {found['failed']:,} of {found['answers']:,}; "
            "tunesmith advise RECIPE sorts them."
        )


def in_short(document: Mapping[str, Any]) -> str:
    """Say what method is named, and of each baseline whether it reaches the target."""
    return "\n".join([f"Advice: {named(document)}", *(f"  {line}" for line in told(document))])


def named(document: Mapping[str, Any]) -> str:
    """Return the method, and that it is not settled where it is not."""
    return str(document["method"]) + ("" if document["settled"] else ", as far as is known")


def told(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield for each baseline that was measured whether it reaches the target."""
    said: set[str] = set()  # that there is no target is the same of both
    for who, found in document["target"].items():
        if found is not None and found["reason"] not in said:
            said.add(found["reason"])
            yield f"{NAMES[who]}: {found['reason']}"


def factor_rows(document: Mapping[str, Any]) -> list[TableRow]:
    """Return the factors as a table; for one that is unknown, what would settle it."""
    return [
        {
            "factor": item["name"],
            "value": f"{item['value']} ({item['note']})" if item["note"] else item["value"],
            "speaks for it": item["bound"],
            "direction": item["direction"],
            "from": item["source"] or to_write(item["ask"]),
        }
        for item in document["factors"]
    ]


def to_write(ask: str) -> str:
    """Return what settles an unknown factor: a command, or a line of the recipe."""
    return ask if ask.startswith("run: ") else f"write under use: {ask}"


def failure_rows(document: Mapping[str, Any]) -> list[TableRow]:
    """Return the kinds of failure with their shares; empty where nothing failed."""
    found = document["failures"] or {"kinds": [], "groups": 0}
    return [
        {
            "kind": item["kind"],
            "failures": item["count"],
            "share": share_of(item["count"], found["groups"]),
            "90% interval": f"{item['low']:.1%} to {item['high']:.1%}",
        }
        for item in found["kinds"]
    ]


def failures_told(document: Mapping[str, Any]) -> list[str]:
    """Say how many answers failed, and what the shares do not tell."""
    found = document["failures"]
    if found is None:
        return ["The prompt baseline has not been measured."]
    said = [
        f"The prompt baseline fails on {found['failed']:,} of "
        f"{counted(found['answers'], 'answer')}, in {counted(found['groups'], 'group')}, of which "
        "the first of each is sorted."
    ]
    if not found["enough"]:
        said.append(
            f"{counted(found['groups'], 'failure')} {'is' if found['groups'] == 1 else 'are'} too "
            "few to say what most of them are, and no rule rests on them."
        )
    return [*said, *(f"Not looked for: {why}." for why in found["left_out"])]


def advice_markdown(document: Mapping[str, Any]) -> str:
    """Return the advice in Markdown: the method with its rule, the factors, the failures."""
    unless = "\n".join(f"- unless: {escape(text)}" for text in document["unless"])
    parts = [
        f"# Advice: {escape(named(document))}",
        escape(document["reason"]),
        unless,
        "\n".join(f"- {escape(line)}" for line in told(document)),
        markdown_table(factor_rows(document)),
        escape(" ".join(failures_told(document))),
        markdown_table(failure_rows(document)),
    ]
    return "\n\n".join(part for part in parts if part)
