"""What the base could do before, and whether the tuned model still can.

Measured: the share of right answers to the capability set (`tunesmith.evaluation.capability`), 0
to 1, higher is better, over all and skill by skill. Catastrophic forgetting in tuned language
models is measured so in Luo et al., "An Empirical Study of Catastrophic Forgetting in Large
Language Models During Continual Fine-tuning", 2023 (arXiv 2308.08747).
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from tunesmith.evaluation.capability.items import Item
from tunesmith.evaluation.capability.scoring import guess_rate, messages, score
from tunesmith.evaluation.suites.asking import Judged, Question, one
from tunesmith.records import Message
from tunesmith.sampling import fraction

NAME = "forgetting"


def ask(items: Sequence[Item], of_skill: int) -> list[Question]:
    """Return up to `of_skill` questions of each skill, chosen by hash."""
    taken: Counter[str] = Counter()
    chosen = []
    for item in sorted(items, key=lambda item: fraction(item.id, NAME)):
        taken[item.skill] += 1
        if taken[item.skill] <= of_skill:
            chosen.append(item)
    return [
        Question(
            item.id,
            NAME,
            item.skill,
            item.id,
            tuple(Message(turn["role"], turn["content"]) for turn in messages(item)),
            one(partial(_right, item)),
            chance=guess_rate(item),
        )
        for item in chosen
    ]


def _right(item: Item, output: str) -> Judged:
    found = score(item, output)
    return Judged(bool(found.value), found.evidence)
