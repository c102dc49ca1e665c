"""The quality of a row, near its limits."""

import pytest
from pydantic import ValidationError

from tests import toy_stages
from tests.made_rows import chat, kept, reasons
from tunesmith.artifacts import Base
from tunesmith.records import Dropped, Example
from tunesmith.stage import Params, Stage
from tunesmith.stages.score import CHECKS, STAGE, ScoreParams, check, score, token_counter

PARAMS = ScoreParams(format="^Subject:", min_tokens=3, max_tokens=6)


def words(text):
    return len(text.split())


def row(answer="Subject: all is well", user="Is all well?", system="Be kind.", **fields):
    return chat(user, answer, system=system, **fields)


def scored(a_row, params=PARAMS):
    return next(iter(score([a_row], params, words)))


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
    assert check(a_row, PARAMS, words).keys() == failed


def test_without_a_format_every_answer_has_it():
    assert "format" not in check(row("anything at all"), ScoreParams(min_tokens=1), words)


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
        assert reasons(score([row(system=None)], params, words)) == [reason]
    thirds = {"system_prompt": 1 / 3, "markers": 2 / 3}
    params = PARAMS.model_copy(update={"weights": thirds, "minimum": 0.666667, "required": ()})
    assert reasons(score([row(system=None)], params, words)) == [None]


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
        {"max_tokens": 49},
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
    assert (params.minimum, params.min_tokens, params.max_tokens) == (0.75, 50, 1000)


class NoParams(Params):
    pass


@pytest.fixture
def base(store):
    """A base model that is nothing but a tokenizer: a token a word, and one more at the start."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[START]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[START] $0", special_tokens=[("[START]", 1)]
    )

    def body(params, draft):
        folder = draft.scratch()
        tokenizer.save(str(folder / "tokenizer.json"))
        return draft.seal_files(Base, folder, model="tiny")

    return store.build(Stage("base", 1, Base, body), NoParams())


def test_tokens_are_those_of_the_base_without_its_special_ones(store, base):
    count = token_counter(store.path(base))
    assert [count(text) for text in ("", "one", "one two\nthree", " é ")] == [0, 1, 3, 1]


def test_the_stage_keeps_order_and_accounts_for_every_row(store, base):
    rows = [
        row(),
        row("too short"),
        row("Subject: well now", system=None),
        row("Subject: 5550199 a b"),
    ]
    ref = store.build(STAGE, PARAMS, toy_stages.given(store, rows), base)
    expected = list(score(rows, PARAMS, words))
    assert list(store.rows(ref, Example)) == kept(expected)
    assert list(store.dropped(ref)) == [item for item in expected if isinstance(item, Dropped)]
    assert [item.quality for item in store.rows(ref, Example)] == [1.0, 0.8]
    (record,) = store.all_records("score")
    assert record["counts"] == {
        "rows_in": 4, "kept": 2, "dropped": {"grounding": 1, "length": 1},
    }  # fmt: skip
