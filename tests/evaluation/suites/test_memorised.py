"""A long run of another input's training answer is recited; the task's own form is not."""

from tests.made_rows import chat
from tunesmith.evaluation.suites.memorised import SHARED_BY, Memorised, runs

SECRET = "the old mill by the river was sold to a miller from the north"


def found(output, training, *, prompt="", group="asked", form=()):
    looked = Memorised(8)
    looked.look_for(output)
    for row in training:
        looked.see(row)
    return looked.judge(output, prompt, group, frozenset(form))


def test_a_run_of_one_other_answer_is_recited_whatever_stands_around_it():
    row = chat("Who?", f"As I said, {SECRET}.")
    result = found(f"Well: {SECRET.upper()}!", [chat("What?"), row])
    assert not result.passed
    assert "the old mill" in result.evidence


def test_a_run_one_word_too_short_is_none():
    words = SECRET.split()
    assert found(" ".join(words[:7]), [chat("Who?", SECRET)]).passed
    assert not found(" ".join(words[:8]), [chat("Who?", SECRET)]).passed


def test_a_training_input_is_no_answer():
    assert found(SECRET, [chat(SECRET, "Fine.")]).passed


def test_what_the_prompt_the_task_or_its_own_group_says_may_be_said():
    training = [chat("Who?", SECRET, group="own")]
    assert found(SECRET, training, prompt=f"Repeat: {SECRET}").passed
    assert found(SECRET, training, group="own").passed
    assert found(SECRET, training, form=runs(SECRET, 8)).passed
    assert not found(SECRET, training).passed


def test_what_three_groups_say_is_the_form_of_the_task():
    rows = [chat(f"Who {at}?", SECRET) for at in range(SHARED_BY)]
    assert found(SECRET, rows).passed
    assert not found(SECRET, rows[1:]).passed
    one_group = [chat(f"Who {at}?", SECRET, group="same") for at in range(SHARED_BY)]
    assert not found(SECRET, one_group).passed
