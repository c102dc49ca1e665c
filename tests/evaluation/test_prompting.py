"""Ways to put a prompt: every combination once, and nothing asked that does not fit."""

import json

import pytest
from pydantic import ValidationError

from tests.made_rows import chat, chats
from tunesmith.evaluation.prompting import (
    MARKER,
    STEPS,
    PromptBaselineParams,
    Prompting,
    ask,
    ask_all,
    final_answer,
    fitting,
    put,
)
from tunesmith.records import Message
from tunesmith.training.loading import load_tokenizer
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

SHOTS = chats("a?", "b?", "c?", "d?", "e?", system="Another system prompt.")
ROW = chat("Who?", "Me.", system="Its own.")


def said(messages):
    return [(message.role, message.content) for message in messages]


# Variants


def test_every_combination_is_a_variant_with_a_name_of_its_own():
    params = PromptBaselineParams(
        systems=("Be short.",), shots=(0, 5), styles=("plain", "steps"), reasoning_tokens=40
    )
    variants = params.variants()
    assert list(variants) == [
        "own 0 shots plain", "own 0 shots steps", "own 5 shots plain", "own 5 shots steps",
        "system 1 0 shots plain", "system 1 0 shots steps",
        "system 1 5 shots plain", "system 1 5 shots steps",
    ]  # fmt: skip
    assert variants["own 0 shots plain"] == Prompting()
    assert variants["system 1 5 shots steps"] == Prompting(
        system="Be short.", shots=5, style="steps", reasoning_tokens=40
    )
    assert variants["system 1 5 shots plain"].reasoning_tokens == 0


@pytest.mark.parametrize(
    "fields",
    [{"shots": ()}, {"shots": (0, 0)}, {"shots": (-1,)}, {"styles": ()}, {"styles": ("loud",)},
     {"styles": ("plain", "plain")}, {"systems": ("a", "a")}, {"systems": (" ",)},
     {"sample": 0}, {"reasoning_tokens": 0}, {"system": "a"}],
)  # fmt: skip
def test_what_names_no_variants_is_refused(fields):
    with pytest.raises(ValidationError):
        PromptBaselineParams(**fields)


def test_a_schema_goes_with_its_style_and_only_with_it():
    variants = PromptBaselineParams(shots=(0,), styles=("plain", "schema")).variants({"b": 1})
    assert variants["own 0 shots plain"].json_schema is None
    assert variants["own 0 shots schema"].json_schema == '{"b":1}'
    for fields in ({"style": "schema"}, {"json_schema": "{}"}):
        with pytest.raises(ValidationError):
            Prompting(**fields)


# How a prompt is put


def test_a_plain_prompt_is_the_row_s_own():
    assert put(ROW.prompt, Prompting(), ()) == ROW.prompt


def test_another_system_prompt_takes_the_place_of_every_one_of_the_row():
    twice = (Message("system", "One."), Message("user", "Hi."), Message("system", "Two."))
    for prompt in (twice, twice[1:2]):
        assert said(put(prompt, Prompting(system="New."), ())) == [
            ("system", "New."), ("user", "Hi."),
        ]  # fmt: skip


def test_shots_stand_between_the_system_prompt_and_the_question_and_bring_none_of_their_own():
    asked = put(ROW.prompt, Prompting(system="New.", shots=2), SHOTS[:2])
    assert said(asked) == [
        ("system", "New."), ("user", "a?"), ("assistant", "Fine."), ("user", "b?"),
        ("assistant", "Fine."), ("user", "Who?"),
    ]  # fmt: skip


def test_steps_are_asked_for_once_at_the_end_of_the_last_thing_the_user_says():
    called = (Message("user", "One?"), Message("user", "Two?", name="Ann"), Message("tool", "42"))
    asked = put(called, Prompting(style="steps"), SHOTS[:1])
    assert [STEPS in message.content for message in asked] == [False, False, False, True, False]
    assert asked[-2] == Message("user", f"Two?\n\n{STEPS}", name="Ann")
    assert asked[-1] == Message("tool", "42")
    alone = put((Message("system", "Write."),), Prompting(style="steps"), ())
    assert said(alone) == [("system", "Write."), ("user", STEPS)]


# What fits


@pytest.mark.parametrize("room", range(7))
def test_as_many_shots_are_shown_as_fit_and_the_first_of_them(room):
    def fits(example, messages):
        assert example == ROW
        return len(messages) <= 2 + 2 * room

    asked = ask(ROW, Prompting(shots=5), SHOTS, fits)
    assert asked.shots == min(room, 5)
    assert asked.messages == put(ROW.prompt, Prompting(), SHOTS[: asked.shots])


def test_a_prompt_that_fits_nowhere_is_asked_without_shots():
    assert ask(ROW, Prompting(shots=5), SHOTS, lambda *_: False).messages == ROW.prompt


def test_without_shots_nothing_is_loaded_to_look_what_fits():
    def fail():
        raise AssertionError("loaded")

    assert [item.messages for item in ask_all([ROW], Prompting(), (), fail)] == [ROW.prompt]


def test_the_model_s_context_is_what_a_prompt_and_its_answer_must_fit_into(tiny_base):
    context = json.loads((tiny_base / "config.json").read_text())["max_position_embeddings"]
    room = context - len(prompt_ids(load_tokenizer(tiny_base), turns(ROW.prompt)))
    assert fitting(tiny_base, room)(ROW, ROW.prompt)
    assert not fitting(tiny_base, room + 1)(ROW, ROW.prompt)


# The final answer


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (f"One. Two.\n{MARKER}\n42\n", "42"),
        ("I will write Final answer: last.\nFINAL ANSWER: 42", "42"),
        ("**Final answer:**\nSubject: a\n\nb", "Subject: a\n\nb"),
        ("İstanbul first.\nFinal answer: 42", "42"),
        ("One.\nFinal answer:", ""),
        ("My final answer is 42.", "My final answer is 42."),
        ("  42\n", "  42\n"),
    ],
)
def test_the_final_answer_is_what_follows_the_last_marker(output, answer):
    assert final_answer(output) == answer
