"""Failures are sorted by rules: a planted mix comes back, and each rule holds where it should."""

import itertools

import pytest

from tests.advice.planted import PARAMS, Maker, judged, planted
from tests.made_rows import chat
from tunesmith.advice.failures import FEWEST, Standard, sort_failures
from tunesmith.advice.training import Training
from tunesmith.records import LabelExample, Score, ToolCall
from tunesmith.stages.evaluate import EvaluateParams

KINDS = ("format", "terminology", "fact", "ambiguous", "out of distribution")
NO_TRAINING = Training([])


@pytest.mark.parametrize("kinds", [*itertools.combinations(KINDS, 3)], ids=", ".join)
def test_a_planted_mix_is_recovered_within_ten_points(kinds):
    shares = dict(zip(kinds, (35, 40, 25), strict=True))
    found = planted(shares, seed=len(",".join(kinds)))
    assert (found.answers, found.failed, len(found.failures)) == (140, 100, 100)
    for kind in (*KINDS, "other"):
        share = found.share(kind)
        assert abs(share.estimate - shares.get(kind, 0) / 100) <= 0.1, kind
        assert share.low <= share.estimate <= share.high


def test_fewer_than_fifty_failures_are_not_enough():
    assert not planted({"fact": FEWEST - 1}, seed=3, right=10).enough
    assert planted({"fact": FEWEST}, seed=3, right=10).enough


def test_right_answers_are_no_failures():
    assert planted({}, seed=3).failures == ()


def test_only_the_first_failure_of_a_group_counts():
    maker = Maker(4)
    rows = [maker.wrong("fact", number) for number in range(6)]
    one = [judged([row])[0] for row in rows]
    together = [
        item._replace(example=_regrouped(item.example, "same" if at < 4 else str(at)))
        for at, item in enumerate(one)
    ]
    found = sort_failures(together, Standard("exact_match"), NO_TRAINING)
    assert (found.failed, len(found.failures)) == (6, 3)
    assert found.failures[0].judged is together[0]


def _regrouped(example, group):
    import msgspec

    return msgspec.structs.replace(example, group_id=group)


def test_examples_are_the_first_of_a_kind():
    found = planted({"fact": 20, "format": 20}, seed=5)
    shown = found.examples("fact")
    assert len(shown) == 3
    assert {failure.kind for failure in shown} == {"fact"}


def test_too_few_training_rows_are_told_and_nothing_is_far_off():
    maker = Maker(6)
    rows = judged([maker.wrong("out of distribution", number) for number in range(6)])
    found = sort_failures(rows, Standard("exact_match"), maker.training(199))
    assert "199 training rows" in found.left_out[0]
    assert "out of distribution" not in {failure.kind for failure in found.failures}


TICKET = "Order 77 was lost. We sent the espresso grinder again on 3 May."
ANSWER = "Subject: Order 77\nWe sent the espresso grinder again on 3 May."


def sorted_kind(example, output, *, finish="stop", params=PARAMS, labels=(), others=()):
    """The kind of one failure."""
    rows = judged([(example, output), *others], params)
    rows[0] = rows[0]._replace(prediction=_ended(rows[0].prediction, finish))
    standard = Standard(params.primary, None, labels)
    failure, *_ = sort_failures(rows, standard, NO_TRAINING).failures
    assert failure.judged is rows[0]
    return failure.kind, failure.why


def _ended(prediction, finish):
    import msgspec

    return msgspec.structs.replace(prediction, finish_reason=finish)


FORM = EvaluateParams(
    metrics=("format", "grounding", "markers", "exact_match"),
    primary="exact_match",
    format="Subject: ",
)
FREE = EvaluateParams(metrics=("exact_match",), primary="exact_match")


@pytest.mark.parametrize(
    ("output", "finish", "params", "kind", "why"),
    [
        ("", "stop", FORM, "format", "empty"),
        ("We sent the grinder.", "stop", FORM, "format", "format: of another form"),
        (ANSWER[:-6], "length", FORM, "format", "cut off"),
        (f"{ANSWER} It costs $40.", "stop", FORM, "fact", "grounding: number '$40'"),
        (f"{ANSWER} It costs $40.", "stop", FREE, "fact", "states number '$40'"),
        ("Subject: Order 77\nWe sent the espresso grinder again.", "stop", FORM, "fact", "leaves"),
        (f"{ANSWER} As an AI, I hope so.", "stop", FORM, "terminology", "markers: as an ai"),
        ("Subject: Order 77\nOn 3 May it left us once more.", "stop", FORM, "terminology", "lacks"),
        (f"{ANSWER} Bye.", "stop", FORM, "other", "no rule"),
    ],
)
def test_an_answer_goes_to_the_first_kind_that_fits(output, finish, params, kind, why):
    found = sorted_kind(chat(TICKET, ANSWER), output, finish=finish, params=params)
    assert found[0] == kind
    assert why in found[1]


def test_a_right_answer_that_the_input_does_not_support_is_the_inputs_fault():
    example = chat("Where is my order?", "Subject: Order 77\nIt left on 3 May.")
    assert sorted_kind(example, "Subject: We do not know", params=FORM)[0] == "ambiguous"
    # Where nobody asked for grounding, the model is meant to know.
    assert sorted_kind(example, "We do not know", params=FREE)[0] == "fact"


def test_rows_that_contradict_each_other_are_ambiguous():
    one, other = (chat("How much is shipping to Oslo?", f"It is ${n}.") for n in (5, 9))
    kind, why = sorted_kind(one, "It is $7.", params=FREE, others=[(other, "It is $9.")])
    assert (kind, why) == ("ambiguous", "another answer to this input says amounts against those")
    alone = sorted_kind(one, "It is $7.", params=FREE)
    assert alone[0] == "fact"


def test_a_row_that_dedup_flagged_is_ambiguous():
    example = chat(TICKET, ANSWER, flags=("contradiction",))
    assert sorted_kind(example, f"{ANSWER} Bye.")[0] == "ambiguous"


@pytest.mark.parametrize(("asked", "kind"), [("grinder?", "ambiguous"), ("lost grinder", "other")])
def test_an_input_of_one_word_is_ambiguous(asked, kind):
    assert sorted_kind(chat(asked, "Yes, indeed."), "Well, yes.", params=FREE)[0] == kind


def label(text, name, row="1"):
    return LabelExample(
        row_id=row, group_id=row, source="a.jsonl:1", origin="human", text=text, label=name
    )


@pytest.mark.parametrize(
    ("output", "kind", "why"),
    [
        ("I would say it depends", "format", "no label"),
        ("refund", "terminology", "another label: refund"),
    ],
)
def test_a_wrong_label_uses_the_tasks_words_wrongly_and_no_label_has_no_form(output, kind, why):
    params = EvaluateParams(
        metrics=("label_accuracy",), primary="label_accuracy", labels=("refund", "delivery")
    )
    example = label("My parcel is late again", "delivery")
    found = sorted_kind(example, output, params=params, labels=("refund", "delivery"))
    assert found[0] == kind
    assert why in found[1]


def call(arguments):
    return '<tool_call>{"name": "find", "arguments": ' + arguments + "}</tool_call>"


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("I will look.", "format"),
        (call("{"), "format"),
        (call('{"order": 78}'), "fact"),
    ],
)
def test_a_call_that_cannot_be_read_has_no_form_and_a_wrong_one_is_wrong(output, kind):
    import msgspec

    params = EvaluateParams(metrics=("tool_call",), primary="tool_call")
    example = chat("Find order 77 please", "")
    *before, answer = example.messages
    calls = (ToolCall(id="1", name="find", arguments='{"order": 77}'),)
    answer = msgspec.structs.replace(answer, tool_calls=calls)
    example = msgspec.structs.replace(example, messages=(*before, answer))
    assert sorted_kind(example, output, params=params)[0] == kind


def scored(**values):
    return Score(row_id="1", group_id="1", values=values)


@pytest.mark.parametrize(
    ("primary", "target", "values", "fails"),
    [
        ("grounding", None, {"grounding": 0.0}, True),
        ("grounding", None, {"grounding": 1.0, "format": 0.0}, True),
        ("grounding", None, {"grounding": 1.0, "format": None, "overlap": 0.0}, False),
        ("overlap", None, {"overlap": 0.49}, True),
        ("overlap", None, {"overlap": 0.5}, False),
        ("overlap", 0.8, {"overlap": 0.79}, True),
        ("overlap", 0.3, {"overlap": 0.31}, False),
        ("repetition", 0.2, {"repetition": 0.21}, True),
        ("repetition", 0.2, {"repetition": 0.2}, False),
        ("repetition", None, {"repetition": None}, False),
    ],
)
def test_an_answer_fails_by_any_no_or_by_the_primary_metric(primary, target, values, fails):
    assert Standard(primary, target).fails(scored(**values)) == fails
