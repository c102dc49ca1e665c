"""The general instructions that come with Tunesmith: none is what the probe asks."""

import json
import re

from tunesmith.data import replay
from tunesmith.evaluation.capability.items import SKILLS, load
from tunesmith.evaluation.suites import format_lock, leakage, system_prompts
from tunesmith.evaluation.suites.general import QUESTIONS

ALIKE = 0.7
"""Share of words in common from which two short questions ask for the same; 0.64 is the pair
"What is the difference between a virus and a bacterium / a river and a lake?"."""


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def asked() -> list[str]:
    """Every text that a suite or the capability set puts to a model."""
    forms = [how for _, how, _ in format_lock.FORMATS]
    systems = [system for _, system, _ in system_prompts.PROMPTS]
    items = [item.prompt for item in load(SKILLS)]
    return [*items, *QUESTIONS, *forms, *systems, *leakage.REQUESTS]


def test_no_row_asks_what_the_probe_asks() -> None:
    rows = (replay.FOLDER / replay.GENERAL).read_text("utf-8").splitlines()
    own = [words(json.loads(row)["messages"][0]["content"]) for row in rows]
    theirs = {text: words(text) for text in asked()}
    assert len(own) > 150
    assert len(theirs) > 400
    for one in own:
        near = {
            text for text, other in theirs.items() if len(one & other) > ALIKE * len(one | other)
        }
        assert not near, sorted(one)
