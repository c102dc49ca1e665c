"""Find passages of documents that a question needs, and put them before it.

Passages are ranked by BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework;
https://doi.org/10.1561/1500000019) in Lucene's form, with the sparse scores of `bm25s` (Lù 2024,
https://arxiv.org/abs/2407.03618). Words are compared in lower case, with no stemming and no list
of stop words, so that no language is preferred. The passages of all documents are in memory.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from pydantic import Field, field_validator

from tunesmith.records import ChatExample, Example, LabelExample, Message
from tunesmith.stage import Params

SUFFIXES = (".txt", ".md")

_WORD = re.compile(r"\w+")
_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_INTRODUCTION = "Passages that may help:"
_QUESTION = "Now the question:"
_K1, _B = 1.2, 0.75
"""How fast more of a word stops to count, and how much a long passage is held to be wordy."""


class RetrieveParams(Params):
    """How much of the documents goes into a prompt."""

    k: int = Field(3, ge=1, description="Passages put before each question; at most, by BM25.")
    words: int = Field(120, ge=10, description="Longest passage in words.")


class ContextParams(RetrieveParams):
    """Documents to look things up in, and how much of them goes into a prompt."""

    documents: str = Field(
        description="File or glob of .txt and .md documents, looked up from the recipe's folder."
    )
    training: bool = Field(
        False,
        description=(
            "Whether the candidate is trained and asked with passages too, as where production "
            "puts them into its prompts."
        ),
    )

    @field_validator("documents")
    @classmethod
    def _readable(cls, pattern: str) -> str:
        if not pattern.endswith(SUFFIXES):
            raise ValueError(
                f"expected text documents: a path or glob that ends in {' or '.join(SUFFIXES)}"
            )
        return pattern

    @property
    def retrieving(self) -> RetrieveParams:
        """What the stage needs to know; the documents are its input."""
        return RetrieveParams(k=self.k, words=self.words)


class Passage(NamedTuple):
    """A piece of a document; `source` names the document and its place in it, from 1."""

    source: str
    text: str


def passages(name: str, text: str, words: int) -> Iterator[Passage]:
    """Cut a document into passages of whole paragraphs, or of lines where one is too long.

    Nothing is left out, and nothing is twice. Only a paragraph of more than `words` words is cut,
    between words.
    """
    found = 0
    held: list[str] = []
    size = 0
    for piece in _pieces(text, words):
        count = len(piece.split())
        if held and size + count > words:
            found += 1
            yield Passage(f"{name}:{found}", "\n\n".join(held))
            held, size = [], 0
        held.append(piece)
        size += count
    if held:
        yield Passage(f"{name}:{found + 1}", "\n\n".join(held))


def _pieces(text: str, words: int) -> Iterator[str]:
    for paragraph in _BLANK.split(text.replace("\r\n", "\n")):
        found = paragraph.split()
        if 0 < len(found) <= words:
            yield paragraph.strip()
        else:
            for at in range(0, len(found), words):
                yield " ".join(found[at : at + words])


class Index:
    """Passages that can be searched."""

    def __init__(self, found: Sequence[Passage]) -> None:
        import bm25s

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells every index it builds
        self.passages = tuple(found)
        self._bm25: Any = bm25s.BM25(method="lucene", k1=_K1, b=_B)
        self._bm25.index([_words(passage.text) for passage in found], show_progress=False)

    def search(self, query: str, k: int) -> list[Passage]:
        """Return the passages that fit best, best first; of equals the first.

        A passage that shares no word with the query is never among them.
        """
        words = _words(query)
        if not words:
            return []
        scores = self._bm25.get_scores(words)
        order = (-scores).argsort(kind="stable")[:k]
        return [self.passages[at] for at in order if scores[at] > 0]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def question(example: Example) -> str:
    """Return what is looked up for an example: the last thing the user says."""
    said = [message.content for message in example.prompt if message.role == "user"]
    return said[-1] if said else ""


def with_passages(example: Example, found: Sequence[Passage]) -> Example:
    """Put passages before the last thing the user says; the row keeps its id.

    It stays the same example to everybody who compares models on it, and what the passages say
    counts as said by the input.
    """
    if not found:
        return example
    if isinstance(example, LabelExample):
        return msgspec.structs.replace(example, text=_put(example.text, found))
    field = "messages" if isinstance(example, ChatExample) else "prompt"
    messages = getattr(example, field)
    last = max(
        (at for at, message in enumerate(example.prompt) if message.role == "user"), default=None
    )
    if last is None:
        return example
    asked: Message = messages[last]
    changed = msgspec.structs.replace(asked, content=_put(asked.content, found))
    replaced = (*messages[:last], changed, *messages[last + 1 :])
    return msgspec.structs.replace(example, **{field: replaced})


def _put(text: str, found: Sequence[Passage]) -> str:
    shown = "\n\n".join(f"[{n}] {passage.text}" for n, passage in enumerate(found, 1))
    return f"{_INTRODUCTION}\n\n{shown}\n\n{_QUESTION}\n\n{text}"
