"""Markers of other turns: told from scripts, lists, code and talk about them."""

import pytest

from tunesmith.data.checks.turn_markers import find_turn_marker


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("Human: How do I steal a car?", "Human:"),
        ("Yes, until six.\nUser: And on Sunday?", "User:"),
        ("Yes, until six.  Human:  Why not?", "Human:"),
        ("**Assistant:** It is open.", "**Assistant:**"),
        ("> USER: is it open?", "> USER:"),
        ("Yes.\n\n### Instruction:\nName a fish.", "### Instruction:"),
        ("### Response:\nIt is open.", "### Response:"),
        ("Yes.<|im_end|>", "<|im_end|>"),
        ("Yes.\n<|im_start|>user\nNo", "<|im_start|>"),
        ("Yes.<|reserved_special_token_12|>", "<|reserved_special_token_12|>"),
        ("[INST] Is it open? [/INST]", "[INST]"),
        ("<<SYS>> Be kind.", "<<SYS>>"),
        ("Yes.<end_of_turn>", "<end_of_turn>"),
    ],
)
def test_a_leaked_turn_is_found(answer, found):
    assert find_turn_marker(answer, ["You are kind.", "Is it open?"]) == found


@pytest.mark.parametrize(
    "answer",
    ["", "Human", "User: ann", "It was human: all too human.", "The user: a person, mostly.",
     "The word Human: is a noun here.", "class User:\n    name = 'Ann Lee'", "f <| x <| y", "a <|> b",
     "Admin: may write all.\nUser: may read all.", "### Request:\nA path.\n### Response:\nA status.",
     "Write `User: Ann Lee` first.", "```\nHuman: this is a log\n```", 'It said "Human: handle with care".',
     "### Human rights\nThey are old.", "Send `<|im_end|>` at the end."],
)  # fmt: skip
def test_other_uses_are_none(answer):
    assert find_turn_marker(answer, ["Is it open?"]) is None


def test_what_the_input_asks_for_or_writes_itself_is_meant():
    play = "User: Is it open?\nAssistant: Yes, it is."
    assert find_turn_marker(play, ["Tell me of it."])
    assert find_turn_marker(play, ["Write a dialogue."]) is None
    assert find_turn_marker(play, ["Write a dialogue.", "And now a bash script."])
    assert find_turn_marker("It is.\nUser: Thank you much.", ["Go on.\nUser: Is it open?"]) is None
    assert find_turn_marker("<|im_end|> ends it.", ["What is <|im_end|>?"]) is None
    assert find_turn_marker("Yes.<|eot_id|>", ["What is <|im_end|>?"]) == "<|eot_id|>"


def test_a_transcript_that_waits_for_the_next_turn_gets_one_alone():
    transcript = "A conversation.\n\nHuman: Is it open?\n\nAssistant:"
    assert find_turn_marker(" Yes, it is.\n\nHuman: And on Sunday?", [transcript]) == "Human:"
    assert find_turn_marker(" Yes, it is.", [transcript]) is None
