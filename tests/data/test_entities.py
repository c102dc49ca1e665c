"""What counts as an entity, and what its normal form is."""

import random

import pytest

from tunesmith.data.entities import Entity, find_entities


def found(text: str) -> list[tuple[str, str]]:
    return [(one.kind, one.normal) for one in find_entities(text)]


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("It cost 1,200 in all", "1200"),
        ("twelve hundred people", "1200"),
        ("one hundred and five boxes", "105"),
        ("two thousand three hundred", "2300"),
        ("forty-five boxes", "45"),
        ("a dozen eggs", "12"),
        ("1.5 million users", "1500000"),
        ("12k users", "12000"),
        ("paid $45.00", "45 USD"),
        ("paid 45 dollars", "45 USD"),
        ("paid forty-five dollars", "45 USD"),
        ("paid EUR 45", "45 EUR"),
        ("€1.200,50", "1200.5 EUR"),
        ("8'000 cups", "8000"),
        ("8\u202f000 cups", "8000"),
        ("up from 5.50 euros", "5.5 EUR"),
        ("£2,400,000.75", "2400000.75 GBP"),
        ("1.200 boxes", "1.2|1200"),
        ("4,5 metres", "4.5"),
        ("20% off", "20 %"),
        ("twenty per cent off", "20 %"),
        ("the 3rd try", "3"),
        ("the third try", "3"),
        ("within 2 business days", "172800 s"),
        ("within 48 hours", "172800 s"),
        ("two and a half hours", "9000 s"),
        ("one year of cover", "12 month"),
        ("a 24-hour service", "86400 s"),
        ("500GB of space", "500"),
        ("add .5 to it", "0.5"),
        (".75 of it", "0.75"),
        ("all but one .5GB disk", "0.5"),
        ("see p.5", "5"),
    ],
)
def test_a_number_has_one_normal_form_for_all_its_wordings(text: str, normal: str) -> None:
    assert found(text) == [("number", normal)]


@pytest.mark.parametrize(
    "text",
    [
        "One of them is fine, and the first one too.",
        "Give me a second. It takes one minute.",
        "1. Open it.\n2. Close it.\n 3) Wait.",
        "Step 1: open it. Then see step 2.",
        "Turn on two-factor login.",
        "Turn on 2FA, and play the MP3 in 4K.",
        "a third-party cable",
        "zero worries",
    ],
)
def test_numbers_that_state_nothing_are_left_out(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("on 2026-03-14", "2026-03-14"),
        ("on 14 March 2026", "2026-03-14"),
        ("on March 14th, 2026", "2026-03-14"),
        ("on the 14th of March 2026", "2026-03-14"),
        ("on 14.03.2026", "2026-03-14"),
        ("on 14/03/26", "2026-03-14"),
        ("on 03/14/2026", "2026-03-14"),
        ("on 03/04/2026", "2026-04-03|2026-03-04"),
        ("on Sat 14 Mar 2026", "saturday 2026-03-14"),
        ("on March 14", "--03-14"),
        ("on march 14", "--03-14"),
        ("on Apr. 14, 2026", "2026-04-14"),
        ("on 14-Mar-2026", "2026-03-14"),
        ("MARCH 14TH", "--03-14"),
        ("on may 6", "--05-06"),
        ("the 6th of may", "--05-06"),
        ("due 14/03", "--03-14"),
        ("March 4: paid", "--03-04"),
        ("by 3/4", "--04-03|--03-04"),
        ("the first of May", "--05-01"),
        ("in March 2026", "2026-03"),
        ("in March", "--03"),
        ("in march", "--03"),
        ("it is april", "--04"),
        ("on sat", "saturday"),
        ("by Thurs", "thursday"),
        ("on Friday", "friday"),
        ("on Fridays", "friday"),
        ("see you tomorrow", "today+1"),
        ("at 5:30 pm", "17:30"),
        ("at 5.30 p.m.", "17:30"),
        ("at 17:30", "17:30"),
        ("at 17h30", "17:30"),
        ("at 17.30", "17:30"),
        ("by 8.30", "08:30|20:30"),
        ("at 17:30h", "17:30"),
        ("at 17:30:00 hrs", "17:30"),
        ("at 5:30", "05:30|17:30"),
        ("at 12 am", "00:00"),
        ("at 12 pm", "12:00"),
        ("at noon", "12:00"),
        ("at 5 o'clock", "05:00|17:00"),
    ],
)
def test_a_date_or_time_has_one_normal_form(text: str, normal: str) -> None:
    assert found(text) == [("date", normal)]


WEEKDAYS = ("", "Saturday ", "Saturday, ", "Sat ", "Sat, ", "Sat. ", "Saturday the ", "sat ")
MONTHS = ("March", "march", "Mar", "Mar.", "MARCH")
YEARS = (" 2026", ", 2026", " '26")


@pytest.mark.parametrize("weekday", WEEKDAYS)
@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("year", YEARS)
def test_every_usual_order_of_a_written_date_is_read(weekday: str, month: str, year: str) -> None:
    normal = "saturday 2026-03-14" if weekday else "2026-03-14"
    for day in ("14", "14th", "14."):
        assert found(f"due {weekday}{day} {month}{year}") == [("date", normal)]
    assert found(f"due {weekday}14th of {month}{year}") == [("date", normal)]
    for day in ("14", "14th", "the 14th"):
        assert found(f"due {weekday}{month} {day}{year}.") == [("date", normal)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-14", "2026/03/14", "2026.03.14", "2026-3-14", "14/03/2026", "14.03.2026",
        "14-03-2026", "14/3/2026", "14.3.2026", "14/03/26", "14.03.26", "14-03-26", "3/14/2026",
        "03-14-2026", "3/14/26", "14-Mar-2026", "14/Mar/2026", "14 Mar 2026", "Mar-14-2026",
        "Sat 14/03/2026", "Saturday, 2026-03-14", "14/03/2026 (Saturday)", "14 March 2026, Saturday",
        "March, 14, 2026",
    ],
)  # fmt: skip
def test_every_usual_numeric_date_is_read(text: str) -> None:
    normal = "saturday 2026-03-14" if "Sat" in text else "2026-03-14"
    assert found(f"due on {text}.") == [("date", normal)]
    assert found(f"({text})") == [("date", normal)]
    assert found(f"Due: {text}, paid") == [("date", normal)]


def test_a_comma_keeps_a_month_and_a_count_apart() -> None:
    assert found("In March, 14 people came") == [("date", "--03"), ("number", "14")]


@pytest.mark.parametrize(
    ("text", "normals"),
    [
        ("from 14-16 March", ["--03-14", "--03-16"]),
        ("March 14 and 16, 2026", ["2026-03-14", "2026-03-16"]),
        ("open 9am to 5pm", ["09:00", "17:00"]),
        ("between 2 and 4 pm", ["02:00|14:00", "16:00"]),
        ("2026-03-14T10:22:00Z", ["2026-03-14", "10:22"]),
    ],
)
def test_ranges_and_timestamps_give_two(text: str, normals: list[str]) -> None:
    assert found(text) == [("date", normal) for normal in normals]


@pytest.mark.parametrize(
    "text",
    [
        "Option 1 may take longer.",  # the verb
        "We march on, and it may help.",
        "This may help or may not.",
        "add 1/2 cup",
        "14/14/2026 is nonsense",
        "The sun sat on the wall.",
        "version 2.1",
    ],
)
def test_what_only_looks_like_a_date_is_none(text: str) -> None:
    assert [one for one in find_entities(text) if one.kind == "date"] == []


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ticket TK-48213", "tk48213"),
        ("invoice INV_20391", "inv20391"),
        ("order ORD48213", "ord48213"),
        ("order 48213", "48213"),
        ("see #991", "991"),
        ("call 5550102233", "5550102233"),
        ("serial WH-1000XM5", "wh1000xm5"),
        ("run v2.1.3", "v213"),
        ("host 192.168.0.1", "19216801"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000"),
        ("mail Maria.Jones+x@mail.example.co.uk.", "maria.jones+x@mail.example.co.uk"),
        ("see https://www.Example.com/help?q=1.", "example.com/help?q=1"),
        ("see example.com", "example.com"),
        ("call +44 20 7946 0958", "442079460958"),
        ("call (555) 010-2233", "5550102233"),
        ("call 555-0102", "5550102"),
        ("call 0049 211 5550102", "00492115550102"),
        ("call 0211/5550102", "02115550102"),
        ("call 555.010.2233", "5550102233"),
        ("card ending in 4242", "*4242"),
        ("INV-2026-03-14", "inv20260314"),
    ],
)
def test_an_identifier_is_compared_without_its_separators(text: str, normal: str) -> None:
    assert found(text) == [("id", normal)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("10-12 boxes", "number"),
        ("from 2024-2026", "number"),
        ("a 10-inch lid", "number"),
        ("sizes 10-40-60", "number"),
    ],
)
def test_ranges_and_measures_are_numbers(text: str, kind: str) -> None:
    assert {one.kind for one in find_entities(text)} == {kind}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We called Maria Jones.", ["maria jones"]),
        ("Hi Maria,", ["maria"]),
        ("Dear Ms Jones,", ["jones"]),
        ("Dear Mr. Black,", ["black"]),
        ("Dear Ms Short,", ["short"]),
        ("Dear Maria Brown,", ["maria brown"]),
        ("We met Wells.", ["wells"]),
        ("Maria called.", ["maria"]),
        ("Maria, your order is here.", ["maria"]),
        ("Maria's order is here.", ["maria"]),
        ("It broke. Zephyra humidifiers do that.", ["zephyra"]),
        ("In short: Zephyra humidifier, done.", ["zephyra"]),
        ("Thanks,\nAnna", ["anna"]),
        ("Your iPhone and the PowerPoint file", ["iphone", "powerpoint"]),
        ("We met O'Brien and Jean-Luc at IBM.", ["obrien", "jean luc", "ibm"]),
        ("a letter from José in São Paulo", ["jose", "sao paulo"]),
        ("I met Mark and Rose.", ["mark", "rose"]),
        ("Mark has called.", ["mark"]),
        ("Ruby, your order is here.", ["ruby"]),
        ("PlayStation sets are here.", ["playstation"]),
        ("Françoise, your order is here.", ["francoise"]),
        ("Subject: Refund for Your Nimbus Router", ["nimbus"]),
        ("Subject: Your Boreal speaker", ["boreal"]),
        ("In short: Boreal speaker", ["boreal"]),
        ("J. Smith wrote", ["smith"]),
    ],
)
def test_names_are_found(text: str, names: list[str]) -> None:
    assert found(text) == [("name", name) for name in names]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, thank you for writing. Kind regards,\nCustomer Support",
        "Dear Customer,\nThanks! Unfortunately, I can't. Restarting it may help.",
        "Subject: Update on the Refund for Your Second Order",
        "## Next Steps For You",
        "Re: Our Target",
        "# Young and Old",
        "Parietal pain is common.",
        "Press the Gizmo once. The gizmo is then on.",
        "DO NOT press the RED BUTTON. It is VERY hot!",
        "I'll see. I've seen. You're right; It's fine. Don't.",
        "Squeeze the bottle. Lubricate it well.",
        "Mark the box. Will it work? May I ask?",
        "Open Settings > Network, then tap Reset.",
        "On Monday in January, P.S. and N/A.",
        "Ah, I see. Geez, that is late! Gosh.",
        "- Unplug it\n- Wait\n* Press Start",
        "",
        "??? ... 🙂",
    ],
)
def test_capitals_that_name_nothing_are_left_out(text: str) -> None:
    assert [one for one in find_entities(text) if one.kind == "name"] == []


def test_entities_come_in_the_order_of_the_text_and_as_written() -> None:
    text = "Hi Maria, we paid $45.00 for TK-48213 on 14 March 2026."
    assert find_entities(text) == [
        Entity("name", "Maria", "maria"),
        Entity("number", "$45.00", "45 USD"),
        Entity("id", "TK-48213", "tk48213"),
        Entity("date", "14 March 2026", "2026-03-14"),
    ]


# A step that is not linear needs minutes for one of these, so the time limit is the assertion.
@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    ["A ", "1 ", "1-", "a-", "1,", "a@", "+1 ", "14 May ", "1/", "www.", "one hundred ", "'", "\n"],
)
def test_repetitive_text_takes_linear_time(unit: str) -> None:
    find_entities(unit * (60_000 // len(unit)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("character", "a-")
def test_a_megabyte_of_one_character_holds_no_entity(character: str) -> None:
    assert find_entities(character * 1_000_000) == []


@pytest.mark.timeout(60)
def test_a_megabyte_of_digits_is_one_identifier() -> None:
    digits = "7" * 1_000_000
    assert find_entities(digits) == [Entity("id", digits, digits)]


@pytest.mark.timeout(60)
def test_noise_is_read() -> None:
    rng = random.Random(4)
    noise = "".join(rng.choice("aA1 -.,:/@#$+()'\n") for _ in range(200_000))
    assert find_entities(noise)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("2 hourſ", "7200 s"),
        ("two thouſand", "2000"),
        ("forty-fıve", "45"),
        ("on Frıday", "Friday"),
    ],
)
def test_letters_that_patterns_take_for_others_are_read_as_those(text, normal):
    (found,) = find_entities(text)
    assert found.normal.lower() == normal.lower()


def test_a_word_in_capitals_beside_another_is_no_name_on_either_side():
    assert find_entities("it is on the ABXY QRST list") == []
    assert [found.text for found in find_entities("it is on the ABXY list")] == ["ABXY"]
