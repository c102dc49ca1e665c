"""Answers that stop before their end, and those that only look so."""

import pytest

from tunesmith.data.checks.truncation import find_truncation

PROSE = "The pump is old. It leaks at the seal. We change it on Monday. "


@pytest.mark.parametrize(
    "answer",
    [PROSE + "The new one is", PROSE + "The new one costs much less than", PROSE + "The new one came last week and will go in by nine, so that the line is not out for lo",
     "Take the lid off and put it on the", "First heat the oven, then mix the flour,",
     "Here you are:\n```python\nprint(1)\n", '{"name": "Ann", "tags": ["a", "b"', "[1, 2, [3, 4]",
     "def total(items):\n    return sum(item.price for item in items",
     PROSE + "\n\n- One is small.\n- Two is large.\n- Three is neither of these but comes nea",
     "Look:\n```\na\n```\nThis prints the letter and the", "```\na\n```\nand\n```\nb"],
)  # fmt: skip
def test_an_answer_that_was_cut_is_found(answer):
    assert find_truncation(answer)


@pytest.mark.parametrize(
    "answer",
    ["", "Yes", "Your order is on its way", "ok, it will be out as soon as I can", "42",
     PROSE, PROSE + "See you there!", PROSE + "Kind regards,\nAnn", PROSE + "\n\nBest,\nBrightline Support",
     PROSE * 2 + "Yours sincerely, Jane Austen", PROSE * 2 + "I hope to hear from you soon - Harry", PROSE + "See https://pump.example/seals",
     PROSE + "It costs 12", PROSE + "#pumps", "- milk\n- eggs\n- flour for the cake",
     "Here you are:\n```python\nprint(1)\n```", '{"name": "Ann", "text": "a { in a string"}',
     "It is a face :( but (mostly) fine", "for (let i = 0; i < 3; i++) {\n  go('(');\n}",
     PROSE + "“It holds,” he said. “It will.”", PROSE + "我们明天换。", "1. Open it.\n2. Close it.\n3. Done"],
)  # fmt: skip
def test_an_answer_that_has_its_end_is_not(answer):
    assert find_truncation(answer) is None


def test_the_sign_is_named():
    assert find_truncation("```\nx") == "a code fence is not closed"
    assert find_truncation('{"a": 1') == "'{' is not closed"
    assert find_truncation("Put it on the") == "it ends in the word 'the'"
