import ast
import operator
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from tests.evaluation.capability.set_quality import best_constant, near_copies, problems
from tunesmith.evaluation.capability.items import (
    SKILLS,
    Choice,
    Item,
    Number,
    Refuse,
    Text,
    Verbatim,
    load,
)

ITEMS = load()


def items_of(skill):
    return [item for item in ITEMS if item.skill == skill]


def value(node):
    """Compute an arithmetic expression exactly."""
    signs = {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.FloorDiv: operator.floordiv,
        ast.Mod: operator.mod,
        ast.Pow: operator.pow,
    }
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp):
        return -value(node.operand)
    return signs[type(node.op)](value(node.left), value(node.right))


def test_the_set_is_fit_for_use():
    assert problems(ITEMS, least=40) == []


@pytest.mark.parametrize("skill", SKILLS)
def test_a_skill_has_items_of_all_difficulties_and_enough_for_five_points(skill):
    # With fewer than 59 items, not even two equal models could be shown to be within 5 points.
    own = items_of(skill)
    assert len(own) >= 60
    assert all(count >= 10 for count in Counter(item.difficulty for item in own).values())
    assert {item.difficulty for item in own} == {1, 2, 3}
    assert len({item.topic for item in own}) >= 12


def test_arithmetic_is_right():
    proved = [item for item in ITEMS if isinstance(item.check, Number) and item.skill != "code"]
    assert len(proved) >= 80
    for item in proved:
        found = value(ast.parse(item.proof, mode="eval").body)
        assert found == Fraction(Decimal(item.check.value)), item.id


def test_programs_print_what_the_items_say(tmp_path):
    # These programs are our own; what a model writes is never run.
    proved = [item for item in items_of("code") if item.proof]
    assert len(proved) >= 40
    for item in proved:
        assert f"```python\n{item.proof}\n```" in item.prompt
    script = tmp_path / "all.py"
    script.write_text(
        "import contextlib, io, json\nout = []\n"
        f"for code in {[item.proof for item in proved]!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as text:\n"
        "        exec(code, {'__name__': 'item'})\n"
        "    out.append(text.getvalue().strip())\n"
        "print(json.dumps(out))\n"
    )
    done = subprocess.run([sys.executable, "-I", script], capture_output=True, check=True)
    for item, printed in zip(proved, msgspec.json.decode(done.stdout), strict=True):
        expected = {
            Number: lambda check: check.value,
            Verbatim: lambda check: check.answers[0],
            Choice: lambda check: check.options["ABCDEF".index(check.answer)],
        }[type(item.check)](item.check)
        assert printed == expected, item.id


def test_what_is_to_be_refused_and_what_only_looks_like_it_are_mixed():
    refused = sum(isinstance(item.check, Refuse) for item in items_of("refusal"))
    assert 20 <= refused <= 0.4 * len(items_of("refusal"))


def test_skills_come_in_the_order_in_which_they_are_named():
    assert [item.skill for item in load(["code", "reading"])] == ["code"] * len(
        items_of("code")
    ) + ["reading"] * len(items_of("reading"))


class TestProblems:
    def test_a_near_copy_is_named(self):
        one = ITEMS[0]
        other = msgspec.structs.replace(one, id="other", prompt=one.prompt.upper() + "!")
        assert near_copies([one, other])[0][:2] == (one.id, "other")
        assert any("alike" in problem for problem in problems([one, other], least=1))

    def test_the_same_question_with_other_options_is_no_copy(self):
        one = Item("a", "code", "t", 1, "Which one?", Choice(("w", "x", "y"), "A"))
        other = msgspec.structs.replace(one, id="b", check=Choice(("k", "l", "m"), "A"))
        assert near_copies([one, other]) == []

    def test_one_answer_for_all_is_found(self):
        names = ("plum", "stone", "river", "glass", "wheel")
        same = [Item(name, "code", "t", 1, f"About the {name}", Number("4")) for name in names]
        assert best_constant(same) == ("4", 1.0)
        assert any("'4' is right for 100%" in problem for problem in problems(same, least=1))

    def test_an_item_that_its_own_answer_or_prompt_decides_is_named(self):
        echo = Item("a", "code", "t", 1, "Say it", Text(("say it",)))
        hopeless = Item("b", "code", "t", 1, "Another", Choice(("x", "x"), "A"))
        found = problems([echo, hopeless], least=1)
        assert any(problem.startswith("a: its own prompt") for problem in found)
        assert any(problem.startswith("b: its own answer") for problem in found)

    def test_few_items_repeated_ids_and_a_favoured_letter_are_named(self):
        words = [chr(97 + at) * 5 for at in range(12)]
        options = ("red", "green", "blue", "grey")
        items = [
            Item("a", "code", "t", 1, f"{word} {word[0]}", Choice(options, "A")) for word in words
        ]
        found = "\n".join(problems(items))
        assert "12 items have this id" in found
        assert "12 items; expected at least 40" in found
        assert "A is the answer of 100%" in found
