"""One answer on its way: its tokens, what holds them, and what can be told of its text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tunesmith.evaluation.constraints import Constraint
from tunesmith.evaluation.generation.drawing import Drawing
from tunesmith.evaluation.generation.loaded import LoadedModel
from tunesmith.evaluation.generation.work import Draws
from tunesmith.records import FinishReason

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

INCOMPLETE = "�"
"""What a tokenizer writes for the first bytes of a character whose others are still to come."""


@dataclass(frozen=True)
class Question:
    """A prompt, and how it is to be answered.

    Attributes:
        ids: Its tokens.
        limit: Longest answer in tokens.
        stops: Texts before which the answer ends.
        draws: How tokens are drawn, with one seed; None for the most likely ones.
        constraint: What may be written; None for anything.
        logprobs: Whether each token's log-probability is told.
        streamed: Whether the answer is told piece by piece.
    """

    ids: list[int]
    limit: int
    stops: tuple[str, ...] = ()
    draws: Draws | None = None
    constraint: Constraint | None = None
    logprobs: bool = False
    streamed: bool = False


class Token(NamedTuple):
    """A token that was chosen, and its log-probability among all tokens."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Piece:
    """What is new of an answer; all of it where it is not streamed.

    Attributes:
        text: Its text.
        tokens: Its tokens, where they were asked for.
        finish: Why the answer ended; None while it goes on.
        completion_tokens: Tokens so far, without the one that ended it.
        error: Why there will be no rest; empty if there is none or it is whole.
    """

    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    finish: FinishReason | None = None
    completion_tokens: int = 0
    error: str = ""

    @property
    def last(self) -> bool:
        """Whether none follows."""
        return self.finish is not None or bool(self.error)


class Telling:
    """The text of an answer while it grows.

    Held back is what may still change: half a character, and what may be the beginning of a text
    before which the answer ends.

    Args:
        tokenizer: The model's.
        stops: Texts before which the answer ends.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", stops: tuple[str, ...]) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self.text = ""
        self.stopped = False

    def more(self, tokens: list[int], whole: bool) -> str:
        """Add to `text` what can be told of these tokens, and return what is new of it.

        Args:
            tokens: All tokens so far.
            whole: Whether the answer has ended.
        """
        text = str(self._tokenizer.decode(tokens, skip_special_tokens=True))
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            text = text[: min(found)]
        elif not whole:
            text = text.rstrip(INCOMPLETE)
            text = text[: len(text) - max((_begun(text, stop) for stop in self._stops), default=0)]
        new = text[len(self.text) :]
        self.text += new
        return new


def _begun(text: str, stop: str) -> int:
    """Return how many characters at the end of a text are the beginning of another."""
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)


class Answer:
    """An answer on its way.

    Args:
        question: What is answered.
        loaded: The base, for its tokenizer and the tokens that end an answer.
        tell: Gets each piece, in the thread that makes them.

    Raises:
        InputError: it cannot be held to what it is to be held to.
    """

    def __init__(
        self, question: Question, loaded: LoadedModel, tell: Callable[[Piece], None]
    ) -> None:
        self.question, self._loaded, self._tell = question, loaded, tell
        self.tokens: list[int] = []
        self.dropped = False
        self._telling = Telling(loaded.tokenizer, question.stops)
        self._untold: list[Token] = []
        self._held = None if question.constraint is None else question.constraint.start(1)
        self._drawing = question.draws and Drawing(question.draws, [0], question.limit)

    def drop(self) -> None:
        """Go no further: nobody waits for it."""
        self.dropped = True

    def take(self, scores: "torch.Tensor", likeliest: int) -> bool:
        """Choose the next token and tell what can be told; returns whether the answer goes on.

        Args:
            scores: One row, of the next token.
            likeliest: The token with the highest.
        """
        token = self._choose(scores, likeliest)
        ended = token in self._loaded.ends
        if not ended:
            self.tokens.append(token)
            if self.question.logprobs:
                self._untold.append(self._token(scores, token))
        finish = self._finish(ended)
        if finish is None and not self.question.streamed and not self.question.stops:
            return True  # nobody reads it before it ends
        new = self._telling.more(self.tokens, finish is not None)
        if self._telling.stopped:
            finish = "stop"
        if finish is not None or (self.question.streamed and new):
            text = new if self.question.streamed else self._telling.text
            tokens, self._untold = self._untold, []
            self._tell(Piece(text, tokens, finish, len(self.tokens)))
        return finish is None

    def fail(self, why: str) -> None:
        """Tell that there will be no rest."""
        self._tell(Piece(completion_tokens=len(self.tokens), error=why))

    def _choose(self, scores: "torch.Tensor", likeliest: int) -> int:
        if self._held is None and self._drawing is None:
            return likeliest
        if self._held is not None:
            scores = self._held.restrict(scores)
        chosen = self._drawing.choose(scores) if self._drawing else scores.max(dim=-1).indices
        token = int(chosen[0])
        if self._held is not None:
            self._held.take([token])
        return token

    def _finish(self, ended: bool) -> FinishReason | None:
        if ended:
            return "stop"
        return "length" if len(self.tokens) >= self.question.limit else None

    def _token(self, scores: "torch.Tensor", token: int) -> Token:
        logprob = scores[0].float().log_softmax(dim=-1)[token]
        return Token(str(self._loaded.tokenizer.decode([token])), float(logprob))
