"""Put each group of rows on one side: train, validation or test.

Reads `Examples`, writes a `Split`. The side is a keyed hash of the group id, with the recipe's
name as the salt, so adding rows moves none (Kohavi et al., "Online Experimentation at
Microsoft", 2009, assign users the same way). Otherwise next quarter's test set would have been
this quarter's training set.
"""

import hashlib
from collections import Counter
from typing import Any, Literal

from pydantic import Field

from tunesmith.artifacts import Examples, Split
from tunesmith.draft import Draft
from tunesmith.errors import Unready
from tunesmith.records import ChatExample
from tunesmith.stage import Params, Stage

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = ("train", "validation", "test")


class SplitParams(Params):
    """How large the sides are."""

    test: float = Field(0.15, gt=0, lt=0.5, description="Share of groups that go to test.")
    validation: float = Field(
        0.10, gt=0, lt=0.5, description="Share of groups that go to validation."
    )
    salt: str = Field("", description="Key of the hash; the recipe's name by default.")
    report: tuple[str, ...] = Field(
        (), description="Extra keys of a line whose distribution over the sides is reported."
    )


def side(group_id: str, params: SplitParams) -> Side:
    """Return the side of a group; it depends on nothing but the group and the parameters."""
    hashed = hashlib.blake2b(group_id.encode(), key=params.salt.encode()[:64], digest_size=8)
    position = int.from_bytes(hashed.digest(), "big") / 2**64
    if position < params.test:
        return "test"
    return "validation" if position < params.test + params.validation else "train"


def stratification(rows: list[ChatExample], params: SplitParams) -> dict[str, Any]:
    """Describe the sides: rows, groups, mean lengths in characters, and reported fields."""
    report: dict[str, Any] = {}
    for name in SIDES:
        here = [row for row in rows if side(row.group_id, params) == name]
        count = max(len(here), 1)
        report[name] = {
            "rows": len(here),
            "groups": len({row.group_id for row in here}),
            "prompt_chars": round(sum(len(row.input_text) for row in here) / count, 1),
            "answer_chars": round(sum(len(row.answer) for row in here) / count, 1),
            "origin": dict(sorted(Counter(row.origin for row in here).items())),
            "fields": {
                field: dict(Counter(str(row.metadata.get(field)) for row in here).most_common(50))
                for field in params.report
            },
        }
    return report


def _write(params: SplitParams, draft: Draft, source: Examples) -> Split:
    rows = list(draft.rows(source))
    sides: dict[str, Examples] = {}
    for name in SIDES:
        here = (row for row in rows if side(row.group_id, params) == name)
        sides[name] = draft.seal_examples(here)
    empty = [name for name, part in sides.items() if part.rows == 0]
    if empty:
        groups = len({row.group_id for row in rows})
        raise Unready(
            f"no row went to {', '.join(empty)}: {len(rows)} rows in {groups} groups are too few "
            "to split. Add data, or group it more finely (ingest.group_by)"
        )
    report = stratification(rows, params)
    parts = {name: sides[name].digest for name in SIDES}
    return draft.seal_json(Split, "split.json", {"parts": parts, "sides": report}, **sides)


STAGE = Stage("split", version=1, produces=Split, body=_write)
