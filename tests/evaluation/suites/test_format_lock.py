"""An answer has the format that was asked for, or it has not."""

from functools import partial

import pytest

from tests.made_rows import chats
from tunesmith.evaluation.suites import format_lock, forms
from tunesmith.evaluation.suites.asking import RIGHT

BROKEN = {name: broken for name, _, broken in format_lock.FORMATS}
RIGHTS = {
    "json": ['{"a": 1}', "[1, 2]", '```json\n{"a": 1}\n```', "{}"],
    "bullets": ["- one\n- two", "* one\n\n* two\n* three", "Here they are:\n- one\n- two"],
    "word": ["Bees.", "**Honey**", "ice cream"],
    "capitals": ["AN ORDER.", "2 LAMPS"],
    "numbered": ["1. one\n2. two", "1) one\n2) two", "Steps:\n1. one\n2. two"],
    "spanish": ["Es un pedido de lámparas para una señora que vive en la ciudad."],
}
WRONGS = {
    "json": ["1", '"text"', "Here it is: {}", "{'a': 1}", '{"a": 1', " "],
    "bullets": ["- one", "-one\n-two", "- one\n- two\nand that is all", "1. one\n2. two", ""],
    "word": ["Bees make honey.", "...", "", '{"a": 1}', "[1, 2]"],
    "capitals": ["AN order.", "123", ""],
    "numbered": ["1. one", "- one\n- two", "1. one\n2. two\nDone."],
    "spanish": ["It is an order of lamps for a lady who lives in the town.", "Sí.", ""],
}


def cases(given):
    return [(name, text) for name, texts in given.items() for text in texts]


def judge(name, output):
    return forms.judged(BROKEN[name], output)


@pytest.mark.parametrize(("name", "output"), cases(RIGHTS))
def test_right(name, output):
    assert judge(name, output).passed, judge(name, output).evidence


@pytest.mark.parametrize(("name", "output"), cases(WRONGS))
def test_wrong(name, output):
    found = judge(name, output)
    assert not found.passed
    assert found.evidence


def test_the_right_answer_to_one_format_is_wrong_for_all_others():
    for name, texts in RIGHTS.items():
        for other in RIGHTS.keys() - {name}:
            passed = {text for text in texts if judge(other, text).passed}
            assert not passed or {name, other} == {"capitals", "word"}, (name, other)


def test_half_of_the_questions_are_about_the_task_and_none_has_its_system_prompt():
    rows = chats("Ann wants lamps.", "Ben wants cups.", system="Write the order note.")
    found = format_lock.ask(rows, 24)
    about = [question for question in found if "wants" in question.text]
    assert len(found) == len({question.item for question in found}) == 24
    assert len(about) == 12
    assert {question.group_id for question in about} == {row.group_id for row in rows}
    assert "Write the order note." not in "".join(question.text for question in found)
    assert len({question.part for question in about}) == len(format_lock.FORMATS)
    assert all(not question.judge("Dear Ann, here are lamps.")[RIGHT].passed for question in found)


def test_without_inputs_all_questions_are_general():
    found = format_lock.ask([], 13)
    assert len(found) == len({question.group_id for question in found}) == 13


def test_a_judge_is_bound_to_its_own_format():
    by_part = {question.part: question for question in format_lock.ask([], 6)}
    assert by_part["json"].judge("[]")[RIGHT].passed
    assert not by_part["numbered"].judge("[]")[RIGHT].passed
    assert partial(forms.is_in, "es")("Bees.") == "too short to tell the language"
