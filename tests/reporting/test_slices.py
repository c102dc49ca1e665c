"""Slices look at every part, put the worst first, and say how little a small one means."""

import msgspec
import pytest

from tests.made_rows import chat
from tests.reporting.made_retrain import Made, make
from tests.reporting.test_report_page import page
from tests.toy_stages import given
from tunesmith.artifacts import Scores
from tunesmith.records import ChatExample, Message, Score
from tunesmith.reporting.cost import costs
from tunesmith.reporting.slices import Difference, fields, sliced, slices
from tunesmith.store import Store


def rows(count: int, *, topic: str = "a", start: int = 0, **fields: object) -> list[ChatExample]:
    return [
        chat(f"question {n:04}", group=f"g{n}", metadata={"topic": topic, **fields})
        for n in range(start, start + count)
    ]


def scored(given: list[ChatExample], right: int, metric: str = "format") -> dict[str, Score]:
    return {
        row.row_id: Score(
            row_id=row.row_id, group_id=row.group_id, values={metric: float(at < right)}
        )
        for at, row in enumerate(given)
    }


def test_the_worst_part_comes_first_and_small_ones_last() -> None:
    good, bad, few = rows(40), rows(40, topic="b", start=40), rows(5, topic="c", start=80)
    given = [*good, *bad, *few]
    before = {**scored(good, 30), **scored(bad, 38), **scored(few, 5)}
    after = {**scored(good, 38), **scored(bad, 10), **scored(few, 0)}
    found = sliced(given, {"champion": before, "candidate": after}, "format", "champion")
    assert found is not None
    assert [(part.value, part.n, part.small) for part in found.parts] == [
        ("b", 40, False),
        ("a", 40, False),
        ("c", 5, True),
    ]
    worst = found.parts[0]
    assert worst.figures == {"champion": 38 / 40, "candidate": 10 / 40}
    assert worst.difference.estimate == pytest.approx(-0.7)
    assert worst.difference.low < -0.7 < worst.difference.high < 0
    assert [part.worse for part in found.parts] == [True, False, False]


def test_one_part_in_many_that_is_worse_by_chance_is_not_called_worse() -> None:
    parts = [rows(20, topic=f"t{n}", start=20 * n) for n in range(10)]
    before = {key: row for part in parts for key, row in scored(part, 15).items()}
    # Five of twenty turned: p = 0.03 alone, but there are ten looks.
    after = {**before, **scored(parts[3], 10)}
    given = [row for part in parts for row in part]
    found = sliced(given, {"base": before, "candidate": after}, "format", "base")
    assert found is not None
    assert found.parts[0].value == "t3"
    assert found.parts[0].difference.high < 0
    assert not any(part.worse for part in found.parts)


def test_lower_is_better_turns_the_sign() -> None:
    given = [*rows(30), *rows(30, topic="b", start=30)]
    before, after = (
        {
            row.row_id: Score(
                row_id=row.row_id, group_id=row.group_id, values={"repetition": value}
            )
            for row in given
        }
        for value in (0.2, 0.5)
    )
    found = sliced(given, {"base": before, "candidate": after}, "repetition", "base")
    assert found is not None and not found.yes_no
    assert found.parts[0].difference == Difference(pytest.approx(-0.3), None, None)


def test_what_has_one_part_only_or_too_many_is_left_out() -> None:
    given = [
        chat(f"question {n:04}", metadata={"one": "x", "many": n, "nested": [n], "two": n % 2 == 0})
        for n in range(30)
    ]
    assert set(fields(given)) == {"two", "prompt length", "answer length", "turns"}
    same = scored(given, 20)
    found = sliced(given, {"base": same, "candidate": same}, "format", "base")
    assert found is not None
    assert {part.field for part in found.parts} == {"two"}
    assert {part.value for part in found.parts} == {"True", "False"}


def test_rows_without_the_field_are_in_no_part() -> None:
    given = [*rows(10), *rows(10, topic="b", start=10)]
    given += [chat(f"question {n:04}") for n in range(30, 35)]
    same = scored(given, 20)
    found = sliced(given, {"base": same, "candidate": same}, "format", "base")
    assert found is not None
    assert sum(part.n for part in found.parts if part.field == "topic") == 20


def test_lengths_are_cut_into_thirds_and_turns_are_counted() -> None:
    given = [chat("w" * (n + 1)) for n in range(30)]
    cut = fields(given)["prompt length"]
    assert [cut(given[n]) for n in (0, 9, 10, 19, 20, 29)] == [
        "up to 10 characters",
        "up to 10 characters",
        "11 to 20 characters",
        "11 to 20 characters",
        "over 20 characters",
        "over 20 characters",
    ]
    turns = fields(given)["turns"]
    for asked, told in ((1, "1"), (3, "3"), (5, "4 or more")):
        talk = tuple(Message(role, "x") for role in ("user", "assistant") * asked)
        assert turns(_talk((*talk, Message("assistant", "x")))) == told


def _talk(messages: tuple[Message, ...]) -> ChatExample:
    return ChatExample(row_id="r", group_id="g", source="s:1", origin="human", messages=messages)


def test_nothing_to_slice_without_a_candidate(unchanged: Made) -> None:
    assert slices(unchanged.store, unchanged.result, "grounding") is None


@pytest.fixture(scope="module")
def by_topic(tmp_path_factory: pytest.TempPathFactory) -> Made:
    store = Store(str(tmp_path_factory.mktemp("topics")))
    return make(store, topics=("billing", "<b>bold</b>", "returns"))


def test_the_page_says_that_slices_are_for_exploring(by_topic: Made) -> None:
    text = page(by_topic).text
    assert "For exploring, not for deciding. These are 3 looks at the same examples." in text
    assert "topic: <b>bold</b> n = 20 candidate" in text
    assert "no part is credibly worse" in text


def test_a_row_that_lacks_a_verdict_on_one_model_is_left_out_for_all(tmp_path) -> None:
    made = make(Store(str(tmp_path)), topics=("billing", "returns"))
    whole = slices(made.store, made.result, "grounding")
    measured = dict(made.result.measured)
    for who, place in (("candidate", 3), ("base", 7), ("champion", 11)):
        old = measured[f"{who} test"]
        rows = list(made.store.rows(old.scores, Score))
        rows[place] = msgspec.structs.replace(
            rows[place], values={**rows[place].values, "grounding": None}
        )
        scores = given(made.store, rows, Scores)
        measured[f"{who} test"] = old.model_copy(update={"scores": scores})
    result = made.result.model_copy(update={"measured": measured})
    found = slices(made.store, result, "grounding")
    assert whole is not None and found is not None
    counts = [sum(part.n for part in of.parts if part.field == "topic") for of in (whole, found)]
    assert counts == [60, 57]


def test_costs_are_of_everybody_who_was_measured(promoted: Made) -> None:
    found = costs(promoted.store, promoted.result, None)
    assert [(cost.who, cost.where) for cost in found][:2] == [
        ("base", "test"),
        ("prompt_baseline", "test"),
    ]
    first = found[0]
    assert (first.answers, first.prompt_tokens, first.answer_tokens) == (60, 4_800, 1_200)
    assert (first.prompt_each, first.answer_each, first.cut) == (80.0, 20.0, 0)
    assert first.seconds is not None and first.seconds_each == first.seconds / 60


def test_a_lost_record_costs_the_seconds_only(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    made.store.storage.delete("records/predict")
    assert {cost.seconds for cost in costs(made.store, made.result, None)} == {None}
