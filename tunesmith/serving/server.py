"""Running the server in this process, on one port, until it is told to end."""

import ipaddress
import socket

import uvicorn

from tunesmith.errors import RecipeError
from tunesmith.serving.app import Desk

KEY = "TUNESMITH_SERVING_KEY"
"""Environment variable that holds the key of clients."""
SHORTEST = 16
"""Characters of a key; those that stand in examples are shorter."""


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


def run(desk: Desk, opened: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then no more connections are taken, and answers end first."""
    settings = uvicorn.Config(
        desk.application(), log_level="warning", access_log=False, server_header=False
    )
    uvicorn.Server(settings).run([opened])


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
