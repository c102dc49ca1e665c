"""Every unusual system prompt has a rule that one answer keeps and a plain answer breaks."""

import pytest

from tests.made_rows import chats
from tunesmith.evaluation.suites import forms, system_prompts
from tunesmith.evaluation.suites.asking import RIGHT

KEPT = {
    "spain": "Las abejas hacen miel y viven en el campo con muchas flores.",
    "cook": "Ahoy, bees make honey.",
    "teacher": "1. Bees\n2. Honey",
    "whisper": "bees make honey.",
    "radio": "Bees make honey. Over.",
    "france": "Les abeilles font du miel et vivent dans une ruche à la campagne.",
    "herald": "BEES MAKE HONEY!",
    "clerk": "- Bees\n- Honey",
    "computer": "Protocol nine: bees make honey.",
    "oracle": "Honey.",
}
PLAIN = ("Bees make honey. They live in hives.", "Subject: honey for Ann\nCount: 3", "", " ")


@pytest.mark.parametrize("name", KEPT)
def test_each_rule_tells_its_own_answer_from_all_plain_ones(name):
    rule = {found: rule for found, _, rule in system_prompts.PROMPTS}[name]
    assert forms.judged(rule, KEPT[name]).passed
    for answer in PLAIN:
        found = forms.judged(rule, answer)
        assert not found.passed
        assert found.evidence


def test_all_prompts_are_covered_and_every_question_is_asked_once():
    assert KEPT.keys() == {name for name, _, _ in system_prompts.PROMPTS}
    rows = chats("Ann wants lamps.", "Ben wants cups.", system="Write the order note.")
    found = system_prompts.ask(rows, 60)
    assert len({question.item for question in found}) == 60
    assert len({question.messages for question in found if question.part == "question"}) == 30
    for question in found:
        system, user = question.messages
        assert (system.role, user.role) == ("system", "user")
        assert "order note" not in system.content
        name = question.item.split(":")[1]
        assert question.judge(KEPT[name])[RIGHT].passed


def test_without_inputs_only_the_general_half_is_asked():
    assert [question.part for question in system_prompts.ask([], 40)] == ["question"] * 20
