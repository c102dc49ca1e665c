"""Tell copies from rows that share a long template and differ in what is asked or answered.

The similarity of whole texts says how much two rows share. Where a tool's description or an
instruction of a hundred words stands before each question, that is most of the text whatever is
asked. So of two rows at or above the threshold it is asked what the rest is. They are no copies
when one of these holds.

| they differ in | because |
|---|---|
| subject | a content word that runs through the question and the answer of the one stands nowhere \
in the other: 81 and 144, Australia and Brazil |
| number | each question and each answer holds a number that its counterpart does not |
| question | the sentences that only one question has hold mostly other content words than those \
that only the other has |
| answer | the same of the answers, or another label |

All of it is said of the pair alone: nothing depends on other rows, so nothing on rows to come. An
edit here and there changes none of it: a word that is mistyped stands in the question or in the
answer, and a sentence with a word changed still holds most of the other's words.

Limits: sentences are told by their punctuation and by lines. Subjects need words with spaces
between them. Small words are those of English; elsewhere they count as any other.
"""

import re
from typing import Literal, NamedTuple

from tunesmith.data.comparing.row_texts import asked, whole
from tunesmith.data.comparing.small_words import SMALL
from tunesmith.data.normal_text import normalise
from tunesmith.records import Example, LabelExample, PreferenceExample

Difference = Literal["", "answer", "question"]
"""Of two rows alike: copies, other answers to one question, or other questions."""

SHARE = 0.5
"""Content words that what differs must share, of all that it holds, to be an edit."""
LEAST = 3
"""Content words by which two rows' sentences must differ to be others; "yes, right" and "that is
correct" in a long talk are no other question."""

NAMED = 2
"""Words of a subject that name it where the rest of a sentence differs."""

_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|[\n。！？]+")

_Words = frozenset[str]


class Passage(NamedTuple):
    """A question or an answer: its sentences, normalised, and its words."""

    sentences: frozenset[str]
    words: _Words
    numbers: _Words


class Parts(NamedTuple):
    """What a row says, ready to be compared with what others say."""

    question: Passage
    answers: tuple[Passage, ...]
    words: _Words
    subject: _Words
    label: str


def passage(text: str) -> Passage:
    """Take a text apart."""
    sentences = frozenset(filter(None, map(normalise, _SENTENCE_END.split(text))))
    words = frozenset(" ".join(sentences).split(" ")) if sentences else frozenset()
    return Passage(sentences, words, frozenset(word for word in words if word[0].isdigit()))


def parts(question: str, answers: tuple[str, ...], label: str = "") -> Parts:
    """Take a row apart.

    Args:
        question: What it asks, without the system prompt.
        answers: Its answer; of a preference the better and the worse; none for a label.
        label: Of a labelled text.
    """
    asked, told = passage(question), tuple(map(passage, answers))
    said: _Words = frozenset().union(*(each.words for each in told))
    return Parts(asked, told, asked.words | said, (asked.words & said) - SMALL, label)


def row_parts(row: Example) -> Parts:
    """Take a row apart."""
    if isinstance(row, LabelExample):
        return parts(row.text, (), row.label)
    question = asked(row)
    if isinstance(row, PreferenceExample):
        return parts(question, (row.chosen, row.rejected))
    return parts(question, (whole(row)[len(question) :],))


def difference(one: Parts, other: Parts) -> Difference:
    """Say in what two rows differ whose whole texts are near copies; empty if they are copies.

    Symmetric; rows of two kinds differ in the answer.
    """
    if not (one.subject <= other.words and other.subject <= one.words):
        return "question"
    if _other_numbers(one.question, other.question) and any(
        _other_numbers(ours, theirs)
        for ours, theirs in zip(one.answers, other.answers, strict=False)
    ):
        return "question"
    if _another(one.question, other.question, LEAST, one.subject & other.subject):
        return "question"
    if one.label != other.label or len(one.answers) != len(other.answers):
        return "answer"
    for ours, theirs in zip(one.answers, other.answers, strict=True):
        shares = not ours.sentences.isdisjoint(theirs.sentences)
        if _another(ours, theirs, LEAST if shares else 1):
            return "answer"
    return ""


def _other_numbers(one: Passage, other: Passage) -> bool:
    """Whether each holds a number that the other does not."""
    return not (one.numbers <= other.numbers or other.numbers <= one.numbers)


def _another(one: Passage, other: Passage, least: int, subject: _Words = frozenset()) -> bool:
    """Whether what only the one says is something else than what only the other says.

    It is not where both name the subject: "more about Charles Darwin", "a summary on Charles
    Darwin".
    """
    if one.sentences == other.sentences:
        return False
    ours = _content(one.sentences - other.sentences)
    theirs = _content(other.sentences - one.sentences)
    apart = len(ours ^ theirs)
    if not ours or not theirs or apart < least or apart <= (1 - SHARE) * len(ours | theirs):
        return False
    return len(ours & theirs & subject) < NAMED


def _content(sentences: frozenset[str]) -> _Words:
    return frozenset(" ".join(sentences).split(" ")) - SMALL if sentences else frozenset()
