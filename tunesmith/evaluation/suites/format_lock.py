"""Asked for another format, does the model give it?

Measured: the share of answers in the format that the user asks for, 0 to 1, higher is better. A
model tuned on one format alone tends to answer everything in it ("format specialization" in Wang
et al., "Two-stage LLM Fine-tuning with Less Specialization and More Generalization", 2024, arXiv
2211.00635). Half of the questions are about the task's own inputs, without the task's system
prompt; half are general.
"""

from collections.abc import Sequence
from functools import partial

from tunesmith.evaluation.capability.rules import Case
from tunesmith.evaluation.suites.asking import Question, asked, last_request, one
from tunesmith.evaluation.suites.forms import (
    Broken,
    is_bullets,
    is_in,
    is_json,
    is_numbered,
    is_word,
    judged,
)
from tunesmith.evaluation.suites.general import QUESTIONS
from tunesmith.records import Example

NAME = "format_lock"

FORMATS: tuple[tuple[str, str, Broken], ...] = (
    ("json", "Answer with a JSON object and nothing else.", is_json),
    (
        "bullets",
        "Answer with a list of bullet points, each on its own line after a hyphen.",
        is_bullets,
    ),
    ("word", "Answer with a single word.", is_word),
    ("capitals", "WRITE YOUR ANSWER IN CAPITAL LETTERS ONLY.", Case("upper").broken),
    (
        "numbered",
        "Answer with a numbered list: 1. on the first line, 2. on the second, and so on.",
        is_numbered,
    ),
    ("spanish", "Answer in Spanish, with one or two whole sentences.", partial(is_in, "es")),
)
"""Name, what is asked, and what says what is wrong with an answer."""


def ask(test: Sequence[Example], count: int) -> list[Question]:
    """Return `count` questions, about half of them on the task's inputs where there are any."""
    inputs = [(row, text) for row in test if (text := last_request(row))]
    found = []
    for number in range(count):
        name, how, broken = FORMATS[number % len(FORMATS)]
        turn = number // len(FORMATS)
        if turn % 2 or not inputs:
            topic, group = QUESTIONS[(number * 3 + turn) % len(QUESTIONS)], f"{NAME} {number}"
        else:
            row, text = inputs[number % len(inputs)]
            topic, group = f"Here is a text:\n\n{text}\n\nWhat is it about?", row.group_id
        judge = one(partial(judged, broken))
        item = f"{NAME}:{name}:{number}"
        found.append(Question(item, NAME, name, group, asked(None, f"{topic} {how}"), judge))
    return found
