"""Drop copies, and whatever comes too near to a set that must stay unseen.

Reads `Examples` and the fenced `Examples` (the golden set), writes the kept rows in input order.

| reason | the row |
|---|---|
| fence | shares its group with a fenced row, or is a near copy of one (its input, or the whole) |
| exact_copy | has the same text as an earlier row |
| near_copy | is a near copy of an earlier kept row |

Rows are taken in order and each is compared with the rows kept before it, so rows that are
appended later never change what became of earlier ones. A cluster's kept row has the group id of
its first member, whichever member is kept: otherwise a better copy, next quarter, could carry a
test row to the training side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from pydantic import Field

from tunesmith.artifacts import Examples
from tunesmith.draft import Draft
from tunesmith.records import ChatExample, Dropped
from tunesmith.stage import Params, Stage


class DedupParams(Params):
    """What counts as a copy, and which one stays."""

    threshold: float = Field(
        0.8,
        ge=0.5,
        le=1,
        description=(
            "Jaccard similarity of word 3-grams from which two rows are near copies; 0.8 is "
            "about 2.5 % of the words edited, 0.7 about 5 %."
        ),
    )
    keep: Literal["best", "first"] = Field(
        "best",
        description="Of a row and its copies, keep the one of highest quality, or the first.",
    )


@dataclass
class _Leader:
    """A row that is kept for itself and the copies that follow it."""

    position: int
    copies: list[int] = field(default_factory=list)


def dedup(
    rows: Sequence[ChatExample], fences: Sequence[ChatExample], params: DedupParams
) -> Iterator[ChatExample | Dropped]:
    """Pass each row on, or mark it dropped; every input row comes out once, in order."""
    dropped = _behind_fence(rows, fences, params.threshold)
    free = [position for position in range(len(rows)) if position not in dropped]
    kept: dict[int, ChatExample] = {}
    for leaders in _components([_whole(rows[position]) for position in free], params.threshold):
        for leader in leaders:
            members = [free[leader.position], *(free[copy] for copy in leader.copies)]
            # Where clusters touch, only first members are known to be apart from one another.
            choose = params.keep == "best" and len(leaders) == 1
            best = (
                max(members, key=lambda at: (rows[at].quality or 0, -at)) if choose else members[0]
            )
            kept[best] = msgspec.structs.replace(rows[best], group_id=rows[members[0]].group_id)
            for member in members:
                if member != best:
                    dropped[member] = _copy(rows[member], rows[best])
    for position in range(len(rows)):
        yield dropped[position] if position in dropped else kept[position]


def _behind_fence(
    rows: Sequence[ChatExample], fences: Sequence[ChatExample], threshold: float
) -> dict[int, Dropped]:
    from tunesmith.data.near_duplicates import matches

    groups = {row.group_id: row for row in fences}
    found: dict[int, Dropped] = {}
    for position, row in enumerate(rows):
        if row.group_id in groups:
            found[position] = _drop(row, "fence", f"same group as {groups[row.group_id].source}")
    for part, name in ((_whole, "row"), (_asked, "input")):
        near = matches([part(row) for row in rows], [part(row) for row in fences], threshold)
        for position, other in enumerate(near):
            if other is not None and position not in found:
                source = fences[other].source
                found[position] = _drop(rows[position], "fence", f"near copy of {name} {source}")
    return found


def _components(texts: Sequence[str], threshold: float) -> Iterator[list[_Leader]]:
    """Yield the leaders of each connected component of near copies, with their copies."""
    from tunesmith.data.near_duplicates import cluster, similarity

    members: dict[int, list[int]] = {}
    for position, number in enumerate(cluster(texts, threshold)):
        members.setdefault(number, []).append(position)
    for positions in members.values():
        leaders: list[_Leader] = []
        for position in positions:
            text = texts[position]
            for leader in leaders:
                if similarity(text, texts[leader.position]) >= threshold:
                    leader.copies.append(position)
                    break
            else:
                leaders.append(_Leader(position))
        yield leaders


def _copy(row: ChatExample, kept: ChatExample) -> Dropped:
    same = _whole(row).split() == _whole(kept).split()
    name, what = ("exact_copy", "same text as") if same else ("near_copy", "near copy of")
    return _drop(row, name, f"{what} {kept.source}")


def _drop(row: ChatExample, reason: str, detail: str) -> Dropped:
    return Dropped(source=row.source, reason=reason, detail=detail, row=row)


def _whole(row: ChatExample) -> str:
    """The text that is compared: all but the system prompt, which rows share."""
    return "\n".join(message.content for message in row.messages if message.role != "system")


def _asked(row: ChatExample) -> str:
    return "\n".join(message.content for message in row.prompt if message.role != "system")


def _write(
    params: DedupParams, draft: Draft, source: Examples, fences: tuple[Examples, ...]
) -> Examples:
    fenced = [row for ref in fences for row in draft.peek(ref)]
    return draft.seal_examples(dedup(list(draft.rows(source)), fenced, params))


STAGE = Stage("dedup", version=1, produces=Examples, body=_write)
