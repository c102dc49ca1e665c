"""The advice as an artifact: what it says of a target, and what it keeps apart."""

import json

import pytest

from tests.made_rows import chat
from tunesmith.advice.document import DOCUMENT, asked_with
from tunesmith.artifacts import Mixture, Predictions, Scores, Split
from tunesmith.commands.forgetting import find, forget
from tunesmith.evaluation.prompting import Prompting
from tunesmith.records import FailedAnswer, Prediction, Score
from tunesmith.stage import Params, Stage
from tunesmith.stages.advise import STAGE, AdviseParams
from tunesmith.store import Store

ROWS = [chat(f"Where is parcel {n}?", f"Parcel {n} is here.", group=f"g{n}") for n in range(80)]
ANSWER = "the words of an answer"


class Named(Params):
    """Tells builds apart."""

    name: str


def build(store, kind, name, body):
    stage = Stage("made", version=1, produces=kind, body=lambda _, draft: body(draft))
    return store.build(stage, Named(name=name))


def scored(store, name, right):
    """Scores of the test rows, of which the first so many are right."""
    rows = [
        Score(row_id=row.row_id, group_id=row.group_id, values={"exact_match": float(n < right)})
        for n, row in enumerate(ROWS)
    ]
    return build(store, Scores, name, lambda draft: draft.seal_rows(Scores, rows))


def predictions(store):
    rows = [
        Prediction(
            row_id=row.row_id, group_id=row.group_id, prompt_digest="p", output=f"{ANSWER} {n}",
            finish_reason="stop", prompt_tokens=40 + n, completion_tokens=5,
        )
        for n, row in enumerate(ROWS)
    ]  # fmt: skip
    return build(store, Predictions, "p", lambda draft: draft.seal_rows(Predictions, rows))


def sealed(draft, rows):
    draft.count_in(len(rows))
    return draft.seal_examples(rows)


def split_of(draft):
    train = [chat(f"Train on {n}", "Yes.") for n in range(120)]
    sides = {"train": train, "validation": train[:5], "test": ROWS}
    refs = {side: sealed(draft, rows) for side, rows in sides.items()}
    return draft.seal_json(Split, "split.json", {}, **refs)


def advise(store, right=40, retrieved=None, **more):
    split = build(store, Split, "split", split_of)
    mixture = build(
        store, Mixture, "mix", lambda d: d.seal_json(Mixture, "mixture.json", {}, train=split.train)
    )
    params = AdviseParams(primary="exact_match", **more)
    given = (predictions(store), scored(store, f"s{right}", right))
    passages = None if retrieved is None else scored(store, f"r{retrieved}", retrieved)
    return store.build(STAGE, params, mixture, split, *given, passages)


@pytest.mark.parametrize(
    ("right", "retrieved", "target", "enough"),
    [
        (80, None, 0.9, "prompt_baseline"),
        (76, None, 0.9, None),  # the mean is above, the interval is not
        (40, None, None, None),
        (80, None, None, None),
        (40, 80, 0.9, "retrieved"),
        (80, 80, 0.9, "prompt_baseline"),  # which takes less
        (40, 70, 0.9, None),
    ],
)
def test_a_baseline_that_reaches_the_target_stops(store, right, retrieved, target, enough):
    made = advise(store, right, retrieved, target=target)
    document = store.json(made, DOCUMENT)
    assert document["enough"] == enough
    assert made.stop == (enough is not None)
    assert (document["target"]["retrieved"] is None) == (retrieved is None)
    if target is None:
        assert "no target" in document["target"]["prompt_baseline"]["reason"]
    method = {"prompt_baseline": "prompt", "retrieved": "retrieve"}
    if enough:
        assert document["method"] == method[enough]


def test_failures_are_rows_and_the_document_holds_no_text_of_one(store):
    made = advise(store, 20)
    rows = list(store.rows(made.failures, FailedAnswer))
    assert [row.row_id for row in rows] == [row.row_id for row in ROWS[20:]]
    assert rows[0].output == f"{ANSWER} 20"
    document = store.json(made, DOCUMENT)
    assert document["failures"]["groups"] == made.failures.rows == 60
    kinds = {item["kind"]: item["count"] for item in document["failures"]["kinds"]}
    assert sum(kinds.values()) == 60
    assert all(kinds[row.kind] for row in rows)
    text = json.dumps(document)
    assert ANSWER not in text and "parcel" not in text.lower()


def test_the_same_again_is_found_and_another_use_is_another_advice(store):
    first = advise(store)
    assert advise(store) == first
    assert len(list(store.all_records("advise"))) == 1
    other = advise(store, use={"stable_months": 1})
    assert (first.stop, other.stop) == (False, False)
    assert store.json(other, DOCUMENT)["rule"] == "unstable" != store.json(first, DOCUMENT)["rule"]
    assert other.failures == first.failures


def test_what_the_recipe_does_not_say_is_unknown(store):
    factors = {one["name"]: one for one in store.json(advise(store), DOCUMENT)["factors"]}
    assert len(factors) == 8
    assert factors["latency"]["direction"] == "unknown"
    assert factors["latency"]["ask"] == "latency: 0.5"
    assert factors["prompt"]["value"] == "80 tokens"  # the median of what was asked
    assert factors["examples"]["value"] == "120 rows"


@pytest.mark.parametrize(
    ("prompting", "said"),
    [
        (Prompting(), "the rows' own system prompt and no examples"),
        (Prompting(shots=1), "the rows' own system prompt and 1 example"),
        (Prompting(system="Be\nshort.", shots=5), "the system prompt “Be short.” and 5 examples"),
        (Prompting(style="steps"), "the rows' own system prompt and no examples, step by step"),
    ],
)
def test_a_prompt_is_named(prompting, said):
    assert asked_with(prompting) == said


def test_a_long_prompt_is_cut():
    said = asked_with(Prompting(system="x" * 500))
    assert len(said) < 120 and "…" in said


def test_a_failure_can_be_forgotten(store):
    made = advise(store, 20)
    gone = ROWS[20].row_id
    found = find(store, gone)
    assert f"failures/{made.failures.digest}" in found.held
    forget(store, found, by="ada", when="2026-11-21", why="she asked")
    fresh = Store(store.url)
    rows = list(fresh.rows(made.failures, FailedAnswer))
    assert gone not in {row.row_id for row in rows}
    assert len(rows) == 59


def test_no_rows_of_examples_are_accounted_for(store):
    advise(store)
    [record] = store.all_records("advise")
    assert record["counts"]["rows_in"] == 0
