"""Which endpoint to ask, and how: the part of a recipe that says so.

The recipe names the environment variable that holds the key, never the key. What stands here goes
into records; so an address with a user, a password or a query is refused.

Fields that change no answer (how many requests at a time, how long to wait, what it costs, which
key) are left out of the plain form, and so of every key in the store: with other ones, what is
cached stays, and an interrupted run goes on.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from tunesmith.errors import RecipeError
from tunesmith.stage import Params


class Retries(Params):
    """How long one request is tried again before the run gives up."""

    attempts: int = Field(6, ge=1, description="Times that one request is sent at most.")
    seconds: float = Field(
        300.0,
        ge=0,
        description=(
            "Longest time from the first attempt to the start of the last, waits included. A "
            "server that asks to wait beyond it ends the run at once."
        ),
    )


class Prices(Params):
    """What tokens cost; without it the cost is unknown, never 0."""

    input: float = Field(ge=0, description="Price of a million prompt tokens.")
    output: float = Field(ge=0, description="Price of a million tokens of answers.")
    currency: str = Field("USD", min_length=1, description="What the prices are in.")


def _reaching(default: Any, **about: Any) -> Any:
    """A field that changes no answer."""
    return Field(default, exclude=True, **about)


class EndpointParams(Params):
    """An OpenAI-compatible endpoint and how it decodes."""

    # A key pasted where its name belongs must not come back in the error message.
    model_config = ConfigDict(hide_input_in_errors=True)

    base_url: str = Field(description="Address of the API, such as `https://host/v1`.")
    model: str = Field(min_length=1, description="The model's name at the endpoint.")
    key: str | None = _reaching(
        None, description="Name of the environment variable with the key; none by default."
    )
    allow_http: bool = _reaching(
        False, description="Send the key unencrypted to a host that is not this machine."
    )
    temperature: float | None = Field(
        0.0, ge=0, description="0 is greedy; null leaves it out for models that refuse it."
    )
    seed: int | None = Field(
        0, description="Seed sent along; null leaves it out for servers that refuse it."
    )
    limit_key: Literal["max_tokens", "max_completion_tokens"] = _reaching(
        "max_tokens", description="What the server calls the longest answer."
    )
    concurrency: int = _reaching(8, ge=1, description="Requests under way at a time at most.")
    connect_seconds: float = _reaching(10.0, gt=0, description="Longest time to connect.")
    total_seconds: float = _reaching(
        120.0, gt=0, description="Longest time for one attempt, from connecting to the last byte."
    )
    retries: Retries = _reaching(Retries(), description="When to try again.")
    prices: Prices | None = _reaching(None, description="Prices of the model's tokens.")

    @field_validator("base_url")
    @classmethod
    def _ends_plainly(cls, url: str) -> str:
        return url.rstrip("/")

    # Of the model and not of its fields: an error about a field quotes what it found there.
    @model_validator(mode="after")
    def _keeps_secrets(self) -> "EndpointParams":
        _check_url(self.base_url)
        if self.key is not None:
            _check_name(self.key)
        sent_in_clear = urlsplit(self.base_url).scheme == "http" and not self.is_loopback
        if self.key and sent_in_clear and not self.allow_http:
            raise ValueError(
                f"base_url {self.base_url} would send the key unencrypted; expected https, or "
                "allow_http: true where the network between is yours"
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether the endpoint is on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def decoding(self) -> dict[str, Any]:
        """Return what decides, beside model and prompt, which answer comes back."""
        return {"temperature": self.temperature, "seed": self.seed}


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("base_url is no address; expected one such as https://host/v1") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("base_url: expected an address such as https://host/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "base_url holds a user, a query or a fragment, which may hold a secret; put the key "
            "into the environment and its name into `key`"
        )


def _check_name(name: str) -> None:
    from tunesmith.data.secrets import find_secrets

    plain = name.replace("_", "").isalnum() and name.isascii() and name[:1].isalpha()
    if not plain or name != name.upper() or len(name) > 64 or find_secrets(name):
        raise ValueError(
            "key: expected the name of an environment variable, such as OPENAI_API_KEY, and not "
            "the key; if a key stood here, take it as known to others and renew it"
        )


def key_from(environment: Mapping[str, str], params: EndpointParams) -> str | None:
    """Return the endpoint's key, or None where it needs none.

    Raises:
        RecipeError: the variable that the recipe names is not set, or cannot be sent.
    """
    if params.key is None:
        return None
    key = environment.get(params.key, "").strip()
    if not key:
        raise RecipeError(
            f"endpoint.key: the environment has no {params.key}; expected the key of "
            f"{params.base_url} in it. Set it and run the same command again"
        )
    if not key.isascii() or not key.isprintable():
        raise RecipeError(
            f"endpoint.key: {params.key} holds signs that no key has, such as a line break or "
            "a typographic quotation mark. Set it anew and run the same command again"
        )
    return key
