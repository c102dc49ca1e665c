"""What every metric keeps to, whatever a model writes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_rows import chat
from tests.made_tone import TONE
from tunesmith.canonical import canonical_row
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.metrics import METRICS, YES_NO, MetricParams, Spec, Value, set_value, spec
from tunesmith.records import LabelExample, Message, Score, ToolCall

PARAMS = MetricParams(
    format="^Dear", labels=("spam", "ham"), sections=("^Subject:",), tone=TONE,
    json_schema='{"type": "object", "required": ["a"]}',
)  # fmt: skip
TOOL = {"type": "function", "function": {"name": "find", "parameters": {}}}
CALL = ToolCall(id="1", name="find", arguments='{"city": "Bern"}')


def calling(said: str, *calls: ToolCall):
    row = chat("Where?", said, tools=(TOOL,))
    return row.__class__(
        **{**{name: getattr(row, name) for name in row.__struct_fields__},
           "messages": (row.messages[0], Message("assistant", said, tool_calls=calls))}
    )  # fmt: skip


ROWS = (
    chat("Ticket 4711 of Ann.", "Dear Ann, ticket 4711 is open."),
    chat("As JSON?", '{"a": 1, "b": [true, null]}'),
    chat("Say nothing.", " "),
    LabelExample(row_id="r", group_id="g", source="s:1", origin="human", text="Buy!", label="spam"),
    calling("", CALL),
    calling("I look it up.", CALL),
    calling("In Bern."),
)
OUTPUTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["", " \n", "spam", '{"a": 1}', '{"a": NaN}', "[" * 200, "\ud83d\ude00", "１２", "\x00", "ß" * 50,
         '<tool_call>{"name": "find", "arguments": {"city": "Bern"}}</tool_call>', "<tool_call>",
         '{"\\ud800": "\\udfff"}', "ha " * 400, "1e999"]
    ),
)  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
@given(output=OUTPUTS, other=OUTPUTS)
@settings(max_examples=60)
def test_values_keep_their_range_and_whether_they_apply_is_up_to_the_example(name, output, other):
    if any("\ud800" <= sign <= "\udfff" for sign in output + other):
        return  # no model's text: it has no UTF-8 form
    for row in ROWS:
        found, again = METRICS[name](row, output, PARAMS), METRICS[name](row, other, PARAMS)
        assert (found.value is None) == (again.value is None)
        if found.value is not None:
            assert math.isfinite(found.value)
            assert METRICS[name].kind == "number" or 0 <= found.value <= 1
            assert name not in YES_NO or found.value in (0.0, 1.0)
        canonical_row(
            Score(
                row_id="r",
                group_id="g",
                values={name: found.value},
                evidence={name: found.evidence},
            )
        )


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, item in METRICS.items()
        if item.better == "higher" and name != "macro_f1" and not item.judged
    ],
)
def test_the_reference_answer_is_best(name):
    answers = {
        "label_accuracy": "spam", "json_valid": '{"a": 2}', "json_schema": '{"a": 2}',
        "fields": '{"a": 2}', "sections": "Subject: Ann\nfine", "tone": TONE.on[0],
    }  # fmt: skip
    row = chat("Ann has ticket 4711.", answers.get(name, "Dear Ann, ticket 4711 is open."))
    if name == "tool_call":
        row, output = (
            calling("", CALL),
            '<tool_call>{"name": "find", "arguments": {"city": "Bern"}}</tool_call>',
        )
    else:
        output = row.answer
    assert METRICS[name](row, output, PARAMS).value == 1.0
    assert METRICS[name](row, "# ''", PARAMS).value != 1.0 or name in (
        "grounding", "markers", "refusal",
    )  # fmt: skip


def test_every_metric_says_its_range_and_direction():
    for name, item in METRICS.items():
        text = item.function.__doc__ if item.over_set is None else item.over_set.__doc__
        assert item.name == name
        assert any(mark in text for mark in ("else 0", " 0 to ", "from 0")), name
        word = {"higher": "igher is better", "lower": "ower is better", "neither": "either way"}
        assert word[item.better] in text, name


@pytest.mark.parametrize("name", [name for name in METRICS if name != "tool_call"])
def test_a_row_that_only_calls_tools_has_no_text_to_measure(name):
    output = '<tool_call>{"name": "find", "arguments": {"city": "Bern"}}</tool_call>'
    found = METRICS[name](calling("", CALL), output, PARAMS)
    assert found == (None, "the expected answer is a call of a tool")


def test_text_beside_a_call_is_measured_without_the_call():
    row = calling("I look it up.", CALL)
    output = 'I look it up.\n<tool_call>{"name": "find", "arguments": {}}</tool_call>'
    assert METRICS["exact_match"](row, output, PARAMS).value == 1.0
    assert METRICS["length_ratio"](row, output, PARAMS).value == 1.0
    # Without an expected call the marks are part of a wrong answer.
    assert METRICS["exact_match"](chat("q", "I look it up."), output, PARAMS).value == 0.0


@pytest.mark.parametrize(
    ("kind", "value"),
    [("yes_no", 0.5), ("yes_no", True + 1), ("share", 1.001), ("share", -0.1),
     ("share", math.nan), ("number", math.nan), ("number", math.inf)],
)  # fmt: skip
def test_a_value_that_the_metric_cannot_have_is_an_error(kind, value):
    odd = Spec("odd", lambda *_: Value(value), kind, "higher")
    with pytest.raises(InputError, match="metric odd gives .* for rows.jsonl:1; expected"):
        odd(chat("q"), "a", PARAMS)


def test_evidence_can_be_stored_and_is_short():
    odd = Spec("odd", lambda *_: Value(1.0, "\ud800" + "x" * 5000), "yes_no", "higher")
    evidence = odd(chat("q"), "a", PARAMS).evidence
    assert evidence.startswith("\\ud800x")
    assert len(evidence) < 1100


def test_a_set_s_figure_leaves_out_rows_to_which_a_metric_does_not_apply():
    scores = [
        Score(row_id=str(number), group_id="g", values={"overlap": value})
        for number, value in enumerate((1.0, None, 0.5))
    ]
    assert set_value("overlap", scores) == 0.75
    assert set_value("bleu", scores) is None
    assert set_value("macro_f1", scores) is None


def test_an_unknown_metric_is_named():
    with pytest.raises(RecipeError, match="'nice' is offered by no installed package"):
        spec("nice")
