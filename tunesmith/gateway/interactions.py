"""What is recorded of each request: one line, written before its last byte goes out."""

import os
import time
from typing import Annotated

import msgspec

from tunesmith.rollout.assignment import Variant
from tunesmith.rollout.endings import Ending

MOST = (1 << 31) - 1
"""Largest number that the table's columns hold."""
LONGEST_REASON = 40
Number = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Name = Annotated[str, msgspec.Meta(max_length=200)]


class Interaction(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One request through the gateway, and what became of it.

    Attributes:
        id: Of the request; sorts by time, and is what feedback refers to.
        at: When it came, in milliseconds since 1970.
        recipe: What was asked for as the model.
        rollout: Id of the rollout; empty where none runs.
        stage: Number of its stage.
        assigned: Who should answer.
        served: Who did.
        model: By which name the upstream knows it.
        unit: Pseudonym of the user or conversation; empty without one, and out of the analysis.
        key: Id of the client's key.
        streamed: Whether the answer came in pieces.
        ending: How it ended, with whoever answered last.
        treatment_ending: How the treatment ended where control had to step in.
        status: HTTP status that the client saw.
        attempts: Upstreams that were asked.
        seconds: From the request to the last byte.
        first_token_seconds: To the first content.
        prompt_tokens: As the upstream counts them.
        completion_tokens: As the upstream counts them.
        length: Characters of the answer.
        refusal: Whether the answer begins as a refusal does.
        finish_reason: Of the first choice.
        logprob_mean: Mean log-probability of the answer's tokens, where the upstream returns them.
        logprob_least: The least of them.
        request: The body that came, where content is captured; redacted.
        answer: The answer's text, likewise.
        shadow_of: Id of the live interaction whose prompt the treatment was asked, too, without
            its user seeing it; empty for a live one.
    """

    id: str
    at: int
    recipe: Name
    rollout: str = ""
    stage: Number = 0
    assigned: Variant = "control"
    served: Variant = "control"
    model: Name = ""
    unit: str = ""
    key: str = ""
    streamed: bool = False
    ending: Ending = "answered"
    treatment_ending: Ending | None = None
    status: int = 200
    attempts: Number = 1
    seconds: float = 0.0
    first_token_seconds: float | None = None
    prompt_tokens: Number | None = None
    completion_tokens: Number | None = None
    length: Number = 0
    refusal: bool = False
    finish_reason: Annotated[str, msgspec.Meta(max_length=LONGEST_REASON)] = ""
    logprob_mean: float | None = None
    logprob_least: float | None = None
    request: str | None = None
    answer: str | None = None
    shadow_of: str = ""


def new_id() -> tuple[str, int]:
    """Return an id that sorts by time (as UUID version 7 does), and the time in milliseconds."""
    now = time.time_ns() // 1_000_000
    return f"{now:012x}{os.urandom(10).hex()}", now
