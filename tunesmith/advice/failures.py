"""What the prompt baseline gets wrong, sorted by rules.

An answer fails when a metric of yes or no says no, or the primary metric is short of the target.
Each failure goes to the first kind that fits:

| kind | a failure is one when |
|---|---|
| ambiguous | another row with the same input has an answer that contradicts the row's own, or \
`dedup` flagged that; or, where grounding is measured, the right answer states what the input does \
not hold; or the whole input is a single word that says something |
| out of distribution | the input is far from every training input (see `training`) |
| format | the answer is empty, cut off, endless, of another form, no JSON, no call, or no label |
| fact | it has wrong fields or arguments, or states what its input does not hold; where grounding \
is not measured, what neither the input nor the right answer holds |
| terminology | it is off the brand's tone, has a marker phrase, refuses where it should not, or \
gives another label |
| fact | it leaves out a number, date, id or name of the right answer |
| terminology | it lacks at least half of the right answer's terms: words of the task (see \
`training`), and words that the right answer takes from the input |
| other | none of these |

Ambiguous and far-off inputs come first: whatever is wrong with the answer, training on these rows
does not mend it. Of a group of rows (a conversation) only the first failure counts, so that the
shares rest on independent rows and their exact intervals hold. Terms, contradictions and entities
are those of English; see `tunesmith.data.entities`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tunesmith.advice.training import Training, words_in
from tunesmith.data.comparing.contradictions import Answer, contradictions, input_key
from tunesmith.data.comparing.copies import FLAG
from tunesmith.data.comparing.row_texts import asked
from tunesmith.data.comparing.small_words import SMALL
from tunesmith.data.entities import Entity
from tunesmith.data.grounding import ungrounded
from tunesmith.data.normal_text import normalise
from tunesmith.evaluation.metrics import spec
from tunesmith.evaluation.metrics.calls import written
from tunesmith.evaluation.metrics.labels import read_label
from tunesmith.records import ChatExample, Example, LabelExample, Prediction, Score
from tunesmith.statistics.intervals import Interval, proportion

Kind = Literal["format", "terminology", "fact", "ambiguous", "out of distribution", "other"]
KINDS: tuple[Kind, ...] = (
    "format",
    "terminology",
    "fact",
    "ambiguous",
    "out of distribution",
    "other",
)
FEWEST = 50
"""Failures from which their shares say something."""
SHOWN = 3
"""Failures of a kind that are shown."""
SHORT_OF = 0.5
"""What the primary metric must reach where the recipe has no target."""
CONFIDENCE = 0.9
TERMS = 0.5
"""Share of the right answer's terms, of which an answer must have more."""

_FORM = ("format", "sections", "json_valid", "json_schema")
_WORDING = ("tone", "markers", "refusal")


class Judged(NamedTuple):
    """One answer of the baseline with its scores."""

    example: Example
    prediction: Prediction
    score: Score


class Failure(NamedTuple):
    """One failure, its kind, and why it is of that kind."""

    judged: Judged
    kind: Kind
    why: str


@dataclass(frozen=True)
class Standard:
    """When an answer fails.

    Attributes:
        primary: The primary metric.
        target: What is good enough of it.
        labels: Labels that an answer may be.
    """

    primary: str
    target: float | None = None
    labels: tuple[str, ...] = ()

    def fails(self, score: Score) -> bool:
        """Whether a scored answer fails."""
        for name, value in score.values.items():
            measured = spec(name)
            if value is None:
                continue
            if measured.kind == "yes_no" and value == 0.0:
                return True
            if name == self.primary and self._is_short(value, measured.better == "lower"):
                return True
        return False

    def _is_short(self, value: float, lower: bool) -> bool:
        target = SHORT_OF if self.target is None else self.target
        return value > target if lower else value < target


@dataclass(frozen=True)
class Sorted:
    """All failures of a baseline.

    Attributes:
        answers: Answers that were judged.
        failed: Answers that fail.
        failures: The first failure of each group, sorted into kinds.
        left_out: Rules that could not be applied, and why.
    """

    answers: int
    failed: int
    failures: tuple[Failure, ...]
    left_out: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether there are enough failures for their shares to say something."""
        return len(self.failures) >= FEWEST

    def share(self, kind: Kind) -> Interval:
        """Return the share of a kind among the failures, with its exact interval.

        Raises:
            ValueError: there is no failure.
        """
        count = sum(failure.kind == kind for failure in self.failures)
        return proportion(count, len(self.failures), CONFIDENCE)

    def examples(self, kind: Kind) -> tuple[Failure, ...]:
        """Return the first failures of a kind."""
        return tuple(failure for failure in self.failures if failure.kind == kind)[:SHOWN]


def sort_failures(judged: Sequence[Judged], standard: Standard, training: Training) -> Sorted:
    """Sort what fails.

    Args:
        judged: Every answer of the baseline.
        standard: When an answer fails.
        training: What the training rows tell.
    """
    failed = [one for one in judged if standard.fails(one.score)]
    first: dict[str, Judged] = {}
    for one in failed:
        first.setdefault(one.example.group_id, one)
    contradicted = _contradicted([one.example for one in judged])
    cosines = training.far_off([asked(one.example) for one in first.values()])
    rules = _Rules(standard, training, contradicted)
    failures = tuple(
        rules.sort(one, cosine) for one, cosine in zip(first.values(), cosines, strict=True)
    )
    left_out: tuple[str, ...] = ()
    if not training.tells_distance:
        left_out = (
            f"out of distribution: {training.rows} training rows are too few to tell how far off "
            "an input is",
        )
    return Sorted(len(judged), len(failed), failures, left_out)


def _contradicted(examples: Sequence[Example]) -> dict[str, str]:
    """Return why rows contradict one with the same input, by row id; chats and labels."""
    alike: dict[bytes, list[Answer]] = defaultdict(list)
    kinds: dict[bytes, Literal["chat", "label"]] = {}
    for number, row in enumerate(examples):
        if isinstance(row, ChatExample | LabelExample):
            kind: Literal["chat", "label"] = "label" if isinstance(row, LabelExample) else "chat"
            key = input_key(asked(row), kind)
            kinds[key] = kind
            turn = row.prompt[-1].content if row.prompt else ""
            alike[key].append(Answer(number, row.answer, turn=turn))
    return {
        examples[found.row].row_id: found.why
        for key, answers in alike.items()
        if len(answers) > 1
        for found in contradictions(answers, kinds[key])
    }


class _Rules:
    """The rules, in their order."""

    def __init__(
        self, standard: Standard, training: Training, contradicted: dict[str, str]
    ) -> None:
        self._standard, self._training = standard, training
        self._contradicted = contradicted

    def sort(self, judged: Judged, cosine: float | None) -> Failure:
        """Return the failure with the first kind that fits."""
        for kind, why in self._found(judged, cosine):
            if why:
                return Failure(judged, kind, why)
        return Failure(judged, "other", "no rule fits")

    def _found(self, judged: Judged, cosine: float | None) -> Iterator[tuple[Kind, str]]:
        yield "ambiguous", self._ambiguous(judged)
        if cosine is not None:
            yield "out of distribution", f"nearest training input at a cosine of {cosine:.2f}"
        yield "format", self._format(judged)
        yield "fact", self._false(judged)
        yield "terminology", self._wording(judged)
        missing = ungrounded(judged.example.answer, judged.prediction.output)
        yield "fact", f"leaves out {_named(missing)}" if missing else ""
        yield "terminology", self._lacking(judged)

    def _ambiguous(self, judged: Judged) -> str:
        row = judged.example
        if row.row_id in self._contradicted:
            return f"another answer to this input says {self._contradicted[row.row_id]}"
        if FLAG in row.flags:
            return "another row answers the same input in a way that contradicts it"
        if "grounding" in judged.score.values:
            missing = ungrounded(row.answer, row.input_text)
            if missing:
                return f"the right answer states {_named(missing)}, which the input does not hold"
        if not isinstance(row, LabelExample):
            words = [word for word in normalise(asked(row)).split(" ") if word not in SMALL]
            if len(words) < 2:
                return "the input is a single word"
        return ""

    def _format(self, judged: Judged) -> str:
        output, values = judged.prediction.output, judged.score.values
        if not output.strip():
            return "the answer is empty"
        for name in _FORM:
            if values.get(name) == 0.0:
                return f"{name}: {judged.score.evidence.get(name) or 'of another form'}"
        if values.get("repetition") == 1.0:
            return "the answer repeats itself without end"
        if values.get("label_accuracy") == 0.0 and self._label(output) is None:
            return "the answer is no label"
        if values.get("tool_call") == 0.0:
            found = written(output)
            if found.broken or not found.calls:
                return judged.score.evidence.get("tool_call", "no call that can be read")
        cut = judged.prediction.finish_reason == "length"
        return "the answer is cut off at the longest that is allowed" if cut else ""

    def _false(self, judged: Judged) -> str:
        row, output, score = judged.example, judged.prediction.output, judged.score
        for name in ("grounding", "tool_call"):
            if score.values.get(name) == 0.0:
                return f"{name}: {score.evidence.get(name, '')}"
        fields = score.values.get("fields")
        if fields is not None and fields < 1.0:
            return f"fields: {score.evidence.get('fields', '')}"
        made_up = ungrounded(output, f"{row.input_text}\n{row.answer}")
        return f"states {_named(made_up)}" if made_up else ""

    def _wording(self, judged: Judged) -> str:
        score, output = judged.score, judged.prediction.output
        for name in _WORDING:
            if score.values.get(name) == 0.0:
                return f"{name}: {score.evidence.get(name, '')}"
        if score.values.get("label_accuracy") == 0.0:
            return f"another label: {self._label(output)}"
        return ""

    def _lacking(self, judged: Judged) -> str:
        row = judged.example
        answer = words_in(row.answer)
        wanted = answer & (self._training.terms | words_in(asked(row)))
        lacking = sorted(wanted - words_in(judged.prediction.output.lower()))
        if lacking and len(lacking) >= TERMS * len(wanted):
            return f"lacks the terms {', '.join(lacking[:SHOWN])}"
        return ""

    def _label(self, output: str) -> str | None:
        return read_label(output, self._standard.labels)


def _named(entities: Sequence[Entity]) -> str:
    named = ", ".join(f"{one.kind} {one.text!r}" for one in entities[:SHOWN])
    more = len(entities) - SHOWN
    return f"{named} and {more} more" if more > 0 else named
