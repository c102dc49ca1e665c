"""Does the model still follow a system prompt that it was not tuned with?

Measured: the share of answers that keep the one rule that an unusual system prompt gives, 0 to 1,
higher is better. The rule is about form, so that a program can check it, as in IFEval (Zhou et
al., "Instruction-Following Evaluation for Large Language Models", 2023, arXiv 2311.07911); that
tuning on one kind of prompt costs the others is in Wang et al., "Two-stage LLM Fine-tuning with
Less Specialization and More Generalization", 2024 (arXiv 2211.00635). Half of the questions are
general, half are the task's own inputs under the unusual prompt.
"""

from collections.abc import Sequence
from functools import partial

from tunesmith.evaluation.capability.rules import Case, Edge, Has
from tunesmith.evaluation.suites.asking import Question, asked, last_request, one
from tunesmith.evaluation.suites.forms import (
    Broken,
    is_bullets,
    is_in,
    is_numbered,
    is_word,
    judged,
)
from tunesmith.evaluation.suites.general import QUESTIONS
from tunesmith.records import Example

NAME = "system_prompt"

PROMPTS: tuple[tuple[str, str, Broken], ...] = (
    (
        "spain",
        "You live in Madrid and speak only Spanish. Answer in Spanish.",
        partial(is_in, "es"),
    ),
    (
        "cook",
        "You are Barnacle, the cook of a pirate ship. Every answer contains the word ahoy.",
        Has(("ahoy",)).broken,
    ),
    (
        "teacher",
        "Answer with a numbered list of short lines: 1. on the first, 2. on the second.",
        is_numbered,
    ),
    (
        "whisper",
        "You whisper. Write in lower-case letters only, without any capital.",
        Case("lower").broken,
    ),
    ("radio", "You are a radio operator. End every answer with: Over.", Edge(ends="Over.").broken),
    ("france", "You live in Paris and speak only French. Answer in French.", partial(is_in, "fr")),
    ("herald", "You are a herald who shouts. WRITE IN CAPITAL LETTERS.", Case("upper").broken),
    (
        "clerk",
        "You write two or more bullet points, each on its own line after a hyphen.",
        is_bullets,
    ),
    (
        "computer",
        "You are the computer of a space station. Say the words protocol nine in every answer.",
        Has(("protocol nine",)).broken,
    ),
    ("oracle", "You are an oracle. You answer with a single word.", is_word),
)
"""Name, system prompt, and the rule that it gives."""


def ask(test: Sequence[Example], count: int) -> list[Question]:
    """Return `count` questions, or fewer where there are no task inputs to ask about."""
    inputs = [(row, text) for row in test if (text := last_request(row))]
    found = []
    for number in range(count):
        name, system, broken = PROMPTS[number % len(PROMPTS)]
        turn = number // len(PROMPTS)
        if turn % 2 == 0:
            text = QUESTIONS[(number * 7 + turn) % len(QUESTIONS)]
            part, group = "question", f"{NAME} {number}"
        elif inputs:
            row, text = inputs[number % len(inputs)]
            part, group = "task input", row.group_id
        else:
            continue
        judge = one(partial(judged, broken))
        found.append(
            Question(f"{NAME}:{name}:{number}", NAME, part, group, asked(system, text), judge)
        )
    return found
