"""The keys of clients: hashed at rest, compared in constant time, with a rate of their own."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from tunesmith.gateway.rates import Rates

PREFIX = "tsk"
EXAMPLE = "tsk_0badcafe_stands-in-the-documents-refused"
PUBLISHED = frozenset({EXAMPLE})
"""Keys that documents, tests and examples show; no gateway starts with one of them."""


@dataclass(frozen=True)
class ClientKey:
    """What is kept of a key.

    Attributes:
        id: Stands in the key itself, and in records.
        digest: sha256 of the whole key.
        name: Whose it is.
        per_minute: Requests it may make in a minute; None for no limit.
    """

    id: str
    digest: str
    name: str
    per_minute: int | None = None


def new_key(name: str, per_minute: int | None = None) -> tuple[str, ClientKey]:
    """Return a key, which is shown once and kept nowhere, and what is kept of it."""
    identity = secrets.token_hex(4)
    key = f"{PREFIX}_{identity}_{secrets.token_urlsafe(24)}"
    return key, ClientKey(identity, digest_of(key), name, per_minute)


def digest_of(key: str) -> str:
    """Return what is kept of a key; it has 24 random bytes, so that no salt or stretching helps."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_published(digest: str) -> bool:
    """Whether a digest is that of a key which everybody can read."""
    return digest in {digest_of(key) for key in PUBLISHED}


class Keys:
    """The keys that open the door; without any it stands open, and only to this machine.

    Args:
        keys: What is kept of them.
        rates: What has come of each, at the place of the key; shared by all workers.
    """

    def __init__(self, keys: Iterable[ClientKey] = (), rates: Rates | None = None) -> None:
        known = tuple(keys)
        self._keys = {key.id: key for key in known}
        self._places = {key.id: place for place, key in enumerate(known)}
        self._rates = rates or Rates(len(known))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._keys)

    def find(self, authorization: str) -> ClientKey | None:
        """Return whose a header's key is; None if nobody's."""
        scheme, _, given = authorization.partition(" ")
        parts = given.strip().split("_", 2)
        known = self._keys.get(parts[1]) if len(parts) == 3 and parts[0] == PREFIX else None
        # The comparison takes place in any case, so that its time tells nothing.
        expected = known.digest if known else "0" * 64
        right = hmac.compare_digest(digest_of(given.strip()), expected)
        return known if right and scheme.lower() == "bearer" else None

    def wait(self, key: ClientKey) -> float:
        """Count a request; returns the seconds until the next is let in, 0 if this one is."""
        if key.per_minute is None:
            return 0.0
        return self._rates.wait(self._places[key.id], key.per_minute)
