"""A set whose answers do not come from their inputs is refused, and says so to who brought it."""

import dataclasses
from types import SimpleNamespace

import pytest
import yaml

from tests.made_rows import chat
from tunesmith.artifacts import Examples
from tunesmith.errors import Unready
from tunesmith.looking import look
from tunesmith.recipe import DropLimits
from tunesmith.records import Dropped
from tunesmith.stage import Params, Stage
from tunesmith.stages.score import ScoreParams


class NoParams(Params):
    pass


@dataclasses.dataclass(frozen=True)
class Made:
    """So many rows that were kept, flagged, and dropped as ungrounded."""

    kept: int
    flagged: int = 0
    dropped: int = 0

    def rows(self):
        for number in range(self.kept):
            yield chat(f"call {number}", "Fine.", source=f"kept.jsonl:{number}")
        for number in range(self.flagged + self.dropped):
            initials = "abcdefghijklmnopqrstuvwxyz"[number % 26]
            row = chat(
                f"write to customer {number}",
                f"Dear Mr Brown{initials}, call 55501{number:02d}.",
                source=f"made.jsonl:{number}",
                flags=("context",) if number < self.flagged else (),
            )
            if number < self.flagged:
                yield row
            else:
                yield Dropped(source=row.source, reason="grounding", detail="so", row=row)


def looked(store, made, accept=(), minimum_rows=1, **fields):
    def body(params, draft):
        draft.count_in(made.kept + made.flagged + made.dropped)
        return draft.seal_examples(made.rows())

    ref = store.build(Stage("score", 1, Examples, body), NoParams())
    limits = DropLimits(per_check=1.0, total=1.0, minimum_rows=minimum_rows)
    recipe = SimpleNamespace(drops=limits, score=ScoreParams(min_tokens=1, **fields))
    look(recipe, store, {"score": ref}, accept)
    return ref


def test_it_is_refused_and_says_why(store):
    with pytest.raises(Unready) as told:
        looked(store, Made(kept=4, dropped=24))
    message = str(told.value)
    assert "24 of 28 answers (86%)" in message
    assert "made.jsonl:9" in message and "made.jsonl:10:" not in message
    assert "id '5550103'" in message or "number '5550103'" in message
    assert "Brown" not in message
    assert "What to bring" in message
    digest, reason = told.value.look
    assert reason == "grounding"
    (record,) = store.all_records("score")
    assert record["output"]["digest"].startswith(digest), "what is named can be shown"


def test_it_says_what_to_paste_and_offers_the_rest_only_where_there_is_enough_of_it(store):
    with pytest.raises(Unready) as told:
        looked(store, Made(kept=4, dropped=24), required=("markers", "grounding"))
    pasted = str(told.value).split("the recipe needs:\n")[1].split("\nTo go on")[0]
    params = ScoreParams.model_validate(yaml.safe_load(pasted)["score"])
    assert (params.required, params.checks.context.action) == (("markers",), "flag")
    looked(store, Made(kept=4, dropped=24), required=params.required, checks=params.checks)
    assert "with the 4 rows that are left, run again with --accept-drops grounding" in str(told.value)  # fmt: skip
    with pytest.raises(Unready) as none:
        looked(store, Made(kept=4, dropped=25), minimum_rows=5)
    assert "accept" not in str(none.value) and "required: []" in str(none.value)


def test_rows_that_are_only_flagged_count_too(store):
    weighed = {"required": (), "weights": {"grounding": 1.0}, "minimum": 0.0}
    with pytest.raises(Unready, match=r"24 of 28 answers"):
        looked(store, Made(kept=4, flagged=24), **weighed)


@pytest.mark.parametrize(
    ("made", "fields", "accept"),
    [
        (Made(kept=4, dropped=24), {"checks": {"context": "flag"}}, ()),
        (Made(kept=4, dropped=24), {"checks": {"context": "off"}}, ()),
        (Made(kept=4, dropped=24), {"checks": {"context": {"most": 0.9}}}, ()),
        (Made(kept=4, flagged=24), {"required": ()}, ()),
        (Made(kept=4, dropped=24), {}, ("grounding",)),
        (Made(kept=4, dropped=24), {}, ("all",)),
        (Made(kept=1, dropped=19), {}, ()),
        (Made(kept=24, dropped=24), {}, ()),
    ],
)
def test_a_handful_or_a_set_that_is_not_meant_to_be_grounded_passes(store, made, fields, accept):
    looked(store, made, accept, **fields)
