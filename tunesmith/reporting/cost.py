"""What answers and a retrain cost: tokens, seconds, and money where prices are given.

Tokens are of the predictions and the same wherever they were made. Seconds are of the build that
made them, on the machine that it ran on; answers are generated in batches, so a single request
takes longer than its share. Money is by the recipe's prices for answers (`gate.cost.prices`), and
by those of its endpoint for a judge; without prices it is unknown, not 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tunesmith.deciding.bounds import THOUSAND
from tunesmith.evaluation.endpoint import Prices
from tunesmith.evaluation.endpoint.answers import cost_of, tokens
from tunesmith.evaluation.suites import Probe
from tunesmith.pipeline import Result
from tunesmith.records import Prediction
from tunesmith.reporting.before_after import NAMES, places
from tunesmith.store import Store


@dataclass(frozen=True)
class Cost:
    """What somebody's answers to one set of examples cost.

    Attributes:
        who: base, prompt_baseline, retrieved, champion or candidate.
        where: test, golden, or a further use of the model.
        answers: How many.
        prompt_tokens: Of all prompts.
        answer_tokens: Of all answers.
        cut: Answers that ended at the longest length allowed.
        seconds: That the build took, without loading the model where that was timed; None where
            no record is left.
        per_thousand: Money for a thousand such answers, with its currency; empty without prices.
    """

    who: str
    where: str
    answers: int
    prompt_tokens: int
    answer_tokens: int
    cut: int
    seconds: float | None
    per_thousand: str = ""

    @property
    def prompt_each(self) -> float:
        """Tokens of a prompt, on average."""
        return self.prompt_tokens / max(self.answers, 1)

    @property
    def answer_each(self) -> float:
        """Tokens of an answer, on average."""
        return self.answer_tokens / max(self.answers, 1)

    @property
    def seconds_each(self) -> float | None:
        """Seconds of an answer, on average, as the batches made them."""
        return None if self.seconds is None else self.seconds / max(self.answers, 1)


@dataclass(frozen=True)
class Work:
    """What one build of a retrain took that is not somebody's answers.

    Attributes:
        what: What was done.
        seconds: Of the whole build; None where no record is left.
        asked: How many questions or requests; None where nothing was asked.
        prompt_tokens: Read for these; None where nobody counted.
        answer_tokens: Written for these; None where nobody counted.
        paid: Money, with its currency; empty without prices.
    """

    what: str
    seconds: float | None
    asked: int | None = None
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    paid: str = ""


def costs(store: Store, result: Result, prices: Prices | None) -> list[Cost]:
    """Return what everybody's answers cost, test before golden.

    Raises:
        MissingArtifact: when predictions are missing or damaged.
    """
    built = _records(store, "predict")
    found = []
    for where in places(result):
        for who in NAMES:
            measured = result.measured.get(f"{who} {where}")
            if measured is None:
                continue
            rows = list(store.rows(measured.predictions, Prediction))
            counted = tokens(rows)
            found.append(
                Cost(
                    who=who,
                    where=where,
                    answers=len(rows),
                    prompt_tokens=counted["prompt"],
                    answer_tokens=counted["completion"],
                    cut=sum(row.finish_reason == "length" for row in rows),
                    seconds=_answering(built.get(measured.predictions.digest)),
                    per_thousand=_money(cost_of(counted, prices), THOUSAND / max(len(rows), 1)),
                )
            )
    return found


def works(store: Store, result: Result) -> list[Work]:
    """Return what else the retrain took: training, packaging, suites, the clock, a judge.

    Raises:
        MissingArtifact: when probes are missing or damaged.
    """
    found = []
    for what, stage, ref in (
        ("training", "train", result.adapter),
        ("packaging and its checks", "package", result.package),
    ):
        if ref is not None:
            found.append(Work(what, _total(_records(store, stage).get(ref.digest))))
    probed = {**_records(store, "probe"), **_records(store, "examine")}
    for name, probes in result.probes.items():
        rows = list(store.rows(probes, Probe))
        read = sum(row.prompt_tokens for row in rows)
        written = sum(row.completion_tokens for row in rows)
        seconds = _total(probed.get(probes.digest))
        who, _, what = name.partition(" ")
        found.append(Work(f"{what}, {who}", seconds, len(rows), read, written))
    if result.latencies is not None:
        seconds = _total(_records(store, "clock").get(result.latencies.digest))
        found.append(Work("single requests, timed", seconds, result.latencies.requests))
    return [*found, *_judged(store, result)]


def _judged(store: Store, result: Result) -> Iterator[Work]:
    """Yield what a judge took for everybody whom it judged, from the records of its builds."""
    records = _records(store, "judge")
    for name, measured in result.measured.items():
        record = records.get(measured.scores.digest)
        if record is None:
            continue
        who, _, where = name.partition(" ")
        tasks = list(record["notes"].get("asked", {}).values())
        yield Work(
            f"judge of {NAMES[who]}, {where}",
            _total(record),
            measured.scores.rows * len(tasks),
            sum(task["tokens"]["prompt"] for task in tasks),
            sum(task["tokens"]["completion"] for task in tasks),
            _money(_sum(task["cost"] for task in tasks)),
        )


def _sum(costs: Iterable[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Add up money; None if any of it is unknown."""
    paid = list(costs)
    known = [cost for cost in paid if cost is not None]
    if not known or len(known) < len(paid):
        return None
    return {"amount": sum(cost["amount"] for cost in known), "currency": known[0]["currency"]}


def _money(cost: Mapping[str, Any] | None, times: float = 1.0) -> str:
    return "" if cost is None else f"{cost['amount'] * times:.3g} {cost['currency']}"


def _records(store: Store, stage: str) -> dict[str, dict[str, Any]]:
    """Return the newest record of each artifact that a stage built, by digest."""
    records = sorted(store.all_records(stage), key=lambda record: str(record["created"]))
    return {record["output"]["digest"]: record for record in records}


def _answering(record: Mapping[str, Any] | None) -> float | None:
    """Return the seconds of generation alone where they were timed, else of the whole build."""
    if record is None:
        return None
    timings = record["timings"]
    parts = [timings[name] for name in ("prefill", "decode") if name in timings]
    return sum(parts) if parts else float(timings["total"])


def _total(record: Mapping[str, Any] | None) -> float | None:
    return None if record is None else float(record["timings"]["total"])
