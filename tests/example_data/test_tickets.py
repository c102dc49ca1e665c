from itertools import pairwise

import pytest

from tunesmith.example_data.dice import Dice
from tunesmith.example_data.tickets import Tickets, grams, jaccard, new_facts, pieces


def test_the_counts_of_a_ticket_differ() -> None:
    dice = Dice(1)
    for _ in range(300):
        facts = new_facts(dice)
        assert facts["count"] != facts["count_b"]
        assert facts["opened"] != facts["due"]


def test_a_second_ticket_keeps_customer_and_product() -> None:
    tickets = Tickets("tickets", Dice(3), iter(range(10_000, 100_000)))
    rows = [tickets.next() for _ in range(300)]
    pairs = [(one, two) for one, two in pairwise(rows) if one.conversation == two.conversation]
    assert len(pairs) >= 10
    for one, two in pairs:
        for name in ("first", "last", "product"):
            assert one.facts[name] == two.facts[name]
        assert one.facts["id"] != two.facts["id"]


def test_with_facts_changes_ticket_and_email_alike() -> None:
    row = Tickets("tickets", Dice(3), iter(range(10_000, 100_000))).next()
    other = row.with_facts(id="TK-99999")
    assert other.user == row.user.replace(row.facts["id"], "TK-99999")
    assert other.assistant == row.assistant.replace(row.facts["id"], "TK-99999")
    assert other.user != row.user


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a b c d", "A, b; C d!", 1.0),
        ("a b c d", "a b c e", 1 / 3),
        ("a b c", "d e f", 0.0),
        ("a b", "a b", 0.0),
    ],
)
def test_similarity_is_of_word_3_grams(one: str, other: str, expected: float) -> None:
    assert jaccard(grams(one), grams(other)) == pytest.approx(expected)


def test_pieces_count_digits_one_by_one() -> None:
    assert pieces("Hi Zoë,\n\n[TK-12]") == 10


def test_dice_repeat_and_cover_their_range() -> None:
    rolls = [Dice(5).number(2, 4) for _ in range(3)]
    assert len(set(rolls)) == 1
    dice = Dice(5)
    assert {dice.number(2, 4) for _ in range(200)} == {2, 3, 4}
    assert sorted(dice.shuffled(range(50))) == list(range(50))
    assert dice.shuffled(range(50)) != list(range(50))
    assert len(set(dice.sample(range(50), 20))) == 20
