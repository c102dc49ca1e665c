"""Propose preference pairs from what a judge chose, for a person to review.

A judge's choice is a model's word: the rows have the origin `model` and no reviewer, so ingest
drops them until somebody has looked. Rows of test and golden sets stay fenced off by their group.
"""

from collections.abc import Iterable, Iterator, Sequence

from tunesmith.data.shapes.rows import Facts, preference
from tunesmith.evaluation.judge.identity import JudgeIdentity
from tunesmith.evaluation.judge.scores import PREFERRED
from tunesmith.records import Example, PreferenceExample, Score


def propose(
    examples: Sequence[Example],
    first: Sequence[str],
    second: Sequence[str],
    preferred: Iterable[Score],
    identity: JudgeIdentity,
) -> Iterator[PreferenceExample]:
    """Yield a pair for each example that the judge chose an answer for, in their order.

    Left out are ties and missing verdicts, equal answers, a chosen one that is blank, and prompts
    with calls of tools, which pairs cannot hold.

    Args:
        examples: What was asked.
        first: One answer to each.
        second: The other.
        preferred: What the judge chose: scores of the stage `judge`, 1 for the first answer and
            0 for the other.
        identity: The judge.

    Raises:
        ValueError: there is not one of each for every example.
    """
    for example, one, other, score in zip(examples, first, second, preferred, strict=True):
        choice = score.values[PREFERRED]
        if choice not in (1.0, 0.0):
            continue
        chosen, rejected = (one, other) if choice == 1.0 else (other, one)
        if not chosen.strip() or chosen.strip() == rejected.strip():
            continue
        if any(message.tool_calls or message.tool_call_id for message in example.prompt):
            continue
        facts = Facts(
            {
                "source": example.source,
                "origin": "model",
                "metadata": {
                    **example.metadata,
                    "proposed_by": identity.model,
                    "served": list(identity.served),
                    "judge_prompt": identity.prompt_digest,
                    "why": score.evidence.get(PREFERRED, ""),
                    "row_id": example.row_id,
                },
            },
            example.group_id,
        )
        yield preference(facts, example.prompt, chosen, rejected)
