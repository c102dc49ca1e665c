import re
from itertools import product

import pytest

from tunesmith.example_data.dice import Dice
from tunesmith.example_data.vocabulary import choose, fields, sentences, vocabulary

NUMBER_WORDS = {
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("first", "second", "third", "once", "twice", "half", "both", "dozen"),
}


def variants(template: str) -> list[str]:
    """Every text that a template's choices allow."""
    parts = re.split(r"\[([^\[\]|]*(?:\|[^\[\]|]*)+)\]", template)
    options = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*options)]


def test_variants_are_what_choose_can_give() -> None:
    template = "[a|b] x [c|d|e] {id} [keep]"
    dice = Dice(1)
    assert {choose(template, dice) for _ in range(200)} == set(variants(template))
    assert len(variants(template)) == 6


def test_sides_share_no_person_product_noun_or_problem() -> None:
    tickets, heldout = vocabulary("tickets"), vocabulary("heldout")
    names = [
        {name.lower() for name in side.first_names + side.last_names} for side in (tickets, heldout)
    ]
    assert not names[0] & names[1]
    for part in ("name", "noun"):
        mine = {getattr(item, part) for item in tickets.products}
        assert not mine & {getattr(item, part) for item in heldout.products}
    assert not {item.name for item in tickets.problems} & {item.name for item in heldout.problems}
    brands = [{item.name.split()[0] for item in side.products} for side in (tickets, heldout)]
    assert not brands[0] & brands[1]


@pytest.mark.parametrize("side", ["tickets", "heldout"])
def test_pools_are_large_and_without_repeats(side) -> None:
    words = vocabulary(side)
    for pool in (words.first_names, words.last_names, words.products, words.problems):
        assert len(set(pool)) == len(pool)
        assert all(pool)
    assert len(words.problems) >= 12
    assert len(words.products) >= 18


@pytest.mark.parametrize("side", ["tickets", "heldout"])
def test_an_email_uses_only_facts_that_every_note_of_its_problem_states(side) -> None:
    always = {"product", "noun", "opened", "first", "last", "id"}
    for problem in vocabulary(side).problems:
        stated = set.intersection(*(set(fields(text)) for text in problem.did))
        for text in problem.tells + problem.topic:
            assert set(fields(text)) <= stated | always, (problem.name, text)
        assert len(problem.says) == len(problem.did) == len(problem.tells) == 3


@pytest.mark.parametrize("side", ["tickets", "heldout"])
def test_every_problem_befalls_a_product_and_every_product_has_several(side) -> None:
    words = vocabulary(side)
    for problem in words.problems:
        assert any(problem.befalls(item) for item in words.products), problem.name
    for item in words.products:
        assert sum(problem.befalls(item) for problem in words.problems) >= 5, item.name


def test_email_sentences_bring_no_entity_of_their_own() -> None:
    parts = sentences()
    own = parts.opener + parts.closer
    for side in ("tickets", "heldout"):
        own += tuple(text for problem in vocabulary(side).problems for text in problem.tells)
        own += tuple(text for problem in vocabulary(side).problems for text in problem.topic)
    own += tuple(text for text in parts.subject)
    for template in own:
        for text in variants(template):
            plain = re.sub(r"\{\w+\}", "x", text)
            assert not re.search(r"\d", plain), text
            assert not set(re.findall(r"\w+", plain.lower())) & NUMBER_WORDS, text
            assert not re.search(r"(?<!^)(?<![.!?] )[A-Z]", plain), text
