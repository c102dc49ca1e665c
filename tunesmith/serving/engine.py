"""The thread that answers: all questions to one model together, a token each in every step.

Before each step, questions that wait take the free rows; after it, answers that ended, and those
for which nobody waits any more, leave theirs. Models take turns step by step.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

import torch

from tunesmith.serving.answers import Answer, Piece, Question
from tunesmith.serving.models import Model

logger = logging.getLogger(__name__)

_ENDING = "the server is ending"
_FAILED = "the model failed; the server's log says why"
WAITING = 64
"""Questions that may wait for a row."""


class Full(Exception):
    """So many questions wait already that no more are taken."""


class Engine:
    """Answers questions until it is closed.

    Args:
        waiting: Questions that may wait for a row.
    """

    def __init__(self, waiting: int = WAITING) -> None:
        self._most = waiting
        self._waiting: deque[tuple[Model, Answer]] = deque()
        self._busy: list[Model] = []
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="answering", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether questions are answered."""
        return self._thread.is_alive() and not self._closing

    def ask(self, model: Model, question: Question, tell: Callable[[Piece], None]) -> Answer:
        """Have a question answered; `tell` gets the pieces, in the engine's thread.

        Raises:
            Full: too many wait already.
            InputError: it cannot be answered so.
        """
        answer = Answer(question, model.base, tell)
        with self._changed:
            if len(self._waiting) >= self._most:
                raise Full
            if not self.alive:
                answer.fail(_ENDING)
                return answer
            self._waiting.append((model, answer))
            self._changed.notify()
        return answer

    def close(self) -> None:
        """End; who still waits is told so."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while self._wait():
                with torch.inference_mode():
                    for model, answers in self._admitted().items():
                        self._enter(model, answers)
                    for model in self._busy:
                        self._step(model)
                self._busy = [model for model in self._busy if model.answers]
        finally:
            with self._changed:
                self._closing = True
                left = [answer for _, answer in self._waiting]
            for answer in (*left, *(one for model in self._busy for one in model.answers)):
                answer.fail(_ENDING)

    def _wait(self) -> bool:
        """Return once there is something to do; false when it is to end."""
        with self._changed:
            while not (self._closing or self._waiting or self._busy):
                self._changed.wait()
            return not self._closing

    def _admitted(self) -> dict[Model, list[Answer]]:
        """Take from those who wait, in their order, whoever finds a free row."""
        admitted: dict[Model, list[Answer]] = {}
        left: deque[tuple[Model, Answer]] = deque()
        with self._changed:
            for model, answer in self._waiting:
                found = admitted.setdefault(model, [])
                if answer.dropped:
                    continue
                if len(found) < model.free:
                    found.append(answer)
                else:
                    left.append((model, answer))
            self._waiting = left
        return {model: answers for model, answers in admitted.items() if answers}

    def _enter(self, model: Model, answers: list[Answer]) -> None:
        """Read prompts, and give each answer its first token."""
        if model not in self._busy:
            self._busy.append(model)
        first = len(model.answers)
        model.answers += answers
        try:
            scores = model.rows.enter([answer.question.ids for answer in answers])
        except RuntimeError:
            self._begin_anew(model)
            return
        self._take(model, scores, first)

    def _step(self, model: Model) -> None:
        """Give every answer of a model one more token."""
        model.leave([at for at, answer in enumerate(model.answers) if answer.dropped])
        if not model.answers:
            return
        try:
            scores = model.rows.step([answer.tokens[-1] for answer in model.answers])
        except RuntimeError:
            self._begin_anew(model)
            return
        self._take(model, scores, 0)

    def _begin_anew(self, model: Model) -> None:
        """Tell everybody that a model failed, such as for want of memory; others may ask it."""
        logger.exception("%s failed", model.name)
        for answer in model.renew():
            answer.fail(_FAILED)

    def _take(self, model: Model, scores: torch.Tensor, first: int) -> None:
        """Give the answers from a place on their next tokens; those that end leave."""
        # The same token as `argmax`, the first of equals, in a fifth of its time on a CPU.
        likeliest = scores.max(dim=-1).indices.tolist()
        ended = []
        for at, token in enumerate(likeliest):
            answer = model.answers[first + at]
            try:
                goes_on = answer.take(scores[at : at + 1], token)
            except RuntimeError:
                logger.exception("%s: an answer could not go on", model.name)
                answer.fail(_FAILED)
                goes_on = False
            if not goes_on:
                ended.append(first + at)
        model.leave(ended)
