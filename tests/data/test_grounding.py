"""Which statements of an answer the source supports."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tunesmith.data import grounding
from tunesmith.data.grounding import ungrounded


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("It cost 1,200.", "You paid 1200."),
        ("It cost 1200.", "twelve hundred paid"),
        ("We returned $45.00.", "refund 45 dollars"),
        ("We returned 45 USD.", "$45"),
        ("€1.200,50", "1200.50 EUR"),
        ("20 percent off", "20% discount"),
        ("Two items", "2 items"),
        ("2 items", "two items"),
        ("two charges", "charged twice"),
        ("1 ticket", "a ticket"),
        ("the 3rd try", "third try"),
        ("the 14th", "due 14 March"),
        ("in 48 hours", "within two days"),
        ("within one week", "7 days"),
        ("in 2026", "14 March 2026"),
        ("number 48213", "TK-48213"),
        ("1,400,000 people", "1400000 people"),
    ],
)
def test_a_number_stands_on_any_way_to_write_it(answer: str, source: str) -> None:
    assert ungrounded(answer, source) == []


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("3 items", "2026-03-14"),
        ("14 items", "2026-03-14"),
        ("45 days", "45% off"),
        ("5 hours", "5 days"),
        ("€45", "$45"),
        ("$45.50", "$45"),
        ("25", "2.5"),
        ("2 boxes", "2.5 boxes"),
        ("120", "1200"),
        ("1200", "12"),
        ("12,5 metres", "125 metres"),
        ("14", "x14y"),
        ("three minutes", "a triple espresso"),
        ("within one business day", "soon"),
        ("a third try", "two tries"),
        ("in 2027", "in 2026"),
    ],
)
def test_a_number_does_not_stand_on_a_near_miss(answer: str, source: str) -> None:
    assert [one.kind for one in ungrounded(answer, source)] == ["number"]


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("on 14 March 2026", "2026-03-14"),
        ("on March 14th", "14/03/2026"),
        ("by 14/03", "14 March 2026"),
        ("it is 29/10", "29 October"),
        ("it is 29 October", "change it to 29/10"),
        ("on 3 April", "change it to 3/4"),
        ("that is 10/12 of it", "10/12"),
        ("due 3 April 2026", "03/04/2026"),
        ("due 4 March 2026", "03/04/2026"),
        ("on Saturday", "2026-03-14"),
        ("Saturday, 14 March", "opened 2026-03-14"),
        ("Saturday, 14 March", "14 March; the year is 2026"),
        ("14 March 2026", "opened 2 March 2026, due 14 March"),
        ("in March", "2026-03-14"),
        ("in March", "some time in march"),
        ("14 March", "14 to 16 March"),
        ("tomorrow", "tomorrow"),
        ("tomorrow", "today is 2026-03-13, due 2026-03-14"),
        ("at 17:30", "5:30 pm"),
        ("at 5 pm", "call me at 5"),
        ("at noon", "12:00"),
        ("at 5.30", "5:30 pm"),
        ("up from 5.50", "it was 5.50"),
        ("it was 5.50", "up from 5.50"),
        ("from 9am to 5pm", "9-5pm"),
        ("March 14 at 10:22", "2026-03-14T10:22:00Z"),
    ],
)
def test_a_date_or_time_stands_on_any_way_to_write_it(answer: str, source: str) -> None:
    assert ungrounded(answer, source) == []


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("14 March 2027", "14 March 2026"),
        ("14 March 2026", "14 March"),
        ("15 March", "14 March 2026"),
        ("14 April", "14 March 2026"),
        ("Sunday, 14 March 2026", "2026-03-14"),
        ("on Friday", "2026-03-14"),
        ("in April", "2026-03-14"),
        ("14 March", "Friday"),
        ("it is 29/10", "28/10"),
        ("29 February 2026", "29 February 2024"),
        ("Monday 29 February", "29 February, 2026"),
        ("tomorrow", "today"),
        ("tomorrow", "2026-03-14"),
        ("at 17:45", "5:30 pm"),
        ("at 5 am", "17:00"),
        ("at 5 pm", "5 items"),
    ],
)
def test_a_date_or_time_does_not_stand_on_a_near_miss(answer: str, source: str) -> None:
    assert {one.kind for one in ungrounded(answer, source)} <= {"date", "number"} != set()
    assert ungrounded(answer, source)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("TK-48213", "ticket tk48213"),
        ("TK-48213", "tk 48213"),
        ("ORD48213", "ord-48213"),
        ("ORD-48213", "ord:48213"),
        ("INV_20391", "INV-20391"),
        ("WH-1000XM5", "wh 1000xm5"),
        ("ticket 48213", "TK-48213"),
        ("mail a.b@x.com", "A.B@X.com"),
        ("see www.acme.com", "https://acme.com/"),
        ("see acme.com", "mail joe@acme.com"),
        ("call 020 7946 0958", "+44 20 7946 0958"),
        ("call 0049 211 5550102", "+49 211 5550102"),
        ("call 0211 5550102", "+49 211 5550102"),
        ("call +1 555 010 2233", "555-010-2233"),
        ("call (555) 010-2233", "555-010-2233"),
        ("call 5550102233", "555 010 2233"),
        ("card ending in 4242", "card 5555 4444 3333 4242"),
        ("card ending in 4242", "the card that ends with 4242"),
    ],
)
def test_an_identifier_stands_on_the_same_characters(answer: str, source: str) -> None:
    assert ungrounded(answer, source) == []


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("TK-48214", "TK-48213"),
        ("TK-48213", "TK-482130"),
        ("TK-4821", "TK-48213"),
        ("RL-48213", "TK-48213"),
        ("A12", "a 12 oz cup"),
        ("call 555-010-2234", "555-010-2233"),
        ("call 535-747-9892", "555-747-9892"),
        ("call 555-010-2233", "id 99999995550102233"),
        ("call 047.361.1947", "547.361.1947"),
        ("call 5747989", "555-747-9892"),
        ("mail a.c@x.com", "a.b@x.com"),
        ("see acme.org", "acme.com"),
        ("see acme.com/b", "acme.com/a"),
        ("card ending in 4243", "card 5555 4444 3333 4242"),
        ("v2.1.4", "v2.1.3"),
        ("123e4567-e89b-12d3-a456-426614174001", "123e4567-e89b-12d3-a456-426614174000"),
    ],
)
def test_an_identifier_does_not_stand_on_a_near_miss(answer: str, source: str) -> None:
    assert [one.kind for one in ungrounded(answer, source)] == ["id"]


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Dear Ms Jones,", "Maria Jones"),
        ("Hi Maria,", "MARIA JONES"),
        ("Maria's router", "maria called"),
        ("We met José and Ana.", "Jose, Aña"),
        ("We met Jose.", "José"),
        ("O'Brien wrote.", "O’Brien"),
        ("two Nimbus routers from McDonald's", "nimbus, mcdonalds"),
        ("your Wi-Fi and WiFi", "wifi and wi-fi"),
        ("the PowerPoint file", "power point"),
        ("a bag of M&Ms from H&M", "M&M's by h & m"),
        ("two Americanos", "an americano"),
        ("two Nimbuses and three Lexuses", "a nimbus, a lexus"),
        ("mail Maria", "maria.jones@example.com"),
        ("Kind regards,\nBrightline Support", "You write for Brightline Support."),
    ],
)
def test_a_name_stands_on_its_words_in_any_case(answer: str, source: str) -> None:
    assert [one for one in ungrounded(answer, source) if one.kind == "name"] == []


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Maria called.", "Marie called"),
        ("Dear Ms Jones,", "Maria Johnson"),
        ("Maria Jones wrote.", "Maria Lopez"),
        ("your Nimbus", "your Nimble"),
        ("We met Ann.", "Anna and Joann"),
        ("Hi Ines,", "it is in the box"),
        ("Hi Amin,", "I am in the shop"),
        ("sent with DHL", "sent by post"),
        ("Mr Black called.", "Mr White called"),
        ("Subject: Zephyra repair", "Nimbus repair"),
        ("Zephyra humidifier repaired.", "Nimbus router repaired."),
        ("Kind regards,\nBrightline Support", "Northgate Support"),
    ],
)
def test_a_name_does_not_stand_on_a_near_miss(answer: str, source: str) -> None:
    assert [one.kind for one in ungrounded(answer, source)] == ["name"]


def test_only_what_lacks_support_is_reported_in_order() -> None:
    source = "Ticket TK-48213, Maria Jones, refund of $45.00 due 14 March 2026."
    answer = "Hi Marta, ticket TK-48213: $54.00 will be there by 15 March. Yours, Maria"
    assert [one.text for one in ungrounded(answer, source)] == ["Marta", "$54.00", "15 March"]


def test_an_answer_without_entities_needs_no_source() -> None:
    assert ungrounded("Thank you, we are looking into it.", "") == []
    assert ungrounded("", "") == []


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("48 / 2 = 24 clips, so she sold 24 in May.", "48 in April, half as many in May"),
        ("5 * 60 = 300 minutes", "5 hours"),
        ("20 * 0.3 = 6", "20 with 30% more"),
        ("That is 0.3 of it.", "30%"),
        ("It takes 24/12 = 2 weeks.", "24 a week of 12"),
        ("It takes 24/12 = <<24/12=2>>2 weeks.", "24 a week of 12"),
        ("two and a half years", "2 and a half years"),
        ("We sell 5 and a half litres.", "five and a half litres"),
        ("It was 9/11, not a person.", "What happened on 9/11?"),
        ("Two ways:\n\n1. Rest.\n2. Eat.", "ways"),
        ("Here are three ideas:\n- rest\n- eat\n- sleep", "ideas"),
        ("Do this: 1. Rest well. 2. Eat. 3. Sleep.", "what?"),
        ("1. Rest well. 2. Eat. 3. Sleep.", "what?"),
        ("First, rest. Second, eat. Third, sleep. Fourth, walk.", "what?"),
        ("the central nervous system (CNS); the CNS is", "the central nervous system"),
        ("def area(w):\n    return w * 45\n\nprint(area(7))", "write a function"),
        ("Run `fetch_rows(45)` now.", "how?"),
    ],
)
def test_an_answer_may_account_for_a_fact_itself(answer: str, source: str) -> None:
    assert ungrounded(answer, source) == []


@pytest.mark.parametrize(
    ("answer", "source", "reported"),
    [
        ("48 / 2 = 25 clips", "48, 2", ["25"]),
        ("45 / 3 = 15 clips", "3 boxes", ["45"]),
        ("She sold 24.", "48 in April, half as many in May", ["24"]),
        ("That is 0.3 of it.", "35%", ["0.3"]),
        ("That is 0.3 of it.", "30", ["0.3"]),
        ("There are 365 boxes.", "a year", ["365"]),
        ("Three ways:\n\n1. Rest.\n2. Eat.", "ways", ["Three"]),
        ("We have 3. They have 5. You have 2.", "count", ["3", "5", "2"]),
        ("It costs 1. It is 3. ", "count", ["1", "3"]),
        ("Third, sleep.", "what?", ["Third"]),
        ("First, rest. Third, sleep.", "what?", ["Third"]),
        ("the central nervous system (CNX)", "the central nervous system", ["CNX"]),
        ('{"amount": 45, "name": "Maria"}', "extract", ["45", "Maria"]),
        ('```json\n{\n  "amount": 45\n}\n```', "extract", ["45"]),
        ("```python\nprint(45)\n```\nIt costs $12, says Maria.", "how?", ["$12", "Maria"]),
        ("The total is `45`.", "how?", ["45"]),
        ("<total>45</total>", "extract", ["45"]),
    ],
)
def test_what_an_answer_does_not_account_for_is_missing(answer, source, reported) -> None:
    assert [one.text for one in ungrounded(answer, source)] == reported


DAYS = st.dates(date(2000, 1, 1), date(2030, 12, 31))
FORMS = ("{0:%Y-%m-%d}", "{0:%d %B %Y}", "{0:%B %d, %Y}", "{0:%d.%m.%Y}", "{0:%A %d %b %Y}")


@settings(deadline=None)
@given(day=DAYS, there=st.sampled_from(FORMS), here=st.sampled_from(FORMS))
def test_every_day_is_known_again_in_every_form(day: date, there: str, here: str) -> None:
    assert ungrounded(f"It is due {here.format(day)}.", f"Due {there.format(day)}.") == []


@settings(deadline=None)
@given(
    day=DAYS, days=st.integers(1, 3000), there=st.sampled_from(FORMS), here=st.sampled_from(FORMS)
)
def test_another_day_is_always_reported(day: date, days: int, there: str, here: str) -> None:
    other = day + timedelta(days)
    assume((other.month, other.day, other.year) != (day.day, day.month, day.year))  # 03.04 or 04.03
    assert ungrounded(f"It is due {here.format(other)}.", f"Due {there.format(day)}.")


@settings(deadline=None)
@given(value=st.integers(2, 10**9), other=st.integers(2, 10**9))
def test_grouping_changes_no_number(value: int, other: int) -> None:
    assert ungrounded(f"{value:,} boxes", f"{value} boxes") == []
    assert ungrounded(f"{value} boxes", f"{value:,} boxes") == []
    if value != other:
        assert ungrounded(f"{value:,} boxes", f"{other:,} boxes")


WORDS = """
Maria Jones' O'Brien 14 March 2026 03/04 5 pm 17:30 TK-48213 $45.00 20% twenty two hundred 1,200
1.200,5 a.b@x.com www.x.com/a +44 20 7946 0958 555-0102 ending in 4242 #991 order , . : ; - /
Subject: iPhone McDonald's José Straße IBM NOT may May on Sat third 2nd half a dozen and
"""
PIECES = st.sampled_from([*WORDS.split(), "\n"])


@settings(deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=25).map(" ".join), st.text(max_size=60)))
def test_every_text_supports_itself(text: str) -> None:
    assert ungrounded(text, text) == []


@pytest.mark.timeout(60)  # many claims against many candidates must not multiply
@pytest.mark.parametrize(
    "unit", ["TK-{} ", "ending in {}, ", "+44 20 7946 {} ", "{} May 2026, ", "N{} "]
)
def test_a_long_answer_against_a_long_source_takes_linear_time(unit: str) -> None:
    answer = "".join(unit.format(number) for number in range(1000, 5000))
    source = "".join(unit.format(number) for number in range(5000, 9000))
    ungrounded(answer, source)


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("TK-48213", "see TK-482130"),
        ("TK-48213", "see ATK-48213"),
        ("€45.00", "paid €45.00 million"),
        ("€45.00", "paid €45.001"),
        ("€45.00", "paid €45.00k"),
        ("€45.00", "see https://shop.io/?€45.00 now"),
        ("£45.00", "paid €45.00"),
    ],
)
def test_what_stands_in_something_longer_is_not_there(answer: str, source: str) -> None:
    assert [one.text for one in ungrounded(answer, source)] == [answer]


_CODES = "TK-48213 TK-482 #4711 A.1 SO_17/2 €45.00 £9.10 $120.50 45.00 € million k x , . ) ( -"


@given(
    answer=st.lists(st.sampled_from(_CODES.split()), max_size=4).map(" ".join),
    source=st.lists(
        st.tuples(st.sampled_from(_CODES.split()), st.sampled_from(("", " ", "\n"))), max_size=8
    ).map(lambda parts: "".join(piece + gap for piece, gap in parts)),
)
def test_a_claim_that_stands_in_the_source_as_it_is_spares_reading_it(
    answer: str, source: str
) -> None:
    quick = ungrounded(answer, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grounding, "_SEARCHED", -1)
        assert ungrounded(answer, source) == quick
