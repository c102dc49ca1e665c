"""Which requests are kept with their text, and what is taken out of it before it is stored.

Off by default. What is captured is redacted before it is written anywhere: secrets and personal
data that have a shape (see `tunesmith.data.secrets` and `tunesmith.data.checks.personal`) give way
to stand-ins, the same datum to the same one in the request and in its answer. Names of people have
no shape and stay. Who asked is never kept, redacted or not: records have a pseudonym for that.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from tunesmith.data.checks.personal import Masker
from tunesmith.data.secrets import mask

LARGEST = 128 << 10
"""Bytes of a request, and characters of an answer, beyond which neither is captured."""
_ASKERS = ("user", "safety_identifier", "prompt_cache_key", "metadata")
_FILE = re.compile(r"(?:data:[^,]{0,100},)?[A-Za-z0-9+/_-]{1000}")
"""How a picture or a recording begins that stands in the request itself, in Base64 (RFC 4648)."""


@dataclass(frozen=True)
class Capture:
    """What is captured.

    Attributes:
        key: Of the hash that draws the sample, so that nobody can tell who will be in it.
        share: Of the requests; 0 for none, 1 for all.
        redact: Whether secrets and personal data are taken out.
    """

    key: bytes
    share: float = 0.0
    redact: bool = True

    def takes(self, identity: str, size: int) -> bool:
        """Whether a request of so many bytes is captured."""
        return size <= LARGEST and is_drawn(self.key, "capture", identity, self.share)

    def texts(self, request: bytes, answer: str | None) -> tuple[str | None, str | None]:
        """Return what is stored of a request and its answer; takes 0.6 ms for each 1,000 signs."""
        if answer is not None and len(answer) > LARGEST:
            return None, None
        masker = Masker() if self.redact else None
        try:
            body = msgspec.json.decode(request)
            for name in _ASKERS:
                body.pop(name, None)
            text = msgspec.json.encode(_cleaned(body, masker)).decode()
        except (msgspec.DecodeError, RecursionError):  # a number or a depth beyond reason
            return None, None
        return text, None if answer is None else _clean(answer, masker)


def is_drawn(key: bytes, purpose: str, identity: str, share: float) -> bool:
    """Whether a keyed hash of an interaction's id falls into a share; each purpose draws anew."""
    if not 0 < share < 1:
        return share >= 1
    drawn = hmac.digest(key, f"{purpose}:{identity}".encode(), hashlib.sha256)
    return int.from_bytes(drawn[:8], "big") < share * 2**64


def _cleaned(value: Any, masker: Masker | None) -> Any:
    if isinstance(value, str):
        return _clean(value, masker)
    if isinstance(value, list):
        return [_cleaned(one, masker) for one in value]
    if isinstance(value, dict):
        return {_clean(name, masker): _cleaned(one, masker) for name, one in value.items()}
    return value


def _clean(text: str, masker: Masker | None) -> str:
    if _FILE.match(text):
        return f"[a file of {len(text):,} characters]"
    text = text.replace("\x00", "\ufffd")  # which PostgreSQL does not store
    return text if masker is None else masker.mask(mask(text))
