"""What a turn asks for, and turns that only hold the words of another kind."""

import pytest

from tunesmith.data.comparing.asking import asks


@pytest.mark.parametrize(
    "turn",
    [
        "Give me a number.",
        "Please name three towns",
        "Can you tell me a joke about 5 cats?",
        "Write a program that adds two numbers.",
        "You are a pirate. Suggest how many ships we need.",
        "I need you to write me some text.",
        "What are some good names?",
        "What's a good price for it?",
        "Do you have any ideas?",
        "Here is the text:\nlist 5 words",
    ],
)
def test_anything(turn):
    assert asks(turn) == "anything"


@pytest.mark.parametrize(
    "turn",
    [
        "How many are left?",
        "Thanks. And how long will it take?",
        "When does it arrive?",
        "Calculate 5 + 8",
        "What is 12 * 7?",
        "What's the total?",
        "What is Ann's present age?",
        "Which day is it?",
        "Tell me the price.",
        "If he takes one at random, how many are left to give a friend?",
        "Give me the phone number, for example.",
        "x" * 10_000 + " How much is it?",
        "How much is it? " + "x" * 10_000,
    ],
)
def test_amount(turn):
    assert asks(turn) == "amount"


@pytest.mark.parametrize(
    "turn",
    [
        "",
        "I lost my card.",
        "Is it open on Sunday?",
        "How can I marry 2 people at the same time?",
        "Who are the 5 others?",
        "Why?",
        "Write a reply to this customer.",
        "Draft an e-mail that answers the ticket.",
        "When I open it, it breaks.",
        "It happens all the time, when I open it.",
        "Wie viele sind es?",
    ],
)
def test_neither(turn):
    assert asks(turn) == "other"


def test_a_long_turn_costs_no_more_than_a_short_one():
    assert asks("to write " * 1_000_000) == "other"
