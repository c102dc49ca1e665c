"""What is held of each row while a whole collection is compared: columns, and texts on disk.

Batches of rows are read by `Sketcher`, in other processes if need be; `Collection` gathers what
it finds. Of a row stay 70 bytes or so in memory, and its text in a file.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from tunesmith.data.comparing.contradictions import Answer, Kind, input_key
from tunesmith.data.comparing.differing import Parts, parts
from tunesmith.data.comparing.fence import Fence, Fenced
from tunesmith.data.comparing.row_texts import asked, said, whole
from tunesmith.data.comparing.spooled_texts import SpooledTexts
from tunesmith.data.normal_text import encode
from tunesmith.errors import InputError
from tunesmith.records import ChatExample, Example, LabelExample, PreferenceExample

_GROUP_BYTES = 8


class Sketch(msgspec.Struct, frozen=True, array_like=True):
    """One row: its text, what orders it among its copies, and what stands against it."""

    whole: str
    kind: Kind
    source: str
    turn_at: int
    answer_at: int
    rejected_at: int
    label: str
    group_id: str
    quality: float
    written: float
    key: bytes
    group: bytes
    """Eight bytes that stand for the group."""
    leak: str
    """How it leaks through the fence; empty if it does not."""


@dataclass(frozen=True)
class Sketcher:
    """Sketches batches of rows; carries the fenced rows along.

    Args:
        fences: The rows that must stay unseen.
        threshold: See `fence.Fence`.
        overlap: See `fence.Fence`.
    """

    fences: tuple[Fenced, ...]
    threshold: float
    overlap: float

    def __call__(self, rows: list[Example]) -> list[Sketch]:
        """Sketch the rows, in order."""
        found = _fence(self.fences, self.threshold, self.overlap).leaks(rows)
        return [sketch(row, str(leak or "")) for row, leak in zip(rows, found, strict=True)]


@lru_cache(maxsize=1)
def _fence(fences: tuple[Fenced, ...], threshold: float, overlap: float) -> Fence:
    return Fence(fences, threshold, overlap)


def sketch(row: Example, leak: str = "") -> Sketch:
    """Sketch one row.

    Raises:
        InputError: the time when it was written is not in ISO 8601.
    """
    text, question = whole(row), asked(row)
    answer_at = len(question) + 1 if len(question) < len(text) and question else 0
    kind = kind_of(row)
    rejected_at, label = len(text), ""
    if isinstance(row, PreferenceExample):
        rejected_at = len(text) - len(row.rejected)
    elif isinstance(row, LabelExample):
        label = row.label
    return Sketch(
        whole=text,
        kind=kind,
        source=row.source,
        turn_at=_turn_at(row, question),
        answer_at=answer_at,
        rejected_at=rejected_at,
        label=label,
        group_id=row.group_id,
        quality=row.quality or 0.0,
        written=_seconds(row),
        key=input_key(question, kind),
        group=blake2b(encode(row.group_id), digest_size=_GROUP_BYTES).digest(),
        leak=leak,
    )


def kind_of(row: Example) -> Kind:
    """Return what kind of row one is."""
    if isinstance(row, PreferenceExample):
        return "preference"
    return "label" if isinstance(row, LabelExample) else "chat"


def _turn_at(row: Example, question: str) -> int:
    """Return where the last turn of a user begins in what a chat asks; 0 for other rows."""
    if not isinstance(row, ChatExample):
        return 0
    length = 0
    for message in reversed(row.prompt):
        if message.role != "system":
            length += len(said(message)) + 1
        if message.role == "user":
            break
    return max(len(question) - length + 1, 0)


def _seconds(row: Example) -> float:
    """Return when a row was written, in seconds since 1970; a row without a time is the oldest."""
    if row.written is None:
        return -np.inf
    try:
        moment = datetime.fromisoformat(row.written)
    except ValueError:
        raise InputError(
            f"{row.source}: written is {row.written!r}; expected a time in ISO 8601, such as "
            "2026-03-14T09:30:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Texts = list[str] | SpooledTexts


class _Facts(msgspec.Struct, frozen=True, array_like=True):
    kind: Kind
    source: str
    turn_at: int
    answer_at: int
    rejected_at: int
    label: str
    group_id: str
    leak: str


class Collection:
    """The sketches of all rows.

    Args:
        texts: Empty; takes the rows' texts.
        facts: Empty; takes what is seldom looked at.

    Attributes:
        quality: Of every row; 0 where none was given.
        written: When each was written, in seconds since 1970; -inf where that is not known.
        leaks: The positions of the rows that leak through the fence.
    """

    def __init__(self, texts: Texts, facts: Texts) -> None:
        self.texts, self._facts = texts, facts
        self.quality, self.written = array("d"), array("d")
        self.leaks: list[int] = []
        self._keys, self._groups = bytearray(), bytearray()

    def add(self, sketches: Iterable[Sketch]) -> None:
        """Add rows at the end."""
        for one in sketches:
            if one.leak:
                self.leaks.append(len(self))
            self.texts.append(one.whole)
            facts = _Facts(
                one.kind,
                one.source,
                one.turn_at,
                one.answer_at,
                one.rejected_at,
                one.label,
                one.group_id,
                one.leak,
            )
            self._facts.append(msgspec.json.encode(facts).decode())
            self.quality.append(one.quality)
            self.written.append(one.written)
            self._keys += one.key
            self._groups += one.group

    def __len__(self) -> int:
        return len(self.quality)

    def source(self, position: int) -> str:
        """Where a row came from."""
        return self._at(position).source

    def group_id(self, position: int) -> str:
        """The group of a row."""
        return self._at(position).group_id

    def label(self, position: int) -> str:
        """The label of a row; empty for other kinds."""
        return self._at(position).label

    def leak(self, position: int) -> str:
        """How a row leaks through the fence."""
        return self._at(position).leak

    def kind(self, position: int) -> Kind:
        """What kind of row it is."""
        return self._at(position).kind

    def answer(self, position: int) -> Answer:
        """What a row answers."""
        facts = self._at(position)
        if facts.kind == "label":
            return Answer(position, facts.label)
        text = self.texts[position]
        if facts.kind == "chat":
            turn = text[facts.turn_at : max(facts.answer_at - 1, 0)]
            return Answer(position, text[facts.answer_at :], turn=turn)
        chosen = text[facts.answer_at : max(facts.rejected_at - 1, facts.answer_at)]
        return Answer(position, chosen, text[facts.rejected_at :])

    def question(self, position: int) -> str:
        """What a row asks, without the system prompt."""
        facts = self._at(position)
        text = self.texts[position]
        return text if facts.kind == "label" else text[: max(facts.answer_at - 1, 0)]

    def parts(self, position: int) -> Parts:
        """A row taken apart, to tell in what it differs from another."""
        facts = self._at(position)
        if facts.kind == "label":
            return parts(self.texts[position], (), facts.label)
        answer = self.answer(position)
        answers = (answer.text, answer.rejected) if facts.kind == "preference" else (answer.text,)
        return parts(self.question(position), answers)

    def groups(self) -> NDArray[np.uint64]:
        """A number for each row that stands for its group."""
        return np.frombuffer(bytes(self._groups), dtype=np.uint64)

    def same_inputs(self) -> Iterable[Sequence[int]]:
        """Yield the rows that ask the same, where there are several, in order."""
        keys = np.frombuffer(bytes(self._keys), dtype=np.uint64).reshape(-1, 2)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        ordered = keys[order]
        breaks = np.flatnonzero((ordered[1:] != ordered[:-1]).any(axis=1)) + 1
        bounds = [0, *breaks.tolist(), len(order)] if len(order) else [0]
        for begin, end in pairwise(bounds):
            if end - begin > 1:
                yield order[begin:end].tolist()

    def _at(self, position: int) -> _Facts:
        return msgspec.json.decode(self._facts[position], type=_Facts)
