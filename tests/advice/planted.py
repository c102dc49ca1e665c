"""A prompt baseline's answers to support tickets with failures of known kinds."""

from collections.abc import Iterator
from functools import cache
from itertools import count

from tests.made_rows import chat
from tunesmith.advice.failures import Judged, Kind, Sorted, Standard, sort_failures
from tunesmith.advice.training import Training
from tunesmith.example_data import defects
from tunesmith.example_data.dice import Dice
from tunesmith.example_data.support_email import FORMAT, SYSTEM_PROMPT
from tunesmith.example_data.tickets import Row, Tickets
from tunesmith.records import ChatExample, Prediction
from tunesmith.stages.evaluate import EvaluateParams, evaluate

PARAMS = EvaluateParams(
    metrics=("format", "grounding", "markers", "exact_match", "length_ratio"),
    primary="exact_match",
    format=FORMAT + r"\Z",
)
LAY = {
    "order": "request", "label": "sticker", "voucher": "coupon", "invoice": "bill",
    "warranty": "promise", "plan": "deal", "parcel": "box", "version": "edition",
    "return": "way back", "replacement": "other one", "replacing": "swapping",
    "refunded": "gave back", "credit": "thanks", "repair": "mending", "account": "page",
    "charge": "sum", "price": "cost", "delivery": "bringing", "switch": "button",
    "tracking": "code", "battery": "cell", "reset": "cleared", "booked": "noted",
}  # fmt: skip
"""The trade's words as somebody says them who does not know it."""
ELSEWHERE = (
    "{first} planted {n} rows of maize behind the barn; aphids curl each leaf, and rain is scarce.",
    "Our choir sings a motet by {last} in {n} voices, yet the altos drift flat near the cadence.",
    "Patient {last}, aged {n}, reports dyspnoea on exertion; auscultation shows basal crackles.",
    "Whisk {n} eggs with saffron until pale, says grandmother {first}, then fold through semolina.",
    "In hexameter, {last} laments {n} drowned sailors whose oars the nymphs carried past Ithaca.",
    "The bylaws let {first} vote by proxy when {n} trustees abstain from a quorum on zoning.",
)
"""Texts of trades that no ticket is about."""


class Maker:
    """Makes tickets with answers, right or wrong in one way."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed)
        self._tickets = Tickets("tickets", self.dice, iter(range(10_000, 99_000)))
        self._number = count(1)

    def row(self) -> Row:
        return self._tickets.next()

    def example(self, user: str, answer: str) -> ChatExample:
        number = next(self._number)
        return chat(
            user, answer, system=SYSTEM_PROMPT, source=f"tickets.jsonl:{number}", group=f"g{number}"
        )

    def training(self, rows: int) -> Training:
        made = [self.row() for _ in range(rows)]
        return Training([self.example(row.user, row.assistant) for row in made])

    def right(self) -> tuple[ChatExample, str]:
        row = self.row()
        return self.example(row.user, row.assistant), row.assistant

    def wrong(self, kind: Kind, number: int) -> tuple[ChatExample, str]:
        """An example, and an answer to it that fails in this way."""
        row = self.row()
        good = self.example(row.user, row.assistant)
        if kind == "format":
            ways = defects.FORMAT_KINDS
            return good, defects.misshapen(row, ways[number % len(ways)]).assistant
        if kind == "fact":
            ways = defects.ENTITY_KINDS
            return good, defects.ungrounded(row, ways[number % len(ways)], self.dice).assistant
        if kind == "terminology":
            return good, lay(row)
        if kind == "ambiguous":
            ways = defects.ENTITY_KINDS
            stated = defects.ungrounded(row, ways[number % len(ways)], self.dice).assistant
            return self.example(row.user, stated), row.assistant
        text = ELSEWHERE[number % len(ELSEWHERE)].format(
            first=row.facts["first"], last=row.facts["last"], n=self.dice.number(2, 99)
        )
        return self.example(text, "That is noted."), row.assistant


def lay(row: Row) -> str:
    """The e-mail in the words of somebody who does not know the trade; its facts stay."""
    text = row.assistant.replace(row.facts["noun"], "thing")
    for word, plain in LAY.items():
        text = text.replace(f" {word}", f" {plain}")
    return text


def judged(answers: list[tuple[ChatExample, str]], params: EvaluateParams = PARAMS) -> list[Judged]:
    """Score answers with the real metrics."""
    predictions = [
        Prediction(
            row_id=example.row_id, group_id=example.group_id, prompt_digest="p", output=output,
            finish_reason="stop", prompt_tokens=200, completion_tokens=80,
        )
        for example, output in answers
    ]  # fmt: skip
    scores = evaluate(predictions, {example.row_id: example for example, _ in answers}, params)
    return [
        Judged(example, prediction, score)
        for (example, _), prediction, score in zip(answers, predictions, scores, strict=True)
    ]


def planted(mix: dict[Kind, int], seed: int, right: int = 40) -> Sorted:
    """Sort the failures of a mix, among answers that are right."""
    maker = Maker(seed)
    training = _training()
    answers = [maker.right() for _ in range(right)]
    answers += list(_wrong(maker, mix))
    return sort_failures(judged(maker.dice.shuffled(answers)), Standard("exact_match"), training)


@cache
def _training() -> Training:
    return Maker(400).training(400)


def _wrong(maker: Maker, mix: dict[Kind, int]) -> Iterator[tuple[ChatExample, str]]:
    for kind, rows in mix.items():
        yield from (maker.wrong(kind, number) for number in range(rows))
