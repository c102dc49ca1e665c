"""What a gateway's application has at hand, and what a request may be."""

import asyncio
from dataclasses import dataclass, field

from tunesmith.gateway.capture import Capture
from tunesmith.gateway.keys import Keys
from tunesmith.gateway.metrics import Metrics
from tunesmith.gateway.outcomes import Outcomes
from tunesmith.gateway.rates import Rates
from tunesmith.gateway.routes import Routes
from tunesmith.gateway.segments import Segments
from tunesmith.gateway.shadowing import Budget
from tunesmith.gateway.upstream import Timeouts


@dataclass(frozen=True)
class Limits:
    """What a request may be.

    Attributes:
        body: Bytes of a body.
        headers: Bytes of all headers.
    """

    body: int = 32 << 20
    headers: int = 32 << 10


@dataclass
class Door:
    """What the application has at hand.

    Attributes:
        routes: Who answers for what.
        segments: Where interactions go.
        keys: Who may come in.
        secret: Key of the hashes that stand for users in records and that draw samples.
        metrics: Counters.
        user_header: Header with the user's id, lower case; beside the field `user`.
        conversation_header: Header with the conversation's id, where there is no user.
        timeouts: Of upstreams.
        limits: Of requests.
        include_usage: Whether streams are asked for token counts.
        capture: Which requests are kept with their text.
        budget: What shadow may cost.
        shadow_rates: Holds shadow's rate, for all workers.
        outcomes: Where records go beside the database; None for nowhere.
        patience: Seconds that shadow has to end in when the process ends.
        ending: Set when the process is about to end: no longer ready, streams go on.
    """

    routes: Routes
    segments: Segments
    keys: Keys
    secret: bytes
    metrics: Metrics = field(default_factory=Metrics)
    user_header: str = "x-tunesmith-user"
    conversation_header: str = "x-tunesmith-conversation"
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)
    include_usage: bool = True
    capture: Capture = field(default_factory=lambda: Capture(b""))
    budget: Budget = field(default_factory=Budget)
    shadow_rates: Rates = field(default_factory=lambda: Rates(1))
    outcomes: Outcomes | None = None
    patience: float = 5.0
    ending: asyncio.Event = field(default_factory=asyncio.Event)
