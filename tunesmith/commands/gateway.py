"""`tunesmith gateway`: serving by a gateway's file, and keys for its clients."""

import json
from pathlib import Path

from tunesmith.errors import RecipeError
from tunesmith.gateway.keys import new_key
from tunesmith.settings import Settings


def serve(file: Path, at: Settings, host: str, port: int, workers: int) -> None:
    """Serve until told to end.

    Raises:
        RecipeError: the file is wrong, or the address open to others without a key.
        Transient: the database cannot be reached.
    """
    try:
        from tunesmith.gateway.config import load
        from tunesmith.gateway.server import Place, run
    except ModuleNotFoundError as error:
        raise RecipeError(
            f"a gateway needs {error.name}, which is not installed: "
            "pip install 'tunesmith[gateway]'"
        ) from None
    run(load(file), Place(at.home.absolute(), at.database, host, port, workers))


def key(name: str, per_minute: int | None) -> str:
    """Make a key; returns what its client and the gateway's file get."""
    made, kept = new_key(name, per_minute)
    rate = "" if per_minute is None else f", per_minute: {per_minute}"
    shown = json.dumps(name, ensure_ascii=False)
    # In quotes: eight digits may look like a number.
    line = f'- {{id: "{kept.id}", name: {shown}, digest: "{kept.digest}"{rate}}}'
    return (
        f"{made}\n\nThis is the key, shown this once: give it to {name}. In the gateway's file, "
        f"under keys:\n\n  {line}"
    )
