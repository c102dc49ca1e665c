"""What an evaluation looks like in a terminal: figures with intervals, and what to know of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunesmith.artifacts import Adapter, Base, Examples, Predictions, Scores
from tunesmith.evaluation.endpoint import EndpointParams, Prices
from tunesmith.evaluation.endpoint.answers import cost, tokens
from tunesmith.evaluation.judge import JudgeIdentity, differences
from tunesmith.evaluation.judge.scores import JUDGED, PREFERRED
from tunesmith.evaluation.metrics import METRICS, set_value, spec
from tunesmith.evaluation.metrics.judged import missing
from tunesmith.records import Prediction, Score
from tunesmith.reporting.tables import TableRow, text_table
from tunesmith.stages import judge
from tunesmith.store import Store
from tunesmith.wording import counted

if TYPE_CHECKING:
    from tunesmith.statistics import Interval

CONFIDENCE = 0.95
NO_INTERVAL = "–"


@dataclass(frozen=True)
class Model:
    """A model that answers.

    Attributes:
        name: What people read.
        answerer: A base model in the store, or an endpoint.
        adapter: On the base.
        names: All names that it goes by, with those of its base.
    """

    name: str
    answerer: Base | EndpointParams
    adapter: Adapter | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """What a model answered to a set, and how good that is."""

    model: Model
    where: str
    examples: Examples
    predictions: Predictions
    scores: Scores


def told_suites(model: Model, found: Sequence[Mapping[str, Any]]) -> str:
    """Return what each failure-mode suite shows of a model beside the recipe's base."""
    rows: list[TableRow] = [
        {
            "suite": item["suite"].replace("_", " "),
            "outcome": item["outcome"],
            "base": _share(item["other"]),
            "model": _share(item["candidate"]),
            "n": f"{item['n']:,}",
            "why": item["reason"],
        }
        for item in found
    ]
    worse = [row["suite"] for row in rows if row["outcome"] == "worse"]
    head = f"worse than its base in: {', '.join(map(str, worse))}" if worse else "in none worse"
    return f"{model.name} beside the base: {head}\n\n{text_table(rows)}"


def _share(value: float | None) -> str:
    return NO_INTERVAL if value is None else f"{value:.0%}"


def shown(store: Store, made: Evaluation) -> str:
    """Return the table of an evaluation, and what one should know about its answers."""
    scores = list(store.rows(made.scores, Score))
    answers = list(store.rows(made.predictions, Prediction))
    some = (
        f" of {made.examples.rows:,} (predict.sample)" if len(answers) < made.examples.rows else ""
    )
    lines = [f"{made.model.name} on {made.where}: {counted(len(answers), 'answer')}{some}", ""]
    names = {name for row in scores for name in row.values}
    ordered = [name for name in METRICS if name in names] + sorted(names - METRICS.keys())
    table = [_row(name, scores) for name in ordered]
    lines += [text_table(table), _legend(table)]
    ended = Counter(answer.finish_reason for answer in answers if answer.finish_reason != "stop")
    blank = sum(not answer.output.strip() for answer in answers)
    odd = [f"{count} ended by {reason}" for reason, count in sorted(ended.items())]
    odd += [f"{blank} blank"] if blank else []
    if odd:
        lines.append(f"warning: of {counted(len(answers), 'answer')}, {', '.join(odd)}")
    lines += _missing(scores)
    used = tokens(answers)
    prices = _prices(made.model)
    paid = cost(answers, prices)
    price = f"; cost {paid['amount']:.4f} {paid['currency']}" if paid else ""
    lines.append(f"tokens: {used['prompt']:,} read, {used['completion']:,} written{price}")
    lines.append(f"predictions {made.predictions.short}, scores {made.scores.short}")
    return "\n".join(lines)


def changed_judge(store: Store, one: Scores, other: Scores) -> Iterator[str]:
    """Say in what the judges of two scores differ: a changed judge voids the comparison."""
    ours, theirs = _judges(store, one), _judges(store, other)
    for task in sorted(ours.keys() & theirs.keys()):
        if found := differences(ours[task], theirs[task]):
            yield (
                f"warning: the judge of {task} changed between the two ({'; '.join(found)}): their "
                "figures do not compare. Run both again with TUNESMITH_REBUILD='[\"judge\"]'"
            )


def _judges(store: Store, scores: Scores) -> dict[str, JudgeIdentity]:
    """Return who made scores, from the newest record that names them; nobody without a judge."""
    records = [
        record
        for record in store.all_records("judge")
        if record["output"]["digest"] == scores.digest
    ]
    newest = max(records, key=lambda record: str(record["created"]), default=None)
    return {} if newest is None else judge.judged_by(newest)


def _prices(model: Model) -> Prices | None:
    return model.answerer.prices if isinstance(model.answerer, EndpointParams) else None


def _row(name: str, scores: Sequence[Score]) -> TableRow:
    values = [
        (row.group_id, value) for row in scores if (value := row.values.get(name)) is not None
    ]
    of_set = name not in JUDGED and spec(name).over_set is not None
    value = set_value(name, scores) if of_set else _mean([value for _, value in values])
    interval = _set_interval(name, scores) if of_set else _interval(name, values)
    rate = _is_rate(name)
    falling = name not in JUDGED and spec(name).better == "lower"
    return {
        "metric": name.replace("_", " ") + (" ↓" if falling else ""),
        "value": "–" if value is None else _shown(value, rate),
        "interval": (
            NO_INTERVAL
            if interval is None
            else f"{_shown(interval.low, rate)} to {_shown(interval.high, rate)}"
        ),
        "n": len(scores) if of_set else len(values),
    }


def _interval(name: str, values: Sequence[tuple[str, float]]) -> "Interval | None":
    """Return the interval of a mean, None where there are too few for one."""
    from tunesmith.statistics import TooFewPairs, mean_interval, proportion

    if not values:
        return None
    if _is_rate(name):
        return proportion(sum(value == 1.0 for _, value in values), len(values), CONFIDENCE)
    try:
        groups = [group for group, _ in values]
        return mean_interval([value for _, value in values], CONFIDENCE, groups, seed=0)
    except TooFewPairs:
        return None


def _set_interval(name: str, scores: Sequence[Score]) -> "Interval | None":
    """Return the interval of a figure of the whole set, None where there are too few rows."""
    from tunesmith.statistics import TooFewPairs
    from tunesmith.statistics.resampled import set_interval

    if set_value(name, scores) is None:
        return None
    groups = [row.group_id for row in scores]
    try:
        return set_interval(
            lambda drawn: set_value(name, drawn), scores, groups, CONFIDENCE, seed=0
        )
    except TooFewPairs:
        return None


def _legend(table: Sequence[TableRow]) -> str:
    text = f"{CONFIDENCE:.0%} interval; examples of one group count as independent in rates"
    if any(row["interval"] == NO_INTERVAL and row["n"] for row in table):
        text += f"; {NO_INTERVAL}: n is too small for one"
    if any(str(row["metric"]).endswith("↓") for row in table):
        text += "; ↓: lower is better"
    return text


def _is_rate(name: str) -> bool:
    return name not in JUDGED and spec(name).kind == "yes_no"


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _shown(value: float, rate: bool) -> str:
    return f"{value:.0%}" if rate else f"{value:.2f}"


def _missing(scores: Sequence[Score]) -> Iterator[str]:
    """Say which verdicts are missing, and why: they are in no figure."""
    found: dict[str, Counter[str]] = {}
    for row in scores:
        for name in JUDGED:
            if why := missing(row, name):
                found.setdefault(name, Counter())[why] += 1
    for name, reasons in found.items():
        why = "; ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        yield (
            f"warning: {name.replace('_', ' ')}: {reasons.total()} of {len(scores)} verdicts are "
            f"missing and in no figure: {why}"
        )


def choices(store: Store, one: Evaluation, other: Evaluation, preferred: Scores) -> str:
    """Say whose answers the judge chose."""
    from tunesmith.statistics import proportion

    scores = list(store.rows(preferred, Score))
    values: Mapping[float | None, int] = Counter(row.values[PREFERRED] for row in scores)
    won, lost, tied = (values.get(value, 0) for value in (1.0, 0.0, 0.5))
    text = (
        f"{one.model.name} against {other.model.name}, asked in both orders: better in {won}, "
        f"worse in {lost}, tied in {tied} of {counted(len(scores), 'pair')}"
    )
    if won + lost:
        share = proportion(won, won + lost, CONFIDENCE)
        text += (
            f"\nbetter in {share.estimate:.0%} of those decided ({share.low:.0%} to "
            f"{share.high:.0%})"
        )
    return "\n".join([text, *_missing(scores), f"scores {preferred.short}"])
