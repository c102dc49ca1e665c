"""Which variant answers whom.

A unit (a user, or else a conversation) falls into one of 10,000 buckets by a hash under the
rollout's salt. The treatment has the buckets below its weight, so that a growing weight keeps
everybody who has it, and control has the rest. Another salt draws anew: whoever met one bad
candidate is no likelier to meet the next.

Another program gets the same buckets so:

    first 8 bytes of sha256(len(salt) as 8 bytes | salt | unit), as a number, mod 10,000

with numbers big-endian, salt and unit in UTF-8, and the unit in Unicode's normal form NFC without
spaces around it. The length keeps "r1" + "2x" apart from "r12" + "x". Vectors: docs/reference.
"""

import hashlib
import unicodedata
from typing import Literal, NamedTuple

BUCKETS = 10_000

Variant = Literal["control", "treatment"]


class Assignment(NamedTuple):
    """Who answers a request.

    Attributes:
        variant: Control or treatment.
        bucket: Where the unit fell; None without a unit, which is no part of the analysis.
    """

    variant: Variant
    bucket: int | None


def normal(unit: str) -> str:
    """Return a unit's id as it is hashed; case is kept, since ids may differ in it alone."""
    return unicodedata.normalize("NFC", unit).strip()


def bucket_of(salt: str, unit: str) -> int:
    """Return the bucket of a unit, 0 to 9,999; `unit` is normal."""
    key = salt.encode()
    found = hashlib.sha256(len(key).to_bytes(8, "big") + key + unit.encode()).digest()
    return int.from_bytes(found[:8], "big") % BUCKETS


def assign(salt: str, weight: int, unit: str | None) -> Assignment:
    """Return who answers a unit.

    Args:
        salt: Of the rollout.
        weight: Buckets of the treatment, 0 to 10,000.
        unit: The unit's id, normal; None gets control.
    """
    if not unit:
        return Assignment("control", None)
    bucket = bucket_of(salt, unit)
    return Assignment("treatment" if bucket < weight else "control", bucket)


def pseudonym(key: bytes, unit: str) -> str:
    """Return what stands in records for a unit: a keyed hash (BLAKE2b, RFC 7693), 32 hex digits.

    Without the key nobody can tell from records who somebody was, not even by trying every id.
    """
    return hashlib.blake2b(unit.encode(), key=key, digest_size=16).hexdigest()
