"""A set without its sources: when it is refused, and what the person who brought it reads."""

import pytest

from tunesmith.data.checks.context import FEWEST, Ungrounded, explain, is_ungrounded_set
from tunesmith.data.grounding import Entity, ungrounded


@pytest.mark.parametrize(
    ("ungrounded", "rows", "most", "refused"),
    [(FEWEST, FEWEST, 0.5, True), (FEWEST - 1, FEWEST - 1, 0.5, False), (50, 100, 0.5, False),
     (51, 100, 0.5, True), (100, 100, 1.0, False), (0, 0, 0.5, False), (20, 1000, 0.0, True)],
)  # fmt: skip
def test_a_set_is_refused_above_the_share_and_not_for_a_handful(ungrounded, rows, most, refused):
    assert is_ungrounded_set(ungrounded, rows, most) == refused


def rows(count):
    for number in range(count):
        yield Ungrounded(
            f"mail.jsonl:{number}",
            (
                Entity("date", "14 March", "--03-14"),
                Entity("name", "Maria Jones", "maria jones"),
                Entity("id", "maria@firm.co", "maria@firm.co"),
                Entity("number", "45", "45"),
                Entity("number", "46", "46"),
            ),
        )


def test_the_report_explains_itself():
    told = explain(rows(12), 900, 1000, 0.5)
    for part in ("900 of 1,000 answers (90%)", "at most 50%", "A fact is ungrounded when",
                 "learns to invent", "What to bring", "score.checks.context"):  # fmt: skip
        assert part in told
    assert told.count("mail.jsonl:") == 10
    assert "date '14 March', name 'M… J…', id '<EMAIL_1>', number '45' and 1 more" in told
    assert "numbers and amounts; dates and times" in told


def test_nobody_is_named_in_it():
    told = explain(rows(1), 20, 20, 0.5)
    assert "Maria" not in told
    assert "firm" not in told


SETS = {
    "zh": ("我的订单在哪里？", "您的订单已经发货，请耐心等待，谢谢您的理解。"),
    "ar": ("أين طلبي؟", "تم شحن طلبك وسيصل قريبا، شكرا لصبرك."),
    "de": ("Wo ist meine Bestellung?", "Ihre Bestellung hat das Lager verlassen und kommt mit der Post."),
    "fr": ("Où est ma commande ?", "Votre commande est partie. Merci de votre patience."),
    "ru": ("Где мой заказ?", "Ваш заказ отправлен. Спасибо, мы Вам напишем."),
    "code": ("Add up a list.", "def total(parts):\n    return sum(parts) + 0\n\nprint(total([3, 4]))"),
    "sums": ("3 boxes of 12", "There are 3 * 12 = 36 in all, so the answer is 36."),
}  # fmt: skip


@pytest.mark.parametrize("kind", SETS)
def test_a_set_is_not_refused_for_what_cannot_be_told(kind):
    asked, answer = SETS[kind]
    assert not is_ungrounded_set(100 * bool(ungrounded(answer, asked)), 100, 0.5)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("我的订单在哪里？", "您的订单将在2031年9月17日送达。"),
        ("Wo ist meine Bestellung?", "Ihre Bestellung kostet 84,17 € und kommt am 17. September 2031."),
        ("Extract the fields.", '{"amount": 8417.35, "due": "2031-09-17"}'),
    ],
)  # fmt: skip
def test_a_set_that_invents_numbers_is_refused_in_any_language(asked, answer):
    assert is_ungrounded_set(100 * bool(ungrounded(answer, asked)), 100, 0.5)
