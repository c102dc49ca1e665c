"""Running the server in this process, on one port, until it is told to end.

On SIGTERM it is first no longer ready, so that whoever spreads the traffic stops sending; a while
later it takes no more connections, and streams that run may end.
"""

import asyncio
import ipaddress
import signal
import socket
from types import FrameType

import uvicorn

from tunesmith.errors import RecipeError
from tunesmith.serving.app import Desk

KEY = "TUNESMITH_SERVING_KEY"
"""Environment variable that holds the key of clients."""
SHORTEST = 16
"""Characters of a key; those that stand in examples are shorter."""
DRAIN = 5.0
"""Seconds between being no longer ready and taking no more connections."""


def listen(host: str, port: int, key: str) -> socket.socket:
    """Open the port.

    Raises:
        RecipeError: the key is too short, the address is not this machine's own and there is
            none, or the port cannot be had.
    """
    if key and len(key) < SHORTEST:
        raise RecipeError(
            f"{KEY} has {len(key)} characters; expected at least {SHORTEST}, such as `openssl "
            "rand -hex 24` makes"
        )
    if not key and not _is_local(host):
        raise RecipeError(
            f"--host {host} can be reached from other machines; set {KEY} to a key that clients "
            "must have, or listen on 127.0.0.1"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise RecipeError(f"--host {host} --port {port}: {error}; take another port") from None


def run(desk: Desk, opened: socket.socket, drain: float = DRAIN) -> None:
    """Serve until SIGTERM or SIGINT; answers end first, and SIGINT does not wait for `drain`."""
    settings = uvicorn.Config(
        desk.application(),
        # The other parser that uvicorn knows loses the body of who asks for another protocol, as
        # Java's client does, and reads it as a request of its own.
        http="h11",
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    _Server(settings, desk, drain).run([opened])


class _Server(uvicorn.Server):
    """Ends in two steps."""

    def __init__(self, config: uvicorn.Config, desk: Desk, drain: float) -> None:
        super().__init__(config)
        self._desk, self._drain = desk, drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Be no longer ready, and end after a while; a second signal ends that while."""
        if self._desk.ending.is_set() or sig == signal.SIGINT:
            super().handle_exit(sig, frame)
            return
        self._desk.ending.set()
        asyncio.get_running_loop().call_later(self._drain, super().handle_exit, sig, None)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
