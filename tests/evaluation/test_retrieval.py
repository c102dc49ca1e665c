"""Passages: nothing of a document lost, and the best found by a plain computation of BM25."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.made_rows import chat
from tunesmith.evaluation.retrieval import (
    ContextParams,
    Index,
    Passage,
    RetrieveParams,
    passages,
    question,
    with_passages,
)
from tunesmith.records import ChatExample, LabelExample, Message, PreferenceExample

COMMON = {"row_id": "1" * 16, "group_id": "g", "source": "rows.jsonl:1", "origin": "human"}
FOUND = [Passage("a.md:1", "Lamps ship on Monday."), Passage("b.md:4", "Chairs ship on Friday.")]
PUT = (
    "Passages that may help:\n\n[1] Lamps ship on Monday.\n\n[2] Chairs ship on Friday.\n\n"
    "Now the question:\n\nWhen?"
)


# Cutting


def test_paragraphs_stay_whole_and_share_a_passage_while_they_fit():
    text = "# Title\n\none two three\n \n\nfour five\r\n\r\nsix seven eight nine\n"
    assert list(passages("a.md", text, 6)) == [
        ("a.md:1", "# Title\n\none two three"), ("a.md:2", "four five\n\nsix seven eight nine"),
    ]  # fmt: skip
    assert [passage.text for passage in passages("a.md", text, 5)] == [
        "# Title\n\none two three", "four five", "six seven eight nine",
    ]  # fmt: skip


def test_a_paragraph_that_is_too_long_is_cut_between_words():
    assert [item.text for item in passages("a", "a b c d e\n\nf", 2)] == ["a b", "c d", "e\n\nf"]


@pytest.mark.parametrize("text", ["", " \n\n\t\n"])
def test_a_document_without_words_has_no_passage(text):
    assert list(passages("a.md", text, 5)) == []


@given(text=st.text("ab \n\r\t", max_size=60), words=st.integers(1, 6))
@settings(max_examples=100)
def test_no_word_is_lost_or_twice_and_no_passage_is_too_long(text, words):
    found = list(passages("a.md", text, words))
    assert [word for item in found for word in item.text.split()] == text.split()
    assert all(0 < len(item.text.split()) <= words for item in found)
    assert [item.source for item in found] == [f"a.md:{n}" for n in range(1, len(found) + 1)]


# Searching


def bm25(query, text, texts):
    """Robertson and Zaragoza's formula with Lucene's rarity, k1 = 1.2 and b = 0.75."""
    mean = sum(len(other.split()) for other in texts) / len(texts)
    found = text.split()
    total = 0.0
    for word in query.split():
        holding = sum(word in other.split() for other in texts)
        rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        count = found.count(word)
        total += rarity * count / (count + 1.2 * (0.25 + 0.75 * len(found) / mean))
    return total


def test_the_ranking_is_that_of_bm25_worked_out_word_by_word():
    draw = random.Random(7)
    words = [f"w{n}" for n in range(12)]
    texts = [" ".join(draw.choices(words, k=draw.randint(2, 30))) for _ in range(80)]
    index = Index([Passage(text, text) for text in texts])
    for _ in range(20):
        query = " ".join(draw.choices(words, k=3))
        expected = sorted(texts, key=lambda text: -bm25(query, text, texts))[:8]
        assert [found.text for found in index.search(query, 8)] == expected


def test_the_first_k_are_returned_and_of_equals_those_that_came_first():
    index = Index([Passage(f"{n}", "the same words") for n in range(500)])
    assert [found.source for found in index.search("Same!", 3)] == ["0", "1", "2"]


@pytest.mark.parametrize("query", ["", "?!", "unheard of", "lampe"])
def test_what_shares_no_word_with_a_query_is_not_found(query):
    assert Index([Passage("a", "a lamp"), Passage("b", "a chair")]).search(query, 2) == []


def test_words_of_any_script_are_found():
    index = Index([Passage("a", "Müllabfuhr am Dienstag"), Passage("b", "Вывоз мусора")])
    assert [found.source for found in index.search("MÜLLABFUHR?", 1)] == ["a"]
    assert [found.source for found in index.search("мусора", 1)] == ["b"]


# Putting in


def test_passages_stand_before_the_last_thing_the_user_says_and_the_row_keeps_its_id():
    row = ChatExample(
        **COMMON, messages=(
            Message("system", "Be short."), Message("user", "Hi."), Message("assistant", "Hello."),
            Message("user", "When?", name="Ann"), Message("assistant", "On Monday."),
        ),
    )  # fmt: skip
    assert question(row) == "When?"
    asked = with_passages(row, FOUND)
    assert asked.messages == (*row.messages[:3], Message("user", PUT, name="Ann"), row.messages[4])
    assert (asked.row_id, asked.group_id, asked.answer) == (row.row_id, row.group_id, row.answer)
    assert "Monday" in asked.input_text


def test_preferences_and_labelled_texts_take_passages_too():
    better = PreferenceExample(
        **COMMON, prompt=(Message("user", "When?"),), chosen="Monday.", rejected="Never."
    )
    assert with_passages(better, FOUND).prompt == (Message("user", PUT),)
    assert with_passages(better, FOUND).chosen == "Monday."
    label = LabelExample(**COMMON, text="When?", label="time")
    assert with_passages(label, FOUND).text == PUT
    assert with_passages(label, FOUND).label == "time"


def test_where_there_is_nothing_to_put_in_or_nowhere_the_row_is_as_it_was():
    row = chat("When?")
    assert with_passages(row, []) is row
    mute = ChatExample(**COMMON, messages=(Message("system", "S"), Message("assistant", "A")))
    assert question(mute) == ""
    assert with_passages(mute, FOUND) is mute


def test_the_recipe_s_part_gives_the_stage_what_it_needs_and_no_more():
    context = ContextParams(documents="docs/*.md", k=2, words=50, training=True)
    assert context.retrieving == RetrieveParams(k=2, words=50)
    for fields in ({"documents": "a.pdf"}, {"documents": "a.md", "k": 0}, {}):
        with pytest.raises(ValidationError):
            ContextParams(**fields)
