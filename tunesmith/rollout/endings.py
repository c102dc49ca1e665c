"""How a request through the gateway can end.

`client_error`: the upstream says that the request is wrong; `rate_limited`: that there are too
many; `upstream_error`: that something else is. `refused`: nobody answers there. `no_first_token`,
`stalled`, `too_long`: the time for a first token, between two pieces or for the whole ran out.
`cut`: the connection ended in the midst. `stream_error`: an error inside a stream that began well.
"""

from typing import Literal, get_args

Ending = Literal[
    "answered",
    "client_error",
    "rate_limited",
    "refused",
    "no_first_token",
    "stalled",
    "too_long",
    "cut",
    "stream_error",
    "upstream_error",
    "client_gone",
]
CLIENTS = frozenset({"client_error", "client_gone"})
"""Endings that are the client's doing, and say nothing of the model."""
FAILURES = frozenset(get_args(Ending)) - CLIENTS - {"answered"}
"""Endings that are the model's or its server's doing."""
