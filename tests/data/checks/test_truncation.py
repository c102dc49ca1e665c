"""Answers that stop before their end, and those that only look so."""

import pytest

from tunesmith.data.checks.truncation import find_truncation

PROSE = "The pump is old. It leaks at the seal. We change it on Monday. "


@pytest.mark.parametrize(
    "answer",
    [PROSE + "The new one is", PROSE + "The new one costs much less than", PROSE + "The new one came last week and will go in by nine, so that the line is not out for lo",
     "Take the lid off and put it on the", PROSE * 2 + "First heat the oven, then mix the flour,",
     "The pump is old. It leaks at the seal and it makes a noise that wakes the whole house up. By Monday the fitter wants to cha",
     "I would like to know whether they’re", PROSE + "It is loud because it stands in", PROSE + "Then we",
     "const a = x.match(/['a]/);\nif (a) {\n  go(a",
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
     "All right. It will be at the bar in a minute,", "Milk, eggs,", "First heat the oven, then mix the flour,",
     "No. I need to know what syrups you have", "Take it. I do not know where it is from", "I want to start at A",
     "Hi there. i looked it up and can see that the parcel is on its way to you and it will be there tomorrow at noon or so",
     "hello. The parcel is on its way to you and it will be with you tomorrow at noon or a little later, i think",
     "const a = x.match(/[^\\w\\s']/g) || [];\ncount(a);", "# it isn't closed\nfor x in y:\n    print(x)",
     PROSE + "“It holds,” he said. “It will.”", PROSE + "我们明天换。", "1. Open it.\n2. Close it.\n3. Done"],
)  # fmt: skip
def test_an_answer_that_has_its_end_is_not(answer):
    assert find_truncation(answer) is None


def test_the_sign_is_named():
    assert find_truncation("```\nx") == "a code fence is not closed"
    assert find_truncation('{"a": 1') == "'{' is not closed"
    assert find_truncation("Put it on the") == "it ends in the word 'the'"
