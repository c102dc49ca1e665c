"""What a probe asks hangs on the inputs alone, and its training rows were trained on."""

from collections import Counter

import msgspec
import pytest

from tests.made_rows import chat, distinct
from tests.tiny_model import tiny_examples
from tunesmith.evaluation.capability.items import SKILLS, load
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import plan, tasks
from tunesmith.evaluation.suites.plan import Sizes, Training
from tunesmith.records import ChatExample, LabelExample, Message
from tunesmith.sampling import sample

SIZES = Sizes(of_skill=2, of_suite=12, of_task=9, beginnings=2)
TRAIN = tiny_examples(40, seed=1)
TEST = tiny_examples(9, seed=2)
PARAMS = MetricParams(format="^Subject:")


def questions(train=TRAIN, test=TEST, **fields):
    training = Training(test, SIZES, **fields)
    for row in train:
        training.see(row)
    return plan.questions(training, load(), ("format",), PARAMS)


def names(found):
    return [question.item for question in found]


def test_the_order_of_training_changes_nothing():
    assert names(questions()) == names(questions(list(reversed(TRAIN))))


def test_no_more_is_asked_than_was_said():
    for canaries in ((), ("violet heron 7731",)):
        found = questions(canaries=canaries)
        assert len(set(names(found))) == len(found) <= SIZES.most(len(SKILLS), len(canaries))
    skills = Counter(question.part for question in found if question.suite == "forgetting")
    assert skills == dict.fromkeys(SKILLS, 2)


@pytest.mark.parametrize("trained_on", [5, 12, None])
def test_rows_of_training_are_among_those_trained_on(trained_on):
    training = Training(TEST, SIZES, salt="train 3", trained_on=trained_on)
    for row in [*TRAIN, *TRAIN[:5]]:  # `mix` repeats rows
        training.see(row)
    chosen = {row.row_id for row in training.sample()}
    assert len(chosen) == len(training.sample())
    assert chosen <= {row.row_id for row in sample([*TRAIN, *TRAIN[:5]], trained_on, "train 3")}
    assert len(chosen) == 9 if trained_on != 5 else 0 < len(chosen) <= 5


def test_what_is_replayed_is_no_example_of_the_task():
    replayed = [
        msgspec.structs.replace(row, source=f"general.jsonl:{at}")
        for at, row in enumerate(TRAIN[:20])
    ]
    training = Training(TEST, SIZES)
    for row in [*replayed, *TRAIN[20:]]:
        training.see(row)
    assert {row.row_id for row in training.sample()} <= {row.row_id for row in TRAIN[20:]}
    assert len(training.sample()) == 9


def test_rows_of_other_types_and_with_tools_are_asked_as_they_stand():
    common = {"group_id": "g", "source": "a:1", "origin": "human"}
    tool = {"type": "function", "function": {"name": "look"}}
    label = LabelExample(**common, row_id="1" * 16, text="Ann wants 3 lamps.", label="order")
    messages = (Message("user", "Where?"), Message("assistant", "There."))
    offered = ChatExample(**common, row_id="2" * 16, messages=messages, tools=(tool,))
    found = questions([chat("Who?")], [label, offered])
    asked = {question.item.rpartition(":")[2]: question for question in found}
    assert asked[offered.row_id].tools == (tool,)
    changed = [question for question in found if question.suite in ("shift", "hallucination")]
    assert all(question.group_id == "g" and not question.tools for question in changed)
    assert {question.suite for question in changed} == {"shift", "hallucination"}


def test_with_next_to_nothing_there_are_fewer_questions():
    found = Counter(question.suite for question in questions([], []))
    assert found == {
        "forgetting": 14, "system_prompt": 10, "format_lock": 12, "sycophancy": 12, "leakage": 8,
    }  # fmt: skip


def test_a_metric_that_does_not_apply_gives_no_value_and_only_yes_or_no_counts():
    assert tasks.yes_no(("overlap", "format", "macro_f1", "grounding"), "grounding") == (
        "grounding",
        "format",
    )
    (question,) = tasks.ask(distinct(1), "test", ("format",), MetricParams())
    assert question.judge("Subject: x") == {}
    (question,) = tasks.ask(distinct(1), "test", ("format",), PARAMS)
    assert question.judge("Subject: x")["format"].passed
    assert not question.judge("Dear x")["format"].passed
