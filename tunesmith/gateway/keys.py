"""The keys of clients: hashed at rest, compared in constant time, with a rate of their own."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "tsk"
PUBLISHED = frozenset({"sk-1234", "sk-test", "test", "changeme", "your-api-key", "dummy", "EMPTY"})
"""Keys that stand in examples; nobody may have them as theirs."""


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


class Keys:
    """The keys that open the door; without any it stands open, and only to this machine."""

    def __init__(self, keys: Iterable[ClientKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}
        self._buckets: dict[str, tuple[float, float]] = {}

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
        now, rate = time.monotonic(), key.per_minute / 60.0
        left, at = self._buckets.get(key.id, (float(key.per_minute), now))
        left = min(float(key.per_minute), left + (now - at) * rate)
        if left < 1.0:
            self._buckets[key.id] = (left, now)
            return (1.0 - left) / rate
        self._buckets[key.id] = (left - 1.0, now)
        return 0.0
