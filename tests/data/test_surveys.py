"""Looks at a whole set: what each finds, what it leaves alone, and that order never matters."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.made_rows import chat
from tunesmith.data.surveys import Seen, identities, per_cent
from tunesmith.data.surveys.drift import drift, seen_by_champion, stability
from tunesmith.data.surveys.formats import Formats, skeleton
from tunesmith.data.surveys.identities import SIZE, Identities, share_in
from tunesmith.data.surveys.labels import MOST, Labels
from tunesmith.data.surveys.lengths import Lengths
from tunesmith.data.surveys.look import surveys
from tunesmith.data.surveys.names import Names
from tunesmith.data.surveys.schema import Schema
from tunesmith.data.surveys.shift import distance
from tunesmith.data.surveys.systems import Systems
from tunesmith.data.token_counts import Tokens
from tunesmith.records import LabelExample


def counted(survey, rows, tokens=Tokens(5, 5, 0)):  # noqa: B008 - a tuple
    for row in rows:
        survey.add(Seen(row, tokens, True))
    return survey


def answers(texts):
    return [chat(f"q{n}", text) for n, text in enumerate(texts)]


def label(n, name):
    return LabelExample(row_id=f"{n:016x}", group_id=str(n), source=f"f:{n}", origin="human", text=f"t{n}", label=name)  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Subject: a\n\nHi Ann,\n\nBye", "Subject: long words\n\nHello Bo,\n\nall the best"),
        ("- a\n- b", "* one\n* two\n* three"),
        ("1. a\n2. b", "1) a\n2) b\n3) c"),
        ("text", "another text, longer"),
        ("```python\nx\n```", "```\ny\n```"),
    ],
)
def test_answers_of_one_form_have_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Subject: a", "Count: a"),
        ("- a\n- b", "a\nb"),
        ("# a\nb", "a\nb"),
        ("a\n\nb", "a\nb"),
        ('{"a": 1}', "a"),
    ],
)
def test_answers_of_different_forms_have_different_skeletons(one, other):
    assert skeleton(one) != skeleton(other)


def test_one_form_for_nearly_all_answers_is_lock_in():
    same = [f"Subject: {n}\n\nHi {n},\n\nyour order {n} left." for n in range(80)]
    (told,) = counted(Formats(), answers([*same, *(f"word {n}" for n in range(20))])).warnings()
    assert "80% of the answers have the same form, line by line: Subject:, text, text." in told
    others = [f"word {n}" for n in range(21)]
    assert counted(Formats(), answers([*same[:79], *others])).warnings() == []


def test_plain_text_and_few_rows_are_no_lock_in():
    assert counted(Formats(), answers([f"{n} is so" for n in range(100)])).warnings() == []
    assert counted(Formats(), answers(["# a\nb"] * 49)).warnings() == []


def test_one_opening_is_lock_in_too_and_rare_ones_are_not_quoted():
    texts = [f"Sure, here is number {n}" for n in range(90)] + [f"secret name {n} x" for n in range(10)]  # fmt: skip
    survey = counted(Formats(), answers(texts))
    (told,) = survey.warnings()
    assert "90% of the answers open with 'sure, here is'" in told
    assert "secret" not in str(survey.document()["openings"])


def test_balanced_labels_are_left_alone_and_others_are_told():
    even = counted(Labels(), [label(n, "abc"[n % 3]) for n in range(90)])
    assert even.warnings() == []
    assert even.document()["evenness"] == 1.0
    rare = counted(Labels(), [label(n, "rare" if n < 9 else "ab"[n % 2]) for n in range(200)])
    assert rare.warnings() == ["labels: 1 of 3 classes have fewer than 10 rows, too few to learn and to measure; 'rare' has 9"]  # fmt: skip
    uneven = counted(Labels(), [label(n, "b" if n < 10 else "a") for n in range(200)])
    (told,) = uneven.warnings()
    assert "very uneven (evenness 0.29): 'a' is 95% of the rows" in told
    (one,) = counted(Labels(), [label(n, "a") for n in range(20)]).warnings()
    assert "nothing to learn" in one


def test_short_answers_of_chats_are_labels_and_long_or_ever_new_ones_are_not():
    assert counted(Labels(), answers(["yes", "no"] * 50)).document()["classes"] == 2
    assert counted(Labels(), answers([f"word {n}" for n in range(100)])).document() == {}
    assert counted(Labels(), answers(["a rather long answer of words"] * 100)).document() == {}
    many = counted(Labels(), [label(n, str(n % (MOST + 1))) for n in range(10 * MOST)])
    assert (many.document(), many.warnings()) == ({}, [])
    whole = counted(Labels(), [label(n, "ab"[n % 2]) for n in range(90)])
    whole.merge(many)
    assert whole.document() == {}


def test_one_system_prompt_is_as_it_should_be():
    rows = [chat(f"q{n}", system="Be kind. ") for n in range(20)]
    assert counted(Systems(), rows).warnings() == []
    assert counted(Systems("Be kind."), rows).warnings() == []


def test_system_prompts_that_differ_among_rows_or_from_serving_are_told():
    rows = [chat(f"q{n}", system="Be kind." if n % 4 else None) for n in range(20)]
    survey = counted(Systems("Be brief."), rows)
    one, other = survey.warnings()
    assert "2 different ones; 75% of the rows have one ('Be kind.' …)" in one
    assert "100% of the rows have another one than mix.system_prompt" in other
    assert [item["share"] for item in survey.document()["most"]] == [0.75, 0.25]
    own = counted(Systems(), [chat(f"q{n}", system=f"You help Ann {n}.") for n in range(1_500)])
    assert "more than 1,000 different ones" in own.warnings()[0]
    assert "Ann" not in str(own.document())


def test_labels_have_no_system_prompt_to_differ():
    assert counted(Systems("Be brief."), [label(n, "a") for n in range(9)]).warnings() == []


def test_lengths_are_exact():
    survey = Lengths()
    for n in range(1, 101):
        survey.add(Seen(chat(f"q{n}"), Tokens(n, 2 * n, 0), True))
    found = survey.document()["prompt"]
    assert (found["smallest"], found["median"], found["p95"], found["largest"]) == (1, 50, 95, 100)
    assert found["mean"] == 50.5
    assert found["bins"] == {"1": 1, "2": 2, "3": 4, "4": 8, "5": 16, "6": 32, "7": 37}


def test_rows_of_several_types_are_told():
    (told,) = counted(Schema(), [*answers("ab"), label(1, "a")]).warnings()
    assert "2 chat, 1 label" in told


ROW = st.builds(
    lambda n, answer, system, topic, kind: (
        label(n, answer) if kind else chat(f"q{n}", answer, system=system, metadata={topic: 1})
    ),
    st.integers(0, 5_000), st.sampled_from(["yes", "no", "- a\n- b", "Subject: x\n\ntext of it"]),
    st.sampled_from([None, "a", "b"]), st.sampled_from("xy"), st.booleans(),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40), st.integers(1, 10), st.integers(0, 99))
def test_what_is_found_depends_on_no_order_and_no_division(rows, size, seed):
    def document(rows, size):
        whole = surveys("a")
        for start in range(0, len(rows), size):
            part = surveys("a")
            for row in rows[start : start + size]:
                for survey in part.values():
                    survey.add(Seen(row, Tokens(len(row.input_text), len(row.answer), 0), True))
            for name, survey in whole.items():
                survey.merge(part[name])
        return [(survey.document(), survey.warnings()) for survey in whole.values()]

    shuffled = random.Random(seed).sample(rows, len(rows))
    assert document(rows, len(rows) or 1) == document(shuffled, size)


@pytest.mark.parametrize("shared", [0, 1_000, 5_000])
def test_sketches_tell_how_much_is_shared(shared):
    def sketch(numbers):
        survey = Identities()
        for number in numbers:
            survey.note(chat(str(number)).row_id)
        return survey.document()["sketch"]

    ours, theirs = sketch(range(5_000)), sketch(range(5_000 - shared, 9_000))
    assert len(ours) == SIZE
    assert share_in(ours, theirs) == pytest.approx(shared / 5_000, abs=0.04)
    assert share_in(theirs, ours) == pytest.approx(shared / (4_000 + shared), abs=0.04)
    assert share_in([], theirs) is None


def test_small_sets_are_compared_exactly():
    assert share_in(["1", "2", "3", "4"], ["2", "9"]) == 0.25
    assert identities.share_in(["1"], []) == 0.0


def account(rows, tokens=Tokens(20, 10, 0)):  # noqa: B008 - a tuple
    found = surveys()
    for survey in found.values():
        counted(survey, rows, tokens)
    return {"rows": len(rows), "surveys": {name: survey.document() for name, survey in found.items()}}  # fmt: skip


def test_the_same_set_again_has_not_drifted():
    rows = [label(n, "ab"[n % 2]) for n in range(300)]
    found = drift(account(rows), account(rows))
    assert found["warnings"] == []
    assert found["figures"]["share_trained_on_before"] == 1.0


def test_each_kind_of_drift_is_told_by_itself():
    rows = [label(n, "ab"[n % 2]) for n in range(300)]
    assert "lengths of the prompts" in drift(account(rows, Tokens(400, 10, 0)), account(rows))["warnings"][0]  # fmt: skip
    other = [label(n, "aab"[n % 3]) for n in range(300)]
    (told,) = drift(account(other), account(rows))["warnings"]
    assert "labels have shifted since the last training set: 17% of the rows" in told
    (told,) = drift(account(rows[:200]), account(rows))["warnings"]
    assert told == "about 33% of the rows of the last training set are no longer there"
    chats = [chat(f"q{n}", f"many words for number {n} here", metadata={"topic": 1}) for n in range(300)]  # fmt: skip
    bare = [chat(f"q{n}", f"many words for number {n} here") for n in range(300)]
    (told,) = drift(account(bare), account(chats))["warnings"]
    assert told == "extra key 'topic' is gone since the last training set"


def test_a_test_row_that_the_champion_saw_is_told():
    assert seen_by_champion(["a", "b"], ["c", "d"]) == []
    (told,) = seen_by_champion(["a", "b", "c", "e"], ["c", "d"])
    assert "about 25% of the test rows" in told


@given(st.dictionaries(st.sampled_from("123456"), st.integers(0, 500), max_size=6))
def test_a_histogram_is_stable_against_itself(bins):
    index, expected = stability(bins, bins)
    assert index == pytest.approx(0, abs=1e-12)
    assert expected >= 0 or not bins


def texts(count, seed, words):
    draw = random.Random(seed)
    return [" ".join(draw.choices(words, k=12)) for _ in range(count)]


OLD, NEW = [f"old{n}" for n in range(60)], [f"new{n}" for n in range(60)]


def test_a_shift_in_a_third_of_the_texts_is_seen():
    shifted = texts(200, 2, OLD) + texts(100, 3, NEW)
    found = distance(texts(300, 1, OLD), shifted)
    assert found["shifted"] and found["p"] < 0.01


def test_without_a_shift_few_alarms_are_raised():
    alarms = sum(
        distance(texts(60, n, OLD), texts(60, 1_000 + n, OLD))["shifted"] for n in range(60)
    )
    assert alarms <= 9  # binomial(60, 0.05): more than nine in 1 of 900 cases


def test_too_few_texts_are_not_tested():
    with pytest.raises(ValueError, match="49 and 50 texts"):
        distance(["a"] * 49, ["b"] * 50)


@pytest.mark.parametrize(("share", "shown"), [(1.0, "100%"), (0.999, "99.9%"), (0.5, "50%"), (0.001, "0.1%")])  # fmt: skip
def test_nearly_all_never_reads_as_all(share, shown):
    assert per_cent(share) == shown


GERMAN = "Der Kunde hat die Rechnung noch nicht erhalten und bittet um eine Kopie bis Freitag."
ENGLISH = "The customer has not got the invoice yet and asks for a copy until Friday."


@pytest.mark.parametrize(
    ("text", "untold"),
    [(GERMAN, 60), ("客户还没有收到发票,希望周五之前收到副本。", 60), ("لم يستلم العميل الفاتورة بعد", 60), (ENGLISH, 0), ("Order 中文 was sent by Ann today", 0), ("42", 0)],
)  # fmt: skip
def test_answers_whose_names_cannot_be_told_are_counted_and_told_of(text, untold):
    survey = counted(Names(), answers([f"{text} {n}" for n in range(60)]))

    assert survey.document() == {"answers": 60, "untold": untold}
    assert [("100%" in said, "sample for names" in said) for said in survey.warnings()] == (
        [(True, True)] if untold else []
    )


def test_few_untold_names_worry_nobody():
    assert counted(Names(), answers([GERMAN] * 5 + [ENGLISH] * 95)).warnings() == []
    assert counted(Names(), answers([GERMAN] * 49)).warnings() == []
