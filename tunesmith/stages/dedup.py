"""Drop copies, and whatever comes too near to a set that must stay unseen.

Reads `Examples` and the fenced `Examples` (the golden set, benchmarks), writes the kept rows in
input order.

| reason | the row |
|---|---|
| fence | shares its group with a fenced row, or is a near copy of one (its input, or the whole), \
or holds a good part of one, or is a near copy of a row that is dropped for that |
| contradiction | answers the same input as another row in a way that cannot be right as well, or \
is a near copy of such a row; both go, since nobody knows which is right |
| exact_copy | has the same text as the row that is kept in its place |
| near_copy | is a near copy of an earlier row, kept or not: its text is near, and it differs in \
nothing but edits, whatever template they share |

Rows are taken in order, and each joins the earliest row that it is a near copy of. What so joins
is a family, of which one row is kept, with the group id of the family's first row. Rows that are
appended later never change the family or the side of earlier ones. Otherwise a better copy, or a
copy of a copy, could next quarter carry into the test set what was trained on this quarter.

Rows that ask the same and are answered differently stay, and those that come later take the group
of the first, if theirs begins with them: a test question is then not seen in training. How many is
noted as `links`.

The rows are read twice and never held: what is compared lies in a file.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from tunesmith.artifacts import Examples
from tunesmith.records import Dropped, Example
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.data.comparing.copies import Judgement
    from tunesmith.data.comparing.sketches import Collection, Sketcher

Action = Literal["drop", "flag", "off"]


class ContradictionParams(Params):
    """What becomes of rows that contradict another: drop all of them, flag them, or do not look.

    A label that differs on the same text is a fact. Whether two chat answers can both be right is
    judged by rules of thumb, and a preference is somebody's taste; so those are flagged.
    """

    chat: Action = Field("flag", description="Chats.")
    preference: Action = Field("flag", description="Preferences.")
    label: Action = Field("drop", description="Labelled texts.")

    @field_validator("chat", "preference", "label", mode="before")
    @classmethod
    def _off(cls, action: Any) -> Any:
        return "off" if action is False else action  # as YAML reads it without quotes


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
    keep: Literal["best", "newest", "first"] = Field(
        "best",
        description=(
            "Of a row and its copies, keep the one of highest quality, the one written last, or "
            "the first."
        ),
    )
    overlap: float = Field(
        0.5,
        gt=0,
        le=1,
        description=(
            "Share of a fenced row's runs of 8 words (or of its input's) that a row must hold to "
            "count as leaked."
        ),
    )
    contradictions: ContradictionParams = Field(
        ContradictionParams(), description="Rows that cannot both be right."
    )


def dedup(
    rows: Sequence[Example], fences: Sequence[Example], params: DedupParams
) -> Iterator[Example | Dropped]:
    """Pass each row on, or mark it dropped; every input row comes out once, in order."""
    from tunesmith.data.comparing.sketches import Collection

    collection = Collection([], [])
    collection.add(_sketcher(fences, params)(list(rows)))
    return _judge(collection, params).apply(rows)


def _sketcher(fences: Sequence[Example], params: DedupParams) -> "Sketcher":
    from tunesmith.data.comparing.fence import fenced
    from tunesmith.data.comparing.sketches import Sketcher

    return Sketcher(tuple(fenced(row) for row in fences), params.threshold, params.overlap)


def _judge(collection: "Collection", params: DedupParams) -> "Judgement":
    from tunesmith.data.comparing.copies import Judgement, Rules

    actions = params.contradictions
    by_kind: dict[Any, Action] = {
        "chat": actions.chat,
        "preference": actions.preference,
        "label": actions.label,
    }
    return Judgement(collection, Rules(params.threshold, params.keep, by_kind))


def _write(
    params: DedupParams, draft: Draft, source: Examples, fences: tuple[Examples, ...]
) -> Examples:
    from tunesmith.data.comparing.sketches import Collection
    from tunesmith.data.comparing.spooled_texts import SpooledTexts

    fenced = [row for ref in fences for row in draft.peek(ref)]
    folder = draft.scratch()
    with (
        closing(SpooledTexts(folder / "texts")) as texts,
        closing(SpooledTexts(folder / "facts")) as facts,
    ):
        collection = Collection(texts, facts)
        with draft.timed("read"):
            for sketches in draft.survey(source, _sketcher(fenced, params)):
                collection.add(sketches)
        with draft.timed("compare"):
            judgement = _judge(collection, params)
        draft.notes["contradictions"] = judgement.notes()
        draft.notes["links"] = judgement.links()
        return draft.seal_examples(judgement.apply(draft.rows(source)))


STAGE = Stage("dedup", version=3, produces=Examples, body=_write)
