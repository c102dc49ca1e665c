"""Metrics of the answers that a gateway captured, of which no reference answer is known.

A captured request's messages become the prompt of an example whose answer is empty. What needs a
reference answer, a judge or a whole set cannot be measured so, and is refused by name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from tunesmith.errors import RecipeError
from tunesmith.evaluation.metrics import METRICS, spec
from tunesmith.evaluation.metrics.spec import MetricParams, Spec
from tunesmith.records import ChatExample, Message
from tunesmith.rollout.shadowing import ShadowMetric

FREE = frozenset(
    {"format", "grounding", "markers", "json_valid", "json_schema", "sections", "repetition",
     "toxicity", "tone"}
)  # fmt: skip
"""Built-in metrics that need no reference answer."""


class _Turn(msgspec.Struct):
    role: str = "user"
    content: str | list[dict[str, Any]] | None = None


class _Body(msgspec.Struct):
    messages: list[_Turn] = []
    prompt: str | list[Any] = ""


_decode = msgspec.json.Decoder(_Body).decode
_ROLES: Mapping[str, Any] = {"developer": "system", "function": "tool"}


def shadow_metrics(names: Iterable[str], settings: MetricParams) -> dict[str, ShadowMetric]:
    """Return what compares answers in shadow, by name.

    Args:
        names: Of metrics.
        settings: What they need beside the answer.

    Raises:
        RecipeError: one is unknown or cannot be measured without a reference answer; of a user's
            own only what its spec tells is known.
    """
    return {name: _metric(name, settings) for name in names}


def _metric(name: str, settings: MetricParams) -> ShadowMetric:
    found = spec(name)
    if (name in METRICS and name not in FREE) or not found.decides or found.judged:
        raise RecipeError(
            f"rollout.shadow_metrics: {name} cannot be measured of one answer without a reference; "
            f"expected some of {', '.join(sorted(FREE))}, or a metric of your own"
        )
    missing = [need for need in found.needs if not getattr(settings, need)]
    if missing:
        raise RecipeError(f"rollout.shadow_metrics: {name} needs evaluate.{', '.join(missing)}")
    better: Any = found.better
    return ShadowMetric(_Measure(found, settings), better)


class _Measure:
    """A metric as a function of a request's body and an answer."""

    def __init__(self, metric: Spec, settings: MetricParams) -> None:
        self._metric, self._settings = metric, settings

    def __call__(self, body: str, answer: str) -> float | None:
        example = example_of(body)
        if example is None:
            return None
        return self._metric(example, answer, self._settings).value


def example_of(body: str) -> ChatExample | None:
    """Return a captured request as an example with an empty answer; None where it is unreadable."""
    try:
        read = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    turns = read.messages or [_Turn("user", read.prompt if isinstance(read.prompt, str) else None)]
    messages = [Message(_role(turn.role), _text(turn.content)) for turn in turns]
    return ChatExample(
        row_id="", group_id="", source="a captured request", origin="production",
        messages=(*messages, Message("assistant", "")),
    )  # fmt: skip


def _role(given: str) -> Any:
    known = _ROLES.get(given, given)
    return known if known in ("system", "user", "assistant", "tool") else "user"


def _text(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content or ""
