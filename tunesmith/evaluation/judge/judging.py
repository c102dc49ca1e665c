"""Let a judge score answers, choose between them, and check their facts.

Each function goes over its cases in planned batches, as `tunesmith.evaluation.endpoint.generate`
does: a run that was interrupted goes on where it was, and the results stand in the order of the
cases.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.endpoint.answers import latencies, said
from tunesmith.evaluation.endpoint.batches import Batches, run_now
from tunesmith.evaluation.endpoint.client import Client
from tunesmith.evaluation.judge.asking import Judge
from tunesmith.evaluation.judge.identity import JudgeIdentity
from tunesmith.evaluation.judge.replies import (
    Broken,
    ComparisonReply,
    FactsReply,
    RatingReply,
    stands_in,
)
from tunesmith.evaluation.judge.results import REFUSED, Claim, Comparison, Facts, Made, Rating
from tunesmith.evaluation.judge.rubric import Task
from tunesmith.statistics.intervals import Interval, proportion


class _Result(Protocol):
    @property
    def missing(self) -> str: ...
    @property
    def made(self) -> tuple[Made, ...]: ...


R = TypeVar("R", bound=_Result)
Item = TypeVar("Item", "Case", "Pair")
OnBatch = Callable[[int, dict[int, R]], None] | None
OnProgress = Callable[[int], None] | None


class Case(NamedTuple):
    """An answer to judge. `name` is what messages call it, such as its file and line."""

    name: str
    input: str
    answer: str
    reference: str | None = None


class Pair(NamedTuple):
    """Two answers to the same input."""

    name: str
    input: str
    first: str
    second: str
    reference: str | None = None


@dataclass(frozen=True)
class Judging(Generic[R]):
    """Verdicts in the order of the cases, who gave them, and apart from them how.

    `notes` counts the missing ones by reason; nothing may treat these as a score.
    """

    results: list[R]
    identity: JudgeIdentity
    notes: dict[str, Any]
    timings: dict[str, float]


def rate(
    judge: Judge,
    cases: Sequence[Case],
    *,
    batch_size: int,
    finished: Mapping[int, Rating] | None = None,
    on_batch: OnBatch[Rating] = None,
    on_progress: OnProgress = None,
) -> Judging[Rating]:
    """Score each answer on the rubric's scale.

    Args:
        judge: The judge; its rubric has an `absolute` template.
        cases: The answers.
        batch_size: Verdicts that are kept together.
        finished: Verdicts that an interrupted run left, by place of the case.
        on_batch: Gets the number of a batch and its verdicts by place, to keep.
        on_progress: Gets the number of verdicts so far, kept ones included.

    Raises:
        RecipeError: the rubric has no such template.
        InputError: a case lacks a reference that the rubric asks for, or the endpoint refuses
            the key, the model, or every case.
        Unanswered: the endpoint did not answer; `on_batch` got all verdicts that there are.
    """
    scores = frozenset(judge.rubric.scale.scores)

    def in_scale(reply: RatingReply) -> None:
        if reply.score not in scores:
            raise Broken("the score is outside the scale")

    async def one(client: Client, case: Case) -> Rating:
        texts = _texts(judge, "absolute", case, input=case.input, answer=case.answer)
        found = await judge.ask(client, case.name, "absolute", texts, RatingReply, in_scale)
        if found.reply is None:
            return Rating(score=None, missing=found.missing, made=(found.made,))
        return Rating(score=found.reply.score, reason=found.reply.reason, made=(found.made,))

    batches = Batches(len(cases), batch_size, finished, on_batch, on_progress)
    return _judge_all(judge, "absolute", cases, batches, one)


def compare(
    judge: Judge,
    pairs: Sequence[Pair],
    *,
    batch_size: int,
    finished: Mapping[int, Comparison] | None = None,
    on_batch: OnBatch[Comparison] = None,
    on_progress: OnProgress = None,
) -> Judging[Comparison]:
    """Choose the better of two answers, asked once in each order.

    A choice counts only if both orders agree, else it is a tie; `position_bias` says how often
    the order decided. Where one of the two verdicts is missing, so is the choice. Arguments and
    errors are those of `rate`; the template is `pairwise`.
    """

    async def one(client: Client, pair: Pair) -> Comparison:
        in_order = await _order(judge, client, pair, pair.first, pair.second)
        swapped = await _order(judge, client, pair, pair.second, pair.first)
        chosen = {"A": "first", "B": "second", "tie": "tie"}
        chosen_swapped = {"A": "second", "B": "first", "tie": "tie"}
        made = (in_order.made, swapped.made)
        if in_order.reply is None or swapped.reply is None:
            missing = in_order.missing or swapped.missing
            return Comparison(winner=None, missing=missing, made=made)
        one_way = chosen[in_order.reply.better]
        other_way = chosen_swapped[swapped.reply.better]
        winner: Any = one_way if one_way == other_way else "tie"
        return Comparison(
            winner=winner,
            orders=(one_way, other_way),
            reasons=(in_order.reply.reason, swapped.reply.reason),
            made=made,
        )

    batches = Batches(len(pairs), batch_size, finished, on_batch, on_progress)
    return _judge_all(judge, "pairwise", pairs, batches, one)


def check_facts(
    judge: Judge,
    cases: Sequence[Case],
    *,
    batch_size: int,
    finished: Mapping[int, Facts] | None = None,
    on_batch: OnBatch[Facts] = None,
    on_progress: OnProgress = None,
) -> Judging[Facts]:
    """List the claims of each answer and hold each against the input.

    A list counts only if all its quotations are real: what the judge says that the answer says
    must stand in the answer, and the proof of a supported or contradicted claim in the input. A
    quotation that was made up makes the reply a broken one, not the answer a bad one. A blank
    answer claims nothing, and nobody is asked. Arguments and errors are those of `rate`; the
    template is `facts`.
    """

    async def one(client: Client, case: Case) -> Facts:
        if not case.answer.strip():
            return Facts(claims=())
        texts = _texts(judge, "facts", case, input=case.input, answer=case.answer)

        def real(reply: FactsReply) -> None:
            for claim in reply.claims:
                if not stands_in(claim.said, case.answer):
                    raise Broken("a claim is not in the answer")
                proven = claim.verdict == "not_in_input" or stands_in(claim.quote, case.input)
                if not proven:
                    raise Broken("a quotation is not in the input")

        found = await judge.ask(client, case.name, "facts", texts, FactsReply, real)
        if found.reply is None:
            return Facts(claims=None, missing=found.missing, made=(found.made,))
        claims = tuple(
            Claim(each.said, each.verdict, "" if each.verdict == "not_in_input" else each.quote)
            for each in found.reply.claims
        )
        return Facts(claims=claims, made=(found.made,))

    batches = Batches(len(cases), batch_size, finished, on_batch, on_progress)
    return _judge_all(judge, "facts", cases, batches, one)


def position_bias(comparisons: Iterable[Comparison], confidence: float = 0.95) -> Interval | None:
    """Return how often the answer in front won where the order decided; 0.5 is no bias.

    These are the pairs whose two verdicts contradict each other: in front both times, or behind
    both times. None if there are none. The interval is exact.
    """
    # The first verdict tells: with the first answer in front, "first" is the one in front.
    decided = [
        comparison.orders[0]
        for comparison in comparisons
        if set(comparison.orders) == {"first", "second"}
    ]
    if not decided:
        return None
    return proportion(decided.count("first"), len(decided), confidence)


async def _order(judge: Judge, client: Client, pair: Pair, front: str, behind: str) -> Any:
    texts = _texts(judge, "pairwise", pair, input=pair.input, answer_a=front, answer_b=behind)
    return await judge.ask(
        client, pair.name, "pairwise", texts, ComparisonReply, lambda reply: None
    )


def _texts(judge: Judge, task: Task, item: Case | Pair, **texts: str) -> dict[str, str]:
    """Return the texts that the template has places for."""
    if item.reference is not None:
        texts["reference"] = item.reference
    return {place: texts[place] for place in judge.rubric.places(task)}


def _check(judge: Judge, task: Task, items: Sequence[Case | Pair]) -> None:
    if judge.rubric.template(task) is None:
        raise RecipeError(f"rubric {judge.rubric.name!r} has no {task!r} template; add one")
    if "reference" not in judge.rubric.places(task):
        return
    for item in items:
        if item.reference is None:
            raise InputError(
                f"{item.name}: no reference answer, and rubric {judge.rubric.name!r} asks for one "
                f"in {task!r}. Add it, or take {{reference}} out of the rubric"
            )


def _judge_all(
    judge: Judge,
    task: Task,
    items: Sequence[Item],
    batches: Batches[R],
    one: Callable[[Client, Item], Awaitable[R]],
) -> Judging[R]:
    _check(judge, task, items)
    # What was refused may have been mended since; to ask again costs nothing.
    for place in [place for place, kept in batches.results.items() if _refused(kept)]:
        del batches.results[place]
    client = judge.connect()

    async def run() -> list[R]:
        async with client:
            return await batches.run(
                lambda place: one(client, items[place]),
                judge.params.endpoint.concurrency,
                client.stop,
            )

    start = time.perf_counter()
    if batches.missing:
        results = run_now(run())
    else:
        results = [batches.results[place] for place in range(len(items))]
    if judge.refusal and all(map(_refused, results)):
        raise InputError(
            f"the judge took none of {len(results)} questions; the last: {judge.refusal}"
        )
    timings = {"judge": time.perf_counter() - start, **latencies(client.seconds)}
    missing = Counter(result.missing for result in results if result.missing)
    notes = {**said(client), "missing": dict(sorted(missing.items()))}
    return Judging(results, _identity(judge, task, results), notes, timings)


def _refused(result: _Result) -> bool:
    return result.missing.startswith(REFUSED)


def _identity(judge: Judge, task: Task, results: Iterable[_Result]) -> JudgeIdentity:
    """Return who judged, from the verdicts alone: those kept from an earlier run count too."""
    made = [each for result in results for each in result.made if each.replies]
    forms = tuple(sorted({each.form for each in made}))
    return JudgeIdentity(
        model=judge.params.endpoint.model,
        served=tuple(sorted({each.served for each in made})),
        prompt_digest=judge.rubric.prompt_digest(task),
        decoding=judge.decoding(forms),
    )
