"""Which inputs are unlike training, and how an input is disturbed without losing a fact."""

from tests.made_rows import chat, chats
from tunesmith.data.grounding import find_entities, ungrounded
from tunesmith.evaluation.suites import shift

TICKET = "Chloe Vogel called on 14 January about order SO-3760 because the lid was badly broken."


def test_novelty_is_the_share_of_words_and_pairs_that_training_lacks():
    known, partly, new = chats("red lamps", "red cups", "blue pots")
    novelty = shift.Novelty([known, partly, new])
    for row in (chat("some red lamps", "blue pots"), chat("CUPS")):
        novelty.see(row)
    assert novelty.share(known) == 0.0
    assert novelty.share(partly) == 1 / 3
    assert novelty.share(new) == 1.0  # a training answer is no input


def test_the_most_novel_third_is_set_apart():
    rows = chats("red lamps", "red cups", "blue pots")
    novelty = shift.Novelty(rows)
    novelty.see(chat("red lamps"))
    near, far = shift.divide(rows, novelty)
    assert (near, far) == ([rows[0], rows[1]], [rows[2]])


def test_inputs_that_are_all_alike_have_no_third():
    rows = chats("red lamps", "red cups", "blue pots")
    near, far = shift.divide(rows, shift.Novelty(rows))
    assert (len(near), far) == (3, [])
    assert shift.divide([], shift.Novelty([])) == ([], [])


def test_a_disturbed_text_keeps_every_fact_and_loses_some_letters_places():
    told = shift.disturb(TICKET)
    assert TICKET not in told
    assert sorted(told) == sorted(f"hello, hope all is well\n\n{TICKET}\n\nthanks a lot")
    facts = {entity.normal for entity in find_entities(TICKET)}
    assert facts <= {entity.normal for entity in find_entities(told)}
    assert ungrounded(TICKET, told) == []
    assert shift.disturb(TICKET) == told
