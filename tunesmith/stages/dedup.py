"""Drop copies, and whatever comes too near to a set that must stay unseen.

Reads `Examples` and the fenced `Examples` (the golden set), writes the kept rows in input order.

| reason | the row |
|---|---|
| fence | shares its group with a fenced row, or is a near copy of one (its input, or the whole), \
or of a row that is dropped for that |
| exact_copy | has the same text as the row that is kept in its place |
| near_copy | is a near copy of an earlier row, kept or not |

Rows are taken in order, and each joins the earliest row that it is a near copy of. What so joins
is a family, of which one row is kept, with the group id of the family's first row. Rows that are
appended later never change the family or the side of earlier ones. Otherwise a better copy, or a
copy of a copy, could next quarter carry into the test set what was trained on this quarter.
"""

from collections.abc import Iterator, Sequence
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


def dedup(
    rows: Sequence[ChatExample], fences: Sequence[ChatExample], params: DedupParams
) -> Iterator[ChatExample | Dropped]:
    """Pass each row on, or mark it dropped; every input row comes out once, in order."""
    from tunesmith.data.near_duplicates import cluster

    texts = [_whole(row) for row in rows]
    clusters: dict[int, list[int]] = {}
    for position, number in enumerate(cluster(texts, params.threshold)):
        clusters.setdefault(number, []).append(position)
    dropped = _behind_fence(rows, fences, params.threshold)
    kept: dict[int, ChatExample] = {}
    for positions in clusters.values():
        fenced = next((at for at in positions if at in dropped), None)
        if fenced is not None:
            for at in positions:
                detail = f"linked by near copies to {rows[fenced].source}, which is dropped for it"
                dropped.setdefault(at, _drop(rows[at], "fence", detail))
            continue
        families = _families(positions, texts, params.threshold)
        for family in families:
            # Where families touch, only their first rows are known to be apart from one another.
            choose = params.keep == "best" and len(families) == 1
            best = max(family, key=lambda at: (rows[at].quality or 0, -at)) if choose else family[0]
            kept[best] = msgspec.structs.replace(rows[best], group_id=rows[family[0]].group_id)
            for at in family:
                if at != best:
                    dropped[at] = _copy(rows[at], rows[best])
    for position in range(len(rows)):
        yield dropped[position] if position in dropped else kept[position]


def _behind_fence(
    rows: Sequence[ChatExample], fences: Sequence[ChatExample], threshold: float
) -> dict[int, Dropped]:
    """Find the rows that are fenced by themselves."""
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


def _families(positions: Sequence[int], texts: Sequence[str], threshold: float) -> list[list[int]]:
    """Divide a cluster: each row joins the family of the earliest row that it is a near copy of."""
    from tunesmith.data.near_duplicates import similarity

    family_of: dict[int, list[int]] = {}
    for at in positions:
        near = (e for e in family_of if similarity(texts[at], texts[e]) >= threshold)
        earliest = next(near, None)
        family = [] if earliest is None else family_of[earliest]
        family.append(at)
        family_of[at] = family
    return [family for at, family in family_of.items() if family[0] == at]


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
