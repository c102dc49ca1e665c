"""Telling whoever watches (a terminal, Prefect, MLflow) what the library is doing.

The library does not know who watches. A caller installs an `Observer` for the length of a
`with` block; stages and the store speak to all that are installed in the current context.
"""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from tunesmith.artifacts import Ref


@dataclass(frozen=True)
class Built:
    """A stage's artifact is there: built now, or found (`hit`).

    `label` tells builds of one stage apart within a pipeline, as in "predict base test".
    """

    label: str
    stage: str
    key: str
    ref: Ref
    hit: bool
    record: dict[str, Any]


class Observer:
    """Does nothing; override what is of interest."""

    def built(self, built: Built) -> None:
        """An artifact has been found or built."""

    def progressed(self, label: str, done: int, total: int, unit: str) -> None:
        """`done` of `total` units of a stage's work are finished."""

    def measured(self, steps: Sequence[dict[str, float]]) -> None:
        """Training steps have been measured; each holds `step`, `timestamp` and metrics."""


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())
_label: ContextVar[str | None] = ContextVar("label", default=None)


@contextlib.contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Tell `observer` all that happens inside the block."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


@contextlib.contextmanager
def labelled(name: str) -> Iterator[None]:
    """Call what is built inside the block by this label."""
    token = _label.set(name)
    try:
        yield
    finally:
        _label.reset(token)


def label(stage: str) -> str:
    """Return what the current build is called: its label, or its stage's name."""
    return _label.get() or stage


def tell_built(stage: str, key: str, ref: Ref, hit: bool, record: dict[str, Any]) -> None:
    """Tell every observer that an artifact is there."""
    built = Built(label(stage), stage, key, ref, hit, record)
    for observer in _observers.get():
        observer.built(built)


def tell_progress(stage: str, done: int, total: int, unit: str) -> None:
    """Tell every observer how far a stage is."""
    for observer in _observers.get():
        observer.progressed(label(stage), done, total, unit)


def tell_steps(steps: Sequence[dict[str, float]]) -> None:
    """Tell every observer what training steps measured."""
    for observer in _observers.get():
        observer.measured(steps)
