"""Advice as a JSON document: one form for what is stored, printed and shown.

It holds no text of a row. Failures stand beside it as rows, so that one of them can be forgotten.
Commands in it name the recipe as RECIPE.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tunesmith.advice.failures import KINDS, Sorted
from tunesmith.advice.method import RULES, Case, choose
from tunesmith.advice.target import Reached
from tunesmith.evaluation.prompting import Prompting
from tunesmith.records import FailedAnswer
from tunesmith.wording import counted

DOCUMENT = "advice.json"
_LONGEST = 80
"""Characters of a system prompt that are shown."""


def document(case: Case, prompting: Prompting) -> dict[str, Any]:
    """Return the advice for a case; `prompting` is how the prompt baseline was asked.

    What has not been measured is None.
    """
    chosen = choose(case)
    baselines = {"prompt_baseline": case.reached, "retrieved": case.retrieved}
    return {
        "method": chosen.method,
        "rule": chosen.rule,
        "reason": chosen.reason,
        "settled": chosen.settled,
        "unless": [item.text for item in chosen.unless],
        "enough": next((who for who, found in baselines.items() if found and found.stop), None),
        "asked": asked_with(prompting),
        "target": {who: _reached(found) for who, found in baselines.items()},
        "factors": [asdict(factor) for factor in case.factors],
        "failures": None if case.failures is None else _shares(case.failures),
        "rules": [
            {
                "name": rule.name,
                "method": rule.method,
                "because": rule.because,
                "holds": rule.holds(case),
            }
            for rule in RULES
        ],
    }


def failed_answers(case: Case) -> Iterator[FailedAnswer]:
    """Yield the failures as rows, in the order of the answers."""
    for failure in case.failures.failures if case.failures else ():
        example, prediction, _ = failure.judged
        yield FailedAnswer(
            row_id=example.row_id,
            group_id=example.group_id,
            source=example.source,
            kind=failure.kind,
            why=failure.why,
            output=prediction.output,
        )


def asked_with(prompting: Prompting) -> str:
    """Say how a prompt is put: whose system prompt, how many examples, in which style."""
    system = "the rows' own system prompt"
    if prompting.system is not None:
        text = " ".join(prompting.system.split())
        shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        system = f"the system prompt “{shown}”"
    shots = counted(prompting.shots, "example") if prompting.shots else "no examples"
    styles = {"plain": "", "steps": ", step by step", "schema": ", held to the JSON Schema"}
    return f"{system} and {shots}{styles[prompting.style]}"


def _reached(found: Reached | None) -> dict[str, Any] | None:
    if found is None:
        return None
    interval = found.interval
    return {
        "reached": found.stop,
        "reason": found.reason,
        "interval": None
        if interval is None
        else {
            name: getattr(interval, name)
            for name in ("estimate", "low", "high", "confidence", "n", "clusters", "method")
        },
    }


def _shares(found: Sorted) -> Mapping[str, Any]:
    groups = len(found.failures)
    kinds = []
    for kind in KINDS if groups else ():
        share = found.share(kind)
        kinds.append(
            {
                "kind": kind,
                "count": sum(failure.kind == kind for failure in found.failures),
                "share": share.estimate,
                "low": share.low,
                "high": share.high,
            }
        )
    return {
        "answers": found.answers,
        "failed": found.failed,
        "groups": groups,
        "enough": found.enough,
        "left_out": list(found.left_out),
        "kinds": kinds,
    }
