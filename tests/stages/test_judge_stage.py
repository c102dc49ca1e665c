"""A judge's verdicts become scores; one that is missing is None with its reason, never 0."""

import json

import msgspec
import pytest
from pydantic import ValidationError

from tests.made_rows import chat
from tests.scripted_upstream import fails, hangs, raw, says, serving
from tests.toy_stages import given
from tunesmith.artifacts import Predictions, Scores
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, RecipeError, Transient, Unready
from tunesmith.evaluation.endpoint import EndpointParams, Prices, Retries
from tunesmith.evaluation.judge import (
    AgainstParams,
    Claim,
    Comparison,
    Facts,
    JudgingParams,
    Rating,
    Rubric,
    Scale,
    check_same,
    params_for,
)
from tunesmith.evaluation.judge.labels import agreements, read_labels
from tunesmith.evaluation.judge.scores import consistent, preferred, rated
from tunesmith.records import Message, Prediction, Score, ToolCall
from tunesmith.stages.judge import AGAINST, KEPT_TOGETHER, LABELLED, STAGE
from tunesmith.store import Store

RUBRIC = Rubric(
    name="mail",
    scale=Scale(lowest=1, highest=5),
    absolute="Rate it. Ticket: {input} Reply: {answer}",
    pairwise="Choose. Ticket: {input} One: {answer_a} Other: {answer_b}",
)
SOON = {"retry_after_ms": "1"}
CLAIM = {"said": "came", "verdict": "supported", "quote": "came"}


@pytest.fixture
def upstream():
    with serving(judges) as server:
        yield server


def judges(handler, body):
    """Score 4, find one claim that holds and one that does not, and choose the better answer."""
    asked = body["messages"][-1]["content"]
    if "Choose." in asked:
        better = "A" if asked.index("good") < asked.index("bad") else "B"
        reply = {"reason": "kinder", "better": better}
    elif "Rate it." in asked:
        reply = {"reason": "kind", "score": 4}
    else:
        invented = {"said": "Bonn", "verdict": "not_in_input", "quote": ""}
        reply = {"claims": [CLAIM, invented]}
    says(json.dumps(reply))(handler, body)


def rows(count):
    return [chat(f"Parcel {n} came.", source=f"rows.jsonl:{n + 1}") for n in range(count)]


def answers(examples, text="Parcel came to Bonn."):
    return [
        Prediction(
            row_id=row.row_id, group_id=row.group_id, prompt_digest="d",
            output=text if isinstance(text, str) else text(n), finish_reason="stop",
            prompt_tokens=1, completion_tokens=1,
        )
        for n, row in enumerate(examples)
    ]  # fmt: skip


def judging(upstream, kind=JudgingParams, endpoint=None, **fields):
    at = {"base_url": upstream.url, "model": "judge-1", "retries": Retries(attempts=2)}
    given = {"rubric": RUBRIC, "subjects": {"candidate": ("mine", "owner/Base-1B")}, **fields}
    return kind(endpoint=EndpointParams(**{**at, **(endpoint or {})}), **given)


def build(store, upstream, examples, made=None, scores=None, **fields):
    predictions = given(store, made or answers(examples), Predictions)
    params = judging(upstream, **fields)
    ref = store.build(STAGE, params, given(store, examples), predictions, scores)
    return list(store.rows(ref, Score))


def record(store):
    return max(store.all_records("judge"), key=lambda found: found["created"])


def test_verdicts_join_the_scores_of_the_same_answers(store, upstream):
    examples = rows(3)
    measured = [
        Score(row_id=row.row_id, group_id=row.group_id, values={"grounding": 1.0},
              evidence={"grounding": "why"})
        for row in examples
    ]  # fmt: skip
    prices = {"prices": Prices(input=1, output=1)}
    found = build(store, upstream, examples, scores=given(store, measured, Scores), endpoint=prices)
    assert [score.row_id for score in found] == [row.row_id for row in examples]
    assert found[0].values == {"grounding": 1.0, "rubric": 0.75, "factual_consistency": 0.5}
    assert found[0].evidence == {
        "grounding": "why",
        "rubric": "4 of 1 to 5: kind",
        "factual_consistency": "1 of 2 claims supported\nnot in the input: 'Bonn'",
    }
    notes = record(store)["notes"]
    facts = notes["judge"]["facts"]
    assert (facts["model"], facts["served"], facts["rubric"]) == ("judge-1", ["small-1"], "mail")
    assert facts["prompt_digest"] == RUBRIC.prompt_digest("facts")
    assert facts["decoding"]["temperature"] == 0
    assert notes["asked"]["absolute"]["tokens"] == {"prompt": 21, "completion": 9}
    assert notes["asked"]["absolute"]["cost"]["amount"] == pytest.approx(30e-6)
    assert "warnings" not in notes


def test_each_answer_is_judged_on_its_own_example(store, upstream):
    examples = rows(3)

    def same_parcel(handler, body):
        asked = body["messages"][-1]["content"]
        right = any(asked.count(f"Parcel {n} came.") == 2 for n in range(3))
        says(json.dumps({"reason": "", "score": 5 if right else 1}))(handler, body)

    upstream.answer = same_parcel
    made = list(reversed(answers(examples, lambda n: f"Parcel {n} came.")))
    found = build(store, upstream, examples, made, tasks=("absolute",))
    assert [score.row_id for score in found] == [answer.row_id for answer in made]
    assert [score.values["rubric"] for score in found] == [1.0] * 3


BROKEN = {
    "words": says("I would give it a 4."),
    "empty": says(""),
    "off the scale": says('{"reason": "", "score": 9}'),
    "made-up quotation": says('{"claims": [{"said": "no", "verdict": "supported", "quote": "x"}]}'),
    "too long": fails(400, "context is 4096 tokens"),
    "withheld": says("", choices=[{"message": {"content": ""}, "finish_reason": "content_filter"}]),
}


@pytest.mark.parametrize("step", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("task", ["absolute", "facts"])
def test_a_missing_verdict_is_none_and_says_why(store, upstream, step, task):
    upstream.told(step)
    one_at_a_time = {"concurrency": 1}
    found = build(store, upstream, rows(3), tasks=(task,), repeats=0, endpoint=one_at_a_time)
    name = {"absolute": "rubric", "facts": "factual_consistency"}[task]
    assert [score.values[name] is None for score in found] == [True, False, False]
    assert found[0].evidence[name].startswith(("missing: broken reply: ", "missing: refused: "))
    notes = record(store)["notes"]
    assert notes["missing"] == {name: {found[0].evidence[name].removeprefix("missing: "): 1}}
    assert notes["warnings"] == [f"{name}: 1 of 3 verdicts are missing, and count in no figure"]


def test_a_judge_that_never_makes_sense_is_no_measurement_and_is_asked_again(store, upstream):
    upstream.told(*[says("no idea")] * 3)
    with pytest.raises(Unready, match="no usable verdict on any of 3 answers; the first: broken"):
        build(store, upstream, rows(3), tasks=("absolute",), repeats=0)
    assert list(store.all_records("judge")) == []
    found = build(store, upstream, rows(3), tasks=("absolute",), repeats=0)
    assert [score.values["rubric"] for score in found] == [0.75] * 3


DOWN = {
    "fails": fails(503, **SOON), "rate-limits": fails(429, **SOON), "stalls": hangs,
    "rubbish": raw(b"<html>ok</html>", "text/html"),
}  # fmt: skip


@pytest.mark.parametrize("step", DOWN.values(), ids=DOWN)
def test_an_endpoint_that_is_down_ends_the_run_and_the_next_goes_on(
    store, upstream, tmp_path, step
):
    examples = rows(KEPT_TOGETHER + 4)
    upstream.told(*[judges] * (KEPT_TOGETHER + 1), step, step)
    one_by_one = {"concurrency": 1, "total_seconds": 2 if step is hangs else 60}
    fields = {"tasks": ("absolute",)}
    with pytest.raises(Transient, match=f"{KEPT_TOGETHER + 1} of {len(examples)} answers are kept"):
        build(store, upstream, examples, endpoint=one_by_one, **fields)
    assert list(store.all_records("judge")) == []
    before = len(upstream.requests)
    build(store, upstream, examples, **fields)
    assert len(upstream.requests) - before == 3
    other = Store(str(tmp_path / "other"))
    build(other, upstream, examples, **fields)
    assert record(other)["output"] == record(store)["output"]


# Who may judge


@pytest.mark.parametrize("name", ["owner/base-1b", "Base-1B-GGUF", "mine"])
def test_a_judge_that_is_the_candidate_or_its_base_is_refused_before_it_is_asked(
    store, upstream, name
):
    with pytest.raises(RecipeError, match="is the candidate"):
        build(store, upstream, rows(1), endpoint={"model": name})
    assert upstream.requests == []


def test_an_alias_that_leads_to_the_candidate_is_refused_by_what_was_served(store, upstream):
    with pytest.raises(RecipeError, match="'small-1' is the base"):
        build(store, upstream, rows(1), subjects={"base": ("small-1",)})
    assert list(store.all_records("judge")) == []


def test_another_judge_is_another_measurement_and_another_way_to_it_is_not(store, upstream):
    examples = rows(1)
    refs = given(store, examples), given(store, answers(examples), Predictions), None
    key = STAGE.key(judging(upstream), *refs)
    assert STAGE.key(judging(upstream, endpoint={"concurrency": 1, "key": "K"}), *refs) == key
    told = RUBRIC.model_copy(update={"absolute": "Be strict. {answer}"})
    others = [
        {"endpoint": {"model": "judge-2"}}, {"endpoint": {"temperature": 1}},
        {"endpoint": {"base_url": "https://other/v1"}}, {"rubric": told}, {"max_tokens": 99},
    ]  # fmt: skip
    keys = {STAGE.key(judging(upstream, **fields), *refs) for fields in others}
    assert len(keys | {key}) == len(others) + 1


def test_whose_answers_they_are_changes_no_key_and_is_checked_all_the_same(upstream):
    named = judging(upstream, subjects={"champion": ("yours",)})
    assert STAGE.key(named) == STAGE.key(judging(upstream))
    with pytest.raises(RecipeError, match="is the champion"):
        params_for(named, ["rubric"], {"champion": ("judge-1",)})


def test_a_judge_is_asked_for_the_metrics_that_are_its_own(upstream):
    spec = judging(upstream, tasks=("absolute",))
    kin = {"base": ("b",)}
    assert params_for(spec, ["format", "factual_consistency"], kin).asked == ("facts",)
    both = params_for(spec, ["factual_consistency", "grounding", "rubric"], kin)
    assert both.asked == ("absolute", "facts")
    assert params_for(spec, ["format"], kin) is params_for(None, ["format"], kin) is None
    with pytest.raises(RecipeError, match="judge: is missing; rubric can only be measured by one"):
        params_for(None, ["rubric"], kin)


def test_the_reference_says_who_judged(store, upstream):
    examples = rows(2)
    refs = given(store, examples), given(store, answers(examples), Predictions), None
    ref = store.build(STAGE, judging(upstream), *refs)
    assert ref.judged_by == ("small-1 (schema)",)
    assert store.find(STAGE, judging(upstream), *refs) == ref


def test_verdicts_of_two_judges_under_one_name_are_not_compared():
    def by(*names):
        return Scores(digest="d", rows=1, judged_by=names)

    same = {"base test": by("a"), "candidate test": by("a"), "champion test": by()}
    check_same({**same, "base golden": by("b"), "candidate golden": by("b")})
    with pytest.raises(Unready, match="base golden by b; candidate golden by a. .*rebuild judge"):
        check_same({**same, "base golden": by("b"), "candidate golden": by("a")})


# What goes together


def test_scores_and_examples_of_other_answers_are_refused(store, upstream):
    examples = rows(2)
    measured = [Score(row_id="x", group_id="g", values={"grounding": 1.0})]
    with pytest.raises(InputError, match="are not of predictions"):
        build(store, upstream, examples, scores=given(store, measured, Scores))
    predictions = given(store, answers(examples), Predictions)
    with pytest.raises(InputError, match="lack 1 of 2 rows that were answered"):
        store.build(STAGE, judging(upstream), given(store, examples[:1]), predictions, None)


def test_a_rubric_without_the_template_is_refused(upstream):
    facts_only = Rubric(name="facts")
    with pytest.raises(ValidationError, match="has no 'absolute' template"):
        judging(upstream, rubric=facts_only, tasks=("absolute",))
    with pytest.raises(ValidationError, match="has no 'pairwise' template"):
        judging(upstream, AgainstParams, rubric=facts_only)
    assert judging(upstream, rubric=facts_only).asked == ("facts",)


def test_where_the_expected_answer_only_calls_tools_nothing_is_judged(store, upstream):
    calls = (Message("assistant", "", tool_calls=(ToolCall("1", "find", "{}"),)),)
    speaks = (Message("assistant", "I look.", tool_calls=(ToolCall("1", "find", "{}"),)),)
    asked = rows(3)
    examples = [
        msgspec.structs.replace(row, row_id=f"r{n}", messages=(*row.prompt, *last))
        for n, (row, last) in enumerate(
            zip(asked, (calls, speaks, asked[2].messages[-1:]), strict=True)
        )
    ]
    made = answers(examples, lambda n: 'Came to Bonn. <tool_call>{"name": "find"}</tool_call>')
    found = build(store, upstream, examples, made)
    assert found[0].values == {"rubric": None, "factual_consistency": None}
    assert found[0].evidence["rubric"] == "the expected answer is a call of a tool"
    assert found[1].values == found[2].values == {"rubric": 0.75, "factual_consistency": 0.5}
    assert [("tool_call" in str(body["messages"])) for body in upstream.requests].count(True) == 2
    assert "missing" not in record(store)["notes"]
    ref = store.build(
        AGAINST,
        judging(upstream, AgainstParams),
        given(store, examples),
        given(store, answers(examples, "good"), Predictions),
        given(store, answers(examples, "bad"), Predictions),
    )
    assert [row.values["preferred"] for row in store.rows(ref, Score)] == [None, 1.0, 1.0]


# People


def labelled(tmp_path, *lines, name="labels.jsonl"):
    (tmp_path / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return gather([name], tmp_path)


def test_a_judge_s_values_stand_beside_those_of_people(store, upstream, tmp_path):
    files = labelled(
        tmp_path,
        {"input": "Parcel came.", "answer": "It came.", "score": 5, "consistent": True},
        {"input": "Parcel came.", "answer": "It came to Bonn.", "score": None, "consistent": False},
        {"input": "Parcel came.", "answer": "Nobody knows.", "score": None, "consistent": None},
    )
    ref = store.build(LABELLED, judging(upstream), files)
    first, second = store.rows(ref, Score)
    assert first.values == {
        "rubric": 0.75, "rubric_by_people": 1.0,
        "factual_consistency": None, "factual_consistency_by_people": 1.0,
    }  # fmt: skip
    assert second.values.keys() == {"factual_consistency", "factual_consistency_by_people"}
    assert second.values["factual_consistency_by_people"] == 0.0
    # One score, and twice facts: "Bonn" is in one answer only, so that of the other is asked thrice.
    assert len(upstream.requests) == 1 + 3 + 1
    found = agreements(list(store.rows(ref, Score)), RUBRIC.scale)
    assert (found["rubric"].table[3][4], found["rubric"].labelled) == (1, 1)
    assert (found["factual_consistency"].missing, found["factual_consistency"].labels) == (
        1, ("no", "yes"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ({"input": "i", "answer": "a", "score": 6}, "line 2: score 6; expected a whole number from 1"),
        ({"input": "i", "answer": "a", "score": "4"}, "line 2: Expected `int | null`"),
        ({"input": "i", "answer": "a", "Score": 4}, "line 2: .*unknown field `Score`"),
        ({"input": "q", "answer": "a", "score": 1}, "line 2: the answer of line 1, labelled other"),
        ({"answer": "a", "score": 1}, "line 2: .*missing required field `input`"),
    ],
)  # fmt: skip
def test_a_wrong_label_is_told_with_its_line(tmp_path, line, match):
    labelled(tmp_path, {"input": "q", "answer": "a", "score": 2}, line)
    with pytest.raises(InputError, match=match):
        read_labels(tmp_path / "labels.jsonl", RUBRIC.scale)


def test_a_file_without_a_label_is_told(tmp_path):
    labelled(tmp_path, {"input": "q", "answer": "a", "score": None})
    with pytest.raises(InputError, match="nothing is labelled; set score or consistent"):
        read_labels(tmp_path / "labels.jsonl", RUBRIC.scale)


@pytest.mark.parametrize(
    ("share", "label"), [(0.0, "no"), (0.66, "no"), (0.99, "no"), (1.0, "yes"), (None, None)]
)
def test_one_claim_without_support_is_enough_for_a_no(share, label):
    values = {"factual_consistency": share, "factual_consistency_by_people": 1.0}
    row = Score(row_id="r", group_id="r", values=values)
    sure = Score(row_id="s", group_id="s", values={
        "factual_consistency": 1.0, "factual_consistency_by_people": 1.0,
    })  # fmt: skip
    table = agreements([row, sure], RUBRIC.scale)["factual_consistency"].table
    assert table == {"no": ((0, 1), (0, 1)), "yes": ((0, 0), (0, 2)), None: ((0, 0), (0, 1))}[label]


# Two models


def against(store, upstream, one, other, **fields):
    examples = rows(3)
    ref = store.build(
        AGAINST,
        judging(upstream, AgainstParams, **fields),
        given(store, examples),
        given(store, answers(examples, one), Predictions),
        given(store, list(reversed(answers(examples, other))), Predictions),
    )
    return list(store.rows(ref, Score))


def test_two_models_are_compared_in_both_orders(store, upstream):
    found = against(
        store, upstream, lambda n: "bad" if n == 0 else "good",
        lambda n: "good" if n == 0 else "bad",
    )  # fmt: skip
    assert [score.values["preferred"] for score in found] == [0.0, 1.0, 1.0]
    assert found[1].evidence["preferred"] == "in order: first: kinder\nswapped: first: kinder"
    assert len(upstream.requests) == 6
    notes = record(store)["notes"]
    assert notes["chosen"] == {"first": 2, "tie": 0, "second": 1}
    assert "position_bias" not in notes


def test_a_judge_that_goes_by_the_order_chooses_nobody_and_is_told_so(store, upstream):
    upstream.answer = says('{"reason": "", "better": "A"}')
    found = against(store, upstream, "good", "bad")
    assert [score.values["preferred"] for score in found] == [0.5] * 3
    assert record(store)["notes"]["position_bias"]["estimate"] == 1.0


def test_a_comparison_with_half_a_verdict_is_missing(store, upstream):
    upstream.told(says('{"reason": "", "better": "A"}'), says("no idea"))
    found = against(store, upstream, "good", "bad", repeats=0, endpoint={"concurrency": 1})
    assert [score.values["preferred"] for score in found] == [None, 1.0, 1.0]
    assert found[0].evidence["preferred"] == "missing: broken reply: no JSON object"


def test_models_that_answered_different_examples_are_not_compared(store, upstream):
    examples = rows(2)
    predictions = [
        given(store, answers(some), Predictions) for some in (examples, examples[:1])
    ]  # fmt: skip
    with pytest.raises(InputError, match="answer different examples"):
        store.build(AGAINST, judging(upstream, AgainstParams), given(store, examples), *predictions)


# From verdict to value


def test_values_are_0_to_1_and_only_a_missing_verdict_is_none():
    scale = Scale(lowest=-2, highest=2)
    assert [rated(Rating(score=score), scale).value for score in (-2, 0, 2)] == [0.0, 0.5, 1.0]
    assert rated(Rating(score=None, missing="why"), scale) == (None, "missing: why")
    claims = tuple(Claim("s", verdict, "q") for verdict in ("supported", "contradicted"))
    found = consistent(Facts(claims=claims), "text")
    assert found == (0.5, "1 of 2 claims supported\ncontradicted: 's'; the input says 'q'")
    assert consistent(Facts(claims=()), "Thanks!") == (1.0, "claims nothing")
    assert consistent(Facts(claims=()), " \n") == (0.0, "a blank answer")
    assert consistent(Facts(claims=None, missing="why"), "") == (None, "missing: why")
    assert preferred(Comparison(winner=None, missing="why")) == (None, "missing: why")
    assert preferred(Comparison(winner="tie", orders=("first", "second"))).value == 0.5
