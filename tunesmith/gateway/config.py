"""What a gateway is told in its file: where the models are, and who may come in.

```yaml
models:
  support-email:                       # what clients ask for; the recipe's name
    upstream: http://127.0.0.1:8000/v1 # serves every version by its own name
    upstream_key: TUNESMITH_UPSTREAM_KEY   # the variable that holds the upstream's key
    serves: support-email-v3-2026-11   # before there has been a rollout
keys:
  - {id: 1f0c9a2b, name: shop, digest: …, per_minute: 600}   # as `tunesmith gateway key` prints it
```
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from tunesmith.errors import RecipeError
from tunesmith.gateway.keys import ClientKey
from tunesmith.gateway.segments import Durability
from tunesmith.gateway.upstream import Timeouts
from tunesmith.stage import Params


class ModelParams(Params):
    """Where a recipe's versions are served."""

    upstream: str = Field(pattern=r"^https?://", description="Base URL, which ends in /v1.")
    upstream_key: str = Field(
        "", description="Environment variable that holds the upstream's key; empty for none."
    )
    serves: str = Field(
        min_length=1, description="The upstream's name of what serves before any rollout."
    )

    @field_validator("upstream")
    @classmethod
    def _without_end(cls, url: str) -> str:
        return url.rstrip("/")


class KeyParams(Params):
    """A client's key, as it is kept."""

    id: str = Field(pattern=r"^[0-9a-f]{8}$", description="Stands in the key.")
    name: str = Field(min_length=1, description="Whose it is.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the key.")
    per_minute: int | None = Field(None, ge=1, description="Requests it may make in a minute.")


class TimeoutParams(Params):
    """How long an upstream may take, in seconds."""

    connect: float = Field(5.0, gt=0, description="To take the connection.")
    first_token: float = Field(60.0, gt=0, description="To the first content of a stream.")
    idle: float = Field(30.0, gt=0, description="Between two pieces of it.")
    total: float = Field(600.0, gt=0, description="For all of an answer.")


class GatewayParams(Params):
    """A gateway."""

    models: dict[str, ModelParams] = Field(min_length=1, description="By the recipe's name.")
    keys: tuple[KeyParams, ...] = Field((), description="Who may come in.")
    user_header: str = Field("x-tunesmith-user", description="Header with the user's id.")
    conversation_header: str = Field(
        "x-tunesmith-conversation", description="Header with the conversation's id."
    )
    timeouts: TimeoutParams = Field(TimeoutParams(), description="Of upstreams.")
    body_limit: int = Field(32 << 20, ge=1024, description="Bytes of a request's body.")
    durability: Durability = Field(
        "process", description="What an answer's end waits for: a write, or the disk."
    )
    disk_limit: int = Field(
        10 << 30, ge=1 << 20, description="Bytes of interactions that may wait for the database."
    )
    include_usage: bool = Field(
        True, description="Whether streams are asked for token counts that clients do not ask for."
    )
    lease: float = Field(
        60.0, gt=0, description="Seconds without a look at the ledger after which control serves."
    )

    @field_validator("user_header", "conversation_header")
    @classmethod
    def _as_compared(cls, name: str) -> str:
        return name.lower()

    @property
    def client_keys(self) -> tuple[ClientKey, ...]:
        """The keys."""
        return tuple(ClientKey(key.id, key.digest, key.name, key.per_minute) for key in self.keys)

    @property
    def times(self) -> Timeouts:
        """The timeouts."""
        return Timeouts(**dict(self.timeouts))

    def upstream_key(self, recipe: str, environment: Mapping[str, str] = os.environ) -> str:
        """Return the key of a recipe's upstream.

        Raises:
            RecipeError: the variable is not set.
        """
        name = self.models[recipe].upstream_key
        if name and not environment.get(name):
            raise RecipeError(
                f"models.{recipe}.upstream_key: the variable {name} is not set; expected the "
                "upstream's key in it"
            )
        return environment[name] if name else ""


def load(path: Path) -> GatewayParams:
    """Load a gateway's file.

    Raises:
        RecipeError: it cannot be read, or something in it is wrong.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; expected a gateway's file in YAML") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}") from error
    try:
        return GatewayParams.model_validate(raw)
    except ValidationError as error:
        told = "\n".join(
            f"{path}: {'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise RecipeError(told) from None


def check_address(host: str, keys: bool) -> None:
    """Refuse to stand open to other machines.

    Raises:
        RecipeError: the address is not this machine's own, and there is no key.
    """
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local and not keys:
        raise RecipeError(
            f"--host {host} can be reached from other machines, and the gateway has no keys; make "
            "one with `tunesmith gateway key NAME`, or listen on 127.0.0.1"
        )
