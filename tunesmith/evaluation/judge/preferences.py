"""Propose preference pairs from what a judge chose, for a person to review.

A judge's choice is a model's word: the rows have the origin `model` and no reviewer, so ingest
drops them until somebody has looked. Rows of test and golden sets stay fenced off by their group.
"""

from collections.abc import Iterable, Iterator, Sequence

from tunesmith.data.shapes.rows import Facts, preference
from tunesmith.evaluation.judge.identity import JudgeIdentity
from tunesmith.evaluation.judge.results import Comparison
from tunesmith.records import Example, PreferenceExample


def propose(
    examples: Sequence[Example],
    first: Sequence[str],
    second: Sequence[str],
    comparisons: Iterable[Comparison],
    identity: JudgeIdentity,
) -> Iterator[PreferenceExample]:
    """Yield a pair for each example that the judge chose an answer for, in their order.

    Left out are ties and missing verdicts, equal answers, a chosen one that is blank, and prompts
    with calls of tools, which pairs cannot hold.

    Args:
        examples: What was asked.
        first: One answer to each.
        second: The other.
        comparisons: What the judge chose.
        identity: The judge.

    Raises:
        ValueError: there is not one of each for every example.
    """
    for example, one, other, comparison in zip(examples, first, second, comparisons, strict=True):
        if comparison.winner not in ("first", "second"):
            continue
        chosen, rejected = (one, other) if comparison.winner == "first" else (other, one)
        if not chosen.strip() or chosen.strip() == rejected.strip():
            continue
        if any(message.tool_calls or message.tool_call_id for message in example.prompt):
            continue
        facts = Facts(
            {
                "source": example.source,
                "origin": "model",
                "metadata": {
                    "proposed_by": identity.model,
                    "served": list(identity.served),
                    "judge_prompt": identity.prompt_digest,
                    "reasons": list(comparison.reasons),
                    "row_id": example.row_id,
                },
            },
            example.group_id,
        )
        yield preference(facts, example.prompt, chosen, rejected)
