"""Take a part of the training set: whole groups, until there are so many rows.

Reads and writes `Examples`, in the order of the rows. Groups are taken in the order of a hash of
their names, so a smaller part lies inside every larger one, and all rows are the training set
itself. What is not taken is not dropped: it never came in.
"""

from collections import Counter

from pydantic import Field

from tunesmith.artifacts import Examples
from tunesmith.sampling import fraction
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft


class SubsetParams(Params):
    """How much of the training set is taken."""

    rows: int = Field(ge=1, description="Rows at least: whole groups, until there are so many.")
    salt: str = Field("", description="Key of the hash that orders the groups.")


def _write(params: SubsetParams, draft: Draft, source: Examples) -> Examples:
    sizes = Counter(row.group_id for row in draft.peek(source))
    taken, rows = set(), 0
    for group in sorted(sizes, key=lambda name: (fraction(name, params.salt), name)):
        if rows >= params.rows:
            break
        taken.add(group)
        rows += sizes[group]
    draft.count_in(rows)
    return draft.seal_examples(row for row in draft.peek(source) if row.group_id in taken)


STAGE = Stage("subset", version=1, produces=Examples, body=_write)
