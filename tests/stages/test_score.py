"""The quality of a row, near its limits."""

import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests import toy_stages
from tests.made_rows import chat, distinct, kept, reasons
from tunesmith.artifacts import Base
from tunesmith.data.tokenizer import tokenizer
from tunesmith.records import (
    Dropped,
    Example,
    Extra,
    LabelExample,
    Message,
    PreferenceExample,
    ToolCall,
)
from tunesmith.stage import Params, Stage
from tunesmith.stages.score import CHECKS, STAGE, ScoreParams, Scoring, check, score

PARAMS = ScoreParams(format="^Subject:", min_tokens=3, max_tokens=6)


def tokenizer_json():
    """A tokenizer with a token a word, and a special one at the start."""
    made = Tokenizer(models.WordLevel({"[UNK]": 0, "[START]": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[START] $0", special_tokens=[("[START]", 1)]
    )
    return made.to_str()


TOKENIZER = tokenizer_json()
WORDS = tokenizer(TOKENIZER)
words = WORDS.count


def row(answer="Subject: all is well", user="Is all well?", system="Be kind.", **fields):
    return chat(user, answer, system=system, **fields)


def scored(a_row, params=PARAMS):
    return next(iter(score([a_row], params, WORDS)))


@pytest.mark.parametrize(
    ("a_row", "failed"),
    [
        (row(), set()),
        (row(system=None), {"system_prompt"}),
        (row("Subject: well"), {"length"}),
        (row("Subject: well now"), set()),
        (row("Subject: a b c d e"), set()),
        (row("Subject: a b c d e f"), {"length"}),
        (row("Subject: as an AI I"), {"markers"}),
        (row("subject: all is well"), {"format"}),
        (row(" Subject: all is well"), {"format"}),
        (row("Re\nSubject: all is well"), {"format"}),
        (row("Subject: call 5550199 now"), {"grounding"}),
        (row("Subject: call 5550199 now", "Who has 5550199?"), set()),
        (row("Subject: call 5550199 now", system="You are at 5550199."), set()),
        (row("as an AI", system=None), {"system_prompt", "markers", "format"}),
    ],
)
def test_a_row_fails_the_checks_that_it_fails(a_row, failed):
    assert check(a_row, PARAMS, WORDS).keys() == failed


def test_without_a_format_every_answer_has_it():
    assert "format" not in check(row("anything at all"), ScoreParams(min_tokens=1), WORDS)


@pytest.mark.parametrize(
    ("a_row", "quality"),
    [
        (row(), 1.0),
        (row(system=None), 0.8),
        (row("subject: all is well"), 0.8),
    ],
)
def test_a_row_that_is_good_enough_is_kept_with_its_quality(a_row, quality):
    found = scored(a_row)
    assert found.quality == quality
    assert found.row_id == a_row.row_id


@pytest.mark.parametrize(
    ("a_row", "reason", "quality"),
    [
        (row("Subject: well"), "length", 0.7),
        (row("Subject: as an AI I"), "markers", 0.7),
        (row("subject: all is well", system=None), "system_prompt", 0.6),
        (row("as an AI", system=None), "markers", 0.3),
        (row("as", system=None), "length", 0.3),
    ],
)
def test_a_row_that_is_not_is_dropped_for_the_check_that_weighed_most(a_row, reason, quality):
    found = scored(a_row)
    assert isinstance(found, Dropped)
    assert (found.reason, found.row, found.source) == (reason, a_row, a_row.source)
    assert f"quality {quality:g}" in found.detail


def test_the_minimum_itself_is_enough_whatever_floats_do():
    weights = {"system_prompt": 0.1, "length": 0.2, "markers": 0.3, "format": 0.4}
    for minimum, reason in ((0.9, None), (0.91, "system_prompt")):
        params = PARAMS.model_copy(update={"weights": weights, "minimum": minimum})
        assert reasons(score([row(system=None)], params, WORDS)) == [reason]
    thirds = {"system_prompt": 1 / 3, "markers": 2 / 3}
    params = PARAMS.model_copy(update={"weights": thirds, "minimum": 0.666667, "required": ()})
    assert reasons(score([row(system=None)], params, WORDS)) == [None]


def test_a_required_check_drops_alone_and_is_the_reason():
    wrong = row("Subject: call 5550199 now")
    assert scored(wrong).reason == "grounding"
    free = PARAMS.model_copy(update={"required": ()})
    assert scored(wrong, free).quality == 1.0  # by default it weighs nothing
    both = PARAMS.model_copy(update={"required": ("format", "grounding")})
    found = scored(row("call 5550199 as an AI now"), both)
    assert found.reason == "format"
    assert "also markers, grounding" in found.detail


def test_the_detail_says_what_was_found():
    assert "the answer has 2 tokens; expected 3 to 6" in scored(row("Subject: well")).detail
    assert "'as an ai'" in scored(row("Subject: as an AI I")).detail
    assert "'5550199'" in scored(row("Subject: call 5550199 now")).detail


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": {}},
        {"weights": {"length": 0.0}},
        {"weights": {"length": -0.1, "markers": 1.0}},
        {"weights": {"nice": 1.0}},
        {"weights": {"length": float("inf")}},
        {"required": ("nice",)},
        {"minimum": 1.1},
        {"format": "("},
        {"min_tokens": 0},
        {"min_tokens": 11, "max_tokens": 10},
        {"max_tokens": 0},
        {"phrases": ()},
        {"phrases": ("",)},
    ],
)
def test_parameters_that_make_no_sense_are_refused(fields):
    with pytest.raises(ValidationError):
        ScoreParams(**fields)


def test_the_defaults_are_those_that_the_documents_name():
    params = ScoreParams()
    assert params.weights == {
        "system_prompt": 0.2, "length": 0.3, "markers": 0.3, "format": 0.2, "grounding": 0.0,
    }  # fmt: skip
    assert set(params.weights) == set(CHECKS)
    assert (params.minimum, params.min_tokens, params.max_tokens) == (0.75, 1, 1000)


class NoParams(Params):
    pass


@pytest.fixture
def base(store):
    """A base model that is nothing but a tokenizer."""

    def body(params, draft):
        folder = draft.scratch()
        (folder / "tokenizer.json").write_text(TOKENIZER)
        return draft.seal_files(Base, folder, model="tiny")

    return store.build(Stage("base", 1, Base, body), NoParams())


def test_the_stage_keeps_order_and_accounts_for_every_row(store, base):
    rows = [
        row(),
        row("too short"),
        row("Subject: well now", system=None),
        row("Subject: 5550199 a b"),
    ]
    ref = store.build(STAGE, PARAMS, toy_stages.given(store, rows), base)
    expected = list(score(rows, PARAMS, WORDS))
    assert list(store.rows(ref, Example)) == kept(expected)
    assert list(store.dropped(ref)) == [item for item in expected if isinstance(item, Dropped)]
    assert [item.quality for item in store.rows(ref, Example)] == [1.0, 0.8]
    (record,) = store.all_records("score")
    assert record["counts"] == {
        "rows_in": 4, "kept": 2, "dropped": {"grounding": 1, "length": 1},
    }  # fmt: skip


def label(text="Where is my card?", name="card_arrival"):
    return LabelExample(
        row_id="l", group_id="g", source="l:1", origin="human", text=text, label=name
    )


def preference(chosen="Subject: all is well", rejected="No.", *, system="Be kind."):
    prompt = (Message("system", system), Message("user", "Is all well?"))
    return PreferenceExample(
        row_id="p", group_id="g", source="p:1", origin="human", prompt=prompt, chosen=chosen,
        rejected=rejected,
    )  # fmt: skip


def test_what_does_not_apply_to_a_label_says_nothing_of_it():
    assert scored(label(name="12345678 as an AI and")).quality == 1.0
    assert scored(label(name="12345678 as an AI and")).flags == ()


def test_of_a_preference_the_better_answer_is_checked():
    assert scored(preference(rejected="as an AI")).quality == 1.0
    assert scored(preference("Subject: as an AI I")).reason == "markers"
    assert scored(preference("Subject: as an AI 5550199")).reason == "grounding"


def test_a_tool_call_without_words_is_judged_by_its_system_message_alone():
    call = Message("assistant", "", tool_calls=(ToolCall("1", "find", "{}"),))
    given = row()
    given = type(given)(**{**as_fields(given), "messages": (*given.prompt, call)})
    assert scored(given).quality == 1.0
    without = type(given)(**{**as_fields(given), "messages": given.messages[1:]})
    assert scored(without).reason == "system_prompt"


def as_fields(a_row):
    return {name: getattr(a_row, name) for name in a_row.__struct_fields__}


REFUSAL = "Subject: I can't help with that"


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [({}, ("refusal",)), ({"refusal": "drop"}, "refusal"), ({"refusal": "off"}, ()),
     ({"refusal": False}, ()), ({"refusal": {"action": "drop"}}, "refusal"),
     ({"refusal": {"action": False}}, ())],
)  # fmt: skip
def test_each_check_drops_flags_or_rests_as_the_recipe_says(checks, outcome):
    params = ScoreParams(checks=checks, min_tokens=1)
    found = scored(row(REFUSAL), params)
    assert (found.reason if isinstance(found, Dropped) else found.flags) == outcome


@pytest.mark.parametrize(
    "checks",
    [{"refusal": "mask"}, {"refusal": True}, {"toxicity": "drop"}, {"personal": "cut_input"},
     {"too_long": {"tokens": 1}}, {"language": {"expected": ["english"]}}, {"nice": "drop"},
     {"context": {"most": 1.1}}, {"personal": {"acton": "drop"}}],
)  # fmt: skip
def test_actions_and_thresholds_that_make_no_sense_are_refused(checks):
    with pytest.raises(ValidationError):
        ScoreParams(checks=checks)


def test_earlier_flags_stay_and_none_stands_twice():
    found = scored(row(REFUSAL, flags=("kept", "refusal")), ScoreParams(min_tokens=1))
    assert found.flags == ("kept", "refusal")


def test_the_quality_names_the_reason_before_the_checks_do():
    params = ScoreParams(checks={"refusal": "drop"}, min_tokens=1)
    found = scored(row("I can't help with 5550199"), params)
    assert found.reason == "grounding"
    assert "also refusal" in found.detail
    low = ScoreParams(checks={"refusal": "drop"}, min_tokens=50)
    assert scored(row(REFUSAL), low).reason == "length"


def test_ungrounded_rows_that_stay_are_flagged():
    params = ScoreParams(required=(), min_tokens=1)
    assert scored(row("call 5550199"), params).flags == ("context",)
    off = ScoreParams(required=(), min_tokens=1, checks={"context": "off"})
    assert scored(row("call 5550199"), off).flags == ()


MAIL = "Write to ann.lee@firm.co or to bo@firm.co, or ann.lee@firm.co"


@pytest.mark.parametrize("action", ["drop", "mask"])
def test_personal_data_that_is_not_wanted_is_stored_masked(action):
    params = ScoreParams(checks={"personal": action}, min_tokens=1)
    given = row("To ann.lee@firm.co", MAIL, metadata={"from": ["ann.lee@firm.co"], "n": 1})
    found = scored(given, params)
    stored = found.row if isinstance(found, Dropped) else found
    assert isinstance(found, Dropped) == (action == "drop")
    assert stored.messages[1].content == "Write to <EMAIL_1> or to <EMAIL_2>, or <EMAIL_1>"
    assert stored.answer == "To <EMAIL_1>"
    assert stored.metadata == {"from": ["<EMAIL_1>"], "n": 1}
    assert stored.row_id != given.row_id
    assert stored.group_id == given.group_id
    assert "firm" not in repr(found)


def test_personal_data_is_flagged_by_default_and_the_row_stays_as_it_is():
    given = row("Fine then", MAIL)
    found = scored(given, ScoreParams(min_tokens=1))
    assert found.flags == ("personal",)
    assert (found.messages, found.row_id) == (given.messages, given.row_id)


def dialogue(*turns):
    roles = ("user", "assistant") * len(turns)
    messages = tuple(Message(role, text) for role, text in zip(roles, turns, strict=False))
    return type(row())(row_id="d", group_id="g", source="d:1", origin="human", messages=messages)


def test_the_pieces_of_a_long_chat_come_out_beside_its_first():
    long = dialogue("how now", "so", "why then", "thus", "where", "right here")
    # 8 tokens are added for each message: 19, 19 and 19.
    params = ScoreParams(
        checks={"too_long": {"action": "chunk", "tokens": 38}}, min_tokens=1, minimum=0
    )
    first, other = score([long], params, WORDS)
    assert [message.content for message in first.messages] == [
        "how now",
        "so",
        "why then",
        "thus",
    ]
    assert isinstance(other, Extra)
    assert [message.content for message in other.row.messages] == ["where", "right here"]
    assert {first.group_id, other.row.group_id} == {"g"}
    assert first.row_id != other.row.row_id
    assert first.flags == other.row.flags == ("too_long",)


def test_what_is_too_long_and_cannot_be_shortened_is_dropped():
    for action in ("drop", "chunk", "cut_input"):
        params = ScoreParams(checks={"too_long": {"action": action, "tokens": 25}}, min_tokens=1)
        found = list(score([row("a b c d e")], params, WORDS))
        assert reasons(found) == ["too_long"]
    assert "29 tokens" not in found[0].detail
    assert "34 tokens; at most 25" in found[0].detail


def invented(count):
    return [
        row(f"Subject: Dear Mr Brown{'abcdefghijklmnopqrstuvwxyz'[n % 26]}, call 55501{n:02d}",
            f"write to customer {'x' * n}", source=f"made.jsonl:{n}")
        for n in range(count)
    ]  # fmt: skip


def test_the_record_counts_the_flags(store, base):
    rows = [row(REFUSAL), row(REFUSAL, MAIL), row()]
    store.build(STAGE, ScoreParams(min_tokens=1), toy_stages.given(store, rows), base)
    (record,) = store.all_records("score")
    assert record["notes"]["flags"] == {"personal": 1, "refusal": 2}


def test_pieces_are_counted_when_the_stage_seals_them(store, base):
    long = dialogue("how now", "so", "why then", "thus", "where", "right here")
    checks = {"too_long": {"action": "chunk", "tokens": 20}}
    params = ScoreParams(checks=checks, min_tokens=1, minimum=0)
    ref = store.build(STAGE, params, toy_stages.given(store, [*distinct(2), long]), base)
    assert (ref.rows, ref.dropped) == (3, 2)


def test_the_work_travels_and_does_the_same_elsewhere():
    import pickle

    work = Scoring(PARAMS, TOKENIZER)
    rows = [row(), row("Subject: well now", system=None), preference(), label()]
    assert list(pickle.loads(pickle.dumps(work))(rows)) == list(score(rows, PARAMS, WORDS))
