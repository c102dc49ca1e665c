"""What a gateway is told in its file: where the models are, and who may come in.

```yaml
models:
  support-email:                       # what clients ask for; the recipe's name
    upstream: http://127.0.0.1:8000/v1 # serves every version by its own name
    upstream_key: TUNESMITH_UPSTREAM_KEY   # the variable that holds the upstream's key
    serves: support-email-v3-2026-11   # before there has been a rollout
keys:
  - {id: "1f0c9a2b", name: shop, digest: …, per_minute: 600} # as `tunesmith gateway key` prints it
shadow: {share: 0.5, per_minute: 60, at_once: 4}             # all that follows has defaults
capture: {share: 0.1, redact: true, keep_days: 30}
outcomes: {webhook: https://example.com/outcomes, secret: TUNESMITH_OUTCOMES_SECRET}
```
"""

import ipaddress
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator

from tunesmith.errors import RecipeError
from tunesmith.gateway.capture import Capture
from tunesmith.gateway.keys import ClientKey, is_published
from tunesmith.gateway.outcomes import Deliver, entry_point, webhook
from tunesmith.gateway.segments import Durability
from tunesmith.gateway.shadowing import Budget
from tunesmith.gateway.upstream import Timeouts
from tunesmith.mistakes import Mistake, message, of_validation
from tunesmith.stage import Params
from tunesmith.yaml_files import Place, line_of, read_yaml

logger = logging.getLogger(__name__)

_VARIABLE = r"^([A-Z_][A-Z0-9_]*)?$"
"""Of names, and not of what belongs into the variables: an error would show it."""

RECIPE_NAME = r"[a-z0-9][a-z0-9-]{1,60}"
"""As recipes have it, whose model a gateway does not import."""
_NOT_SET = "the variable {} is not set; expected the secret in it"
_PRIVATE = ("models", "keys", "outcomes")
"""Parts in which somebody may have put a key."""


def _checked(url: str) -> str:
    """Return a URL that can be asked, and that holds no secret."""
    try:
        parts = urlsplit(url)
        # Asking for the port raises where it is none, and so does a host that none can be.
        plain = parts.port != 0 and (parts.hostname or "").encode("idna")
    except ValueError:
        plain = b""
    if not plain or "@" in parts.netloc or parts.fragment:
        raise ValueError(
            "expected http(s)://host[:port]/path and no more, without a key, and the host's parts "
            "of 1 to 63 letters"
        )
    return url


class ModelParams(Params):
    """Where a recipe's versions are served."""

    upstream: str = Field(
        pattern=r"^https?://",
        description="Base URL, as its clients have it: http(s)://host[:port]/path, mostly /v1.",
    )
    upstream_key: str = Field(
        "",
        pattern=_VARIABLE,
        description=(
            "Name, in capitals, of the environment variable that holds the upstream's key; empty "
            "for none."
        ),
    )
    serves: str = Field(
        min_length=1,
        max_length=200,
        description="The upstream's name of what serves before any rollout.",
    )

    @field_validator("upstream")
    @classmethod
    def _is_plain(cls, url: str) -> str:
        if urlsplit(_checked(url)).query:
            raise ValueError("expected a URL without a query: paths are appended to it")
        return url.rstrip("/")


class KeyParams(Params):
    """A client's key, as it is kept."""

    id: str = Field(pattern=r"^[0-9a-f]{8}$", description="Eight digits 0-9 a-f of the key.")
    name: str = Field(min_length=1, description="Whose it is.")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of the key.")
    per_minute: int | None = Field(None, ge=1, description="Requests it may make in a minute.")

    @field_validator("digest")
    @classmethod
    def _is_secret(cls, digest: str) -> str:
        if is_published(digest):
            raise ValueError(
                "this is the example key of the documents, which everybody knows; make another "
                "with `tunesmith gateway key NAME`"
            )
        return digest


class TimeoutParams(Params):
    """How long an upstream may take, in seconds."""

    connect: float = Field(5.0, gt=0, description="To take the connection.")
    first_token: float = Field(60.0, gt=0, description="To the first content of a stream.")
    idle: float = Field(30.0, gt=0, description="Between two pieces of it.")
    total: float = Field(
        600.0, gt=0, description="For all of an answer, of each upstream that is asked."
    )


class ShadowParams(Params):
    """What asking a candidate in shadow may cost."""

    share: float = Field(1.0, ge=0, le=1, description="Of the live requests.")
    per_minute: int = Field(60, ge=1, description="Requests, over all workers of a machine.")
    at_once: int = Field(4, ge=1, description="Requests of one worker that are under way.")


class CaptureParams(Params):
    """Which requests are kept with their text."""

    share: float = Field(0.0, ge=0, le=1, description="Of all requests; 0 for none.")
    redact: bool = Field(True, description="Whether secrets and personal data are taken out.")
    keep_days: float = Field(
        30, gt=0, le=36_500, description="Days after which the text is removed."
    )


class OutcomesParams(Params):
    """Where records go beside the database: an entry point, or a URL."""

    entry_point: str = Field("", description="Name in the group `tunesmith.outcomes`.")
    webhook: str = Field("", pattern=r"^(https?://.+)?$", description="URL that gets JSON lines.")
    secret: str = Field(
        "",
        pattern=_VARIABLE,
        description="Name, in capitals, of the environment variable that holds what signs them.",
    )

    @field_validator("webhook")
    @classmethod
    def _can_be_asked(cls, url: str) -> str:
        return _checked(url) if url else url

    @model_validator(mode="after")
    def _is_one(self) -> "OutcomesParams":
        if bool(self.entry_point) == bool(self.webhook):
            raise ValueError("expected either entry_point or webhook")
        if bool(self.webhook) != bool(self.secret):
            raise ValueError("expected secret with webhook, and only there")
        return self


class GatewayParams(Params):
    """A gateway."""

    models: dict[str, ModelParams] = Field(
        min_length=1, description="Where models are, by the recipe's name."
    )
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
        60.0, ge=2, description="Seconds without a look at the ledger after which control serves."
    )
    shadow: ShadowParams = Field(ShadowParams(), description="What shadow may cost.")
    capture: CaptureParams = Field(CaptureParams(), description="Which texts are kept.")
    outcomes: OutcomesParams | None = Field(
        None, description="Where records go beside the database."
    )

    @field_validator("models")
    @classmethod
    def _are_of_recipes(cls, models: dict[str, ModelParams]) -> dict[str, ModelParams]:
        if wrong := [name for name in models if not re.fullmatch(RECIPE_NAME, name)]:
            raise ValueError(
                f"{wrong[0][:80]!r}: expected a recipe's name: lower-case letters, digits and "
                "hyphens, 2 to 61 of them"
            )
        return models

    @field_validator("keys")
    @classmethod
    def _are_apart(cls, keys: tuple[KeyParams, ...]) -> tuple[KeyParams, ...]:
        names = [key.id for key in keys]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: expected each id once")
        return keys

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
        return _held(f"models.{recipe}.upstream_key", name, environment) if name else ""

    def captures(self, key: bytes) -> Capture:
        """Return what is captured, drawn under a key."""
        return Capture(key, self.capture.share, self.capture.redact)

    @property
    def budget(self) -> Budget:
        """What shadow may cost."""
        return Budget(**dict(self.shadow))

    def deliver(self, environment: Mapping[str, str] = os.environ) -> Deliver | None:
        """Return what takes records beside the database; None where nothing does.

        Raises:
            RecipeError: no package offers it, or its secret is not set.
        """
        wanted = self.outcomes
        if wanted is None:
            return None
        if wanted.entry_point:
            return entry_point(wanted.entry_point)
        return webhook(wanted.webhook, _held("outcomes.secret", wanted.secret, environment))


def _unset(made: GatewayParams) -> Iterator[Mistake]:
    """Yield the variables that are named, and not set."""
    named: list[tuple[Place, str]] = [
        (("models", name, "upstream_key"), model.upstream_key)
        for name, model in made.models.items()
    ]
    if made.outcomes is not None:
        named.append((("outcomes", "secret"), made.outcomes.secret))
    for field, name in named:
        if name and not os.environ.get(name, "").strip():
            yield field, _NOT_SET.format(name)


def _held(field: str, name: str, environment: Mapping[str, str]) -> str:
    """Return what a variable holds."""
    if not environment.get(name, "").strip():
        raise RecipeError(f"{field}: {_NOT_SET.format(name)}")
    return environment[name].strip()  # a file that it was read from ends in a line break


def load(path: Path) -> GatewayParams:
    """Load a gateway's file.

    Raises:
        RecipeError: it cannot be read, or something in it is wrong.
    """
    raw, lines = read_yaml(path, "a gateway's file", "models and keys")
    try:
        made = GatewayParams.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False)
        mistakes = list(of_validation(GatewayParams, found, lines, private=_PRIVATE))
        raise RecipeError(message(path, lines, mistakes)) from None
    if unset := list(_unset(made)):
        raise RecipeError(message(path, lines, unset))
    for name, model in made.models.items():
        if not urlsplit(model.upstream).path:  # of some this is right
            place = f"{path} line {line_of(('models', name, 'upstream'), lines)}: models.{name}"
            logger.warning("%s.upstream: has no path; most servers are asked under /v1", place)
    return made


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
