"""With the facts taken out of the input, does the model make some up?

Measured: the share of answers that state nothing without support in what was asked, 0 to 1, higher
is better. The input is one of the task's own whose numbers, dates, ids and names are replaced by
words that say nothing ("some", "somebody"). Support is looked up entity by entity, as in Nan et
al., "Entity-level Factual Consistency of Abstractive Text Summarization", 2021 (arXiv 2102.09130);
that tuning on facts which a model cannot know teaches it to invent is in Gekhman et al., "Does
Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?", 2024 (arXiv 2405.05904). An empty
answer does not pass: it tells nothing about what the model would state.
"""

from collections.abc import Sequence
from functools import partial

from tunesmith.data.entities import entity, find_all
from tunesmith.data.grounding import ungrounded
from tunesmith.evaluation.suites.asking import Judged, Question, last_request, one, with_request
from tunesmith.records import Example

NAME = "hallucination"

_INSTEAD = {"number": "some", "date": "some time", "id": "something", "name": "somebody"}


def without_facts(text: str) -> str:
    """Return a text whose entities are replaced by words that state none."""
    parts, position = [], 0
    for found in sorted(find_all(text), key=lambda one: one.start):
        if found.start < position:
            continue
        parts += [text[position : found.start], _INSTEAD[entity(found).kind]]
        position = found.start + len(found.text)
    return "".join((*parts, text[position:]))


def ask(test: Sequence[Example], count: int) -> list[Question]:
    """Return up to `count` questions, one for each input that states something."""
    found: list[Question] = []
    for row in test:
        text = last_request(row)
        bare = without_facts(text) if text else None
        if bare is None or bare == text:
            continue
        messages = with_request(row, bare)
        source = "\n".join(message.content for message in messages)
        judge = one(partial(grounded, source))
        item = f"{NAME}:{row.row_id}"
        found.append(
            Question(
                item,
                NAME,
                "facts removed",
                row.group_id,
                messages,
                judge,
                long=True,
                row_id=row.row_id,
            )
        )
        if len(found) == count:
            break
    return found


def grounded(source: str, output: str) -> Judged:
    """Say whether an answer states only what its prompt says."""
    if not output.strip():
        return Judged(False, "empty answer")
    missing = ungrounded(output, source)
    return Judged(not missing, ", ".join(f"{one.kind} {one.text!r}" for one in missing[:5]))
