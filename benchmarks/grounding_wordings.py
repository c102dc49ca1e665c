"""Sentences, names and ways to write a value for `grounding_real.py`, in four sets.

`SEEN` holds the sets that the detector was mended against. `UNSEEN` was written after that and
shares no sentence, no list of names and few forms with them. At its first run precision and recall
were 1.000 and 0.998 for names, 0.893 and 1.000 for dates, 0.984 and 1.000 for numbers, and 0.995
and 1.000 for ids; then two gaps were closed, "at 17.30" and "8'000", and a date form of the set
that stated a time of its own was taken out.
"""

import random
from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

Sentences = Sequence[tuple[str, str]]
"""Pairs: what the source says, what the answer says; {} is the value."""
DateForm = Callable[[date], str]
Clock = Callable[[int, int], str]
NumberForm = Callable[[int], str]
MakeId = Callable[[random.Random], str]


class Measure(NamedTuple):
    """A kind of number: its range, its sentences and the ways to write it."""

    low: int
    high: int
    step: int
    sentences: Sentences
    forms: Sequence[NumberForm]


class Identifier(NamedTuple):
    """A kind of identifier; `loose` if the source may write it in lower case or with spaces."""

    make: MakeId
    sentences: Sentences
    near: bool
    loose: bool


class Wordings(NamedTuple):
    """Everything that an added sentence is made of."""

    first_names: Sequence[str]
    last_names: Sequence[str]
    person: Sentences
    things: Sequence[tuple[Sentences, Sequence[str]]]
    honorifics: Sequence[str]
    on_date: Sentences
    full_dates: Sequence[DateForm]
    part_dates: Sequence[DateForm]
    at_time: Sentences
    clocks: Sequence[Clock]
    measures: Sequence[Measure]
    identifiers: Sequence[Identifier]


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("123456789") for _ in range(count))


def letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))


def order_code(rng: random.Random) -> str:
    prefix = rng.choice(("TK", "ORD", "INV", "CB", "REF", "RMA", "LOY"))
    return f"{prefix}{rng.choice(('-', '', '_', '-2026-'))}{digits(rng, rng.choice((4, 5, 6)))}"


def serial(rng: random.Random) -> str:
    return f"{letters(rng, 1)}{digits(rng, 2)}-{letters(rng, 2)}{digits(rng, 3)}-{digits(rng, 2)}"


def plain_digits(rng: random.Random) -> str:
    return rng.choice(("", "#")) + digits(rng, rng.choice((4, 5, 6, 8)))


def phone(rng: random.Random) -> str:
    form = rng.choice(("555-{}-{}", "(020) {} {}", "+44 20 7{} {}", "0171 {} {}"))
    return form.format(digits(rng, 3), digits(rng, 4))


def email(rng: random.Random) -> str:
    user = f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}".lower()
    host = rng.choice(("example.com", "post.example.org", "mail.example.net"))
    return f"{user.replace(chr(39), '')}{rng.choice(('', '7', '88'))}@{host}"


def tracking(rng: random.Random) -> str:
    return f"1Z{letters(rng, 3)}{digits(rng, 10)}"


def card_end(rng: random.Random) -> str:
    return digits(rng, 4)


def in_words(number: int) -> str:
    """Write a number below a hundred in words."""
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return TENS[tens - 2] + (f"-{SMALL[ones]}" if ones else "")


_SMALL_TEXT = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
SMALL = _SMALL_TEXT.split()
_TENS_TEXT = """
twenty thirty forty fifty sixty seventy eighty ninety
"""
TENS = _TENS_TEXT.split()


def ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def weekday_name(day: date) -> str:
    return f"{day:%A}"


FULL_DATES: list[DateForm] = [
    lambda d: f"{d.day} {d:%B %Y}",
    lambda d: f"{d:%B} {d.day}, {d.year}",
    lambda d: f"{d:%Y-%m-%d}",
    lambda d: f"{d:%d/%m/%Y}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d:%d.%m.%Y}",
    lambda d: f"{d:%A}, {d.day} {d:%B %Y}",
    lambda d: f"the {ordinal(d.day)} of {d:%B %Y}",
    lambda d: f"{d:%a %d %b %Y}",
]
PART_DATES: list[DateForm] = [
    lambda d: f"{d.day} {d:%B}",
    lambda d: f"{d:%B} {ordinal(d.day)}",
    lambda d: f"{d:%b} {d.day}",
    lambda d: f"{ordinal(d.day)} {d:%b}",
    lambda d: f"the {ordinal(d.day)} of {d:%B}",
]
CLOCKS: list[Clock] = [
    lambda h, m: f"{h:02d}:{m:02d}",
    lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d} {'pm' if h >= 12 else 'am'}",
    lambda h, m: f"{(h - 1) % 12 + 1}{f':{m:02d}' if m else ''}{'pm' if h >= 12 else 'am'}",
    lambda h, m: f"{(h - 1) % 12 + 1}.{m:02d} {'p.m.' if h >= 12 else 'a.m.'}",
]
MONEY_FORMS: list[NumberForm] = [
    lambda n: f"${n}",
    lambda n: f"${n}.00",
    lambda n: f"{n} dollars",
    lambda n: f"{in_words(n)} dollars",
    lambda n: f"USD {n}",
]
BIG_FORMS: list[NumberForm] = [
    lambda n: f"${n:,}",
    lambda n: f"${n}",
    lambda n: f"{n:,} dollars",
    lambda n: f"{in_words(n // 100)} hundred dollars",
]

PERSON = (
    ("The name on the order is {}.", "I have the name down as {}."),
    ("It's for {}.", "Thanks, {}!"),
    ("My name is {}, by the way.", "{} will be called at the bar."),
    ("{} will pick it up.", "{} can pick it up at the bar."),
    ("This is {} speaking.", "Enjoy your drink, {}."),
    ("Could you call {} when it is done?", "We will call {} once it is done."),
    ("I'm ordering with {} today.", "Your drink and {}'s will come together."),
    ("Put it on the tab of {}.", "I put it on the tab of {}."),
    ("Last time {} served me.", "{} has noted how you like it."),
)
COMPANY = (
    ("I have a gift card from {}.", "Your {} gift card has been accepted."),
    ("My company, {}, pays for it.", "The bill goes to {}."),
    ("I work at {} around the corner.", "Staff of {} get it at the usual price."),
    ("Do you take points from {}?", "Yes, {} points are welcome here."),
)
PLACE = (
    ("Please bring it to the office in {}.", "It will be brought to {}."),
    ("I drove here all the way from {}.", "I hope the way back to {} is easy."),
    ("Is your shop in {} open too?", "Our shop in {} is open too."),
)
PRODUCT = (
    ("I also want the {} mug from the shelf.", "I have added the {} mug."),
    ("Can it go in my {} cup?", "We will fill your {} cup."),
    ("My {} bottle leaks, can you swap it?", "The {} bottle will be swapped at the bar."),
)
ON_DATE = (
    ("I need it for {}.", "It is booked for {}."),
    ("Can I get the same again on {}?", "The same order is set for {}."),
    ("My free drink runs out on {}.", "You can use your free drink until {}."),
    ("I was here last on {}.", "I see your visit of {} in the list."),
    ("The party is on {}.", "We will have everything ready on {}."),
    ("I bought the card on {}.", "The card bought on {} is still good."),
)
AT_TIME = (
    ("I come in at {}.", "See you at {}."),
    ("Please have it ready by {}.", "We will have it ready by {}."),
    ("The meeting starts at {}.", "It will be there before {}."),
    ("I leave at {} so please hurry.", "You will have it before {}."),
)
COUNT = (
    ("There are {} of us.", "We will set a table for {}."),
    ("Please add {} cookies.", "I have added {} cookies."),
    ("I have {} stamps on my card.", "Your card shows {} stamps."),
    ("Make it {} napkins too.", "You will find {} napkins in the bag."),
)
MONEY = (
    ("I have {} left on my card.", "The card still holds {}."),
    ("The screen says {} in all.", "That comes to {}."),
    ("Last time I was charged {} by mistake.", "We have returned {} to your card."),
    ("My voucher is for {}.", "I took {} off with your voucher."),
)
SHARE = (
    ("The sign says {} off today.", "I have taken {} off."),
    ("I get a staff discount of {}.", "Your discount of {} is in."),
    ("Can you fill it to {}?", "We will fill it to {}."),
)
DURATION = (
    ("I have {} before my train.", "It will be ready within your {}."),
    ("The screen says {}.", "Give us {} at most."),
    ("I was told to wait {}.", "The wait is still {}."),
)
ORDER = (
    ("My last order was {}.", "I repeated order {} for you."),
    ("The reference is {}.", "I found it under {}."),
    ("My receipt says {}.", "The receipt {} has been cancelled."),
    ("It's about number {}.", "We have noted {} for you."),
)
PHONE = (
    ("You can call me on {}.", "We will call {} when it is done."),
    ("Send me a text at {}.", "A text goes to {} in a moment."),
)
EMAIL = (
    ("Please send the receipt to {}.", "The receipt goes to {}."),
    ("My address is {}.", "I have {} as your address."),
)
CARD = (
    ("I pay with the card ending in {}.", "The card ending in {} was charged."),
    ("Charge the one that ends with {}.", "I used the card that ends with {}."),
)

_FIRST_NAMES_TEXT = """
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard
Susan Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty
Anthony Sandra Mark Margaret Donald Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle
Kenneth Carol Kevin Amanda Brian Dorothy George Melissa Timothy Deborah Ronald Stephanie Edward
Rebecca Jason Sharon Jeffrey Laura Ryan Cynthia Jacob Kathleen Gary Amy Nicholas Angela Eric
Shirley Jonathan Anna Grace Rose Will Bill Hope Jack Frank Aisha Wei Yuki Sven Björn Zoë José
Nguyen Priyanka Oluwaseun Ximena Siobhan Dmitri Fatou Ngozi Hiroshi Chiara Anaïs Jürgen Mateusz
Leilani Bob Dan Julia Giselle Nate Joe Chloe Jean Julie Jim
"""
FIRST_NAMES = _FIRST_NAMES_TEXT.split()
_LAST_NAMES_TEXT = """
Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez
Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark
Ramirez Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams
Nelson Baker Hall Rivera Campbell Mitchell Carter Roberts O'Brien MacDonald Müller Håkansson
Ivanov Okonkwo Yamamoto Castellanos Dupont Bianchi
"""
LAST_NAMES = _LAST_NAMES_TEXT.split()
_COMPANIES_TEXT = """
Siemens Vodafone Deloitte Spotify Lufthansa Unilever Starbucks Airbnb Toyota Nestle Walmart
Zalando Accenture Huawei Barclays Ikea Netflix PayPal LinkedIn Target Apple Costco Brightline
Northgate Globex Initech Hooli Umbrella IBM DHL SAP BMW
"""
COMPANIES = _COMPANIES_TEXT.split()
PLACES = [
    "Berlin", "Chicago", "Leeds", "Toronto", "Lagos", "Osaka", "Lisbon", "Dundee", "San Diego",
    "New Orleans", "Buenos Aires", "Rotterdam", "Cardiff", "Wichita", "Baker Street", "Harlow Road",
    "Kings Cross", "Elm Park", "Reykjavik", "São Paulo", "Naples", "Portland", "Bristol", "Phoenix",
]  # fmt: skip
PRODUCTS = [
    "Thermos", "Contigo", "Hydroflask", "Stanley", "Yeti", "Zojirushi", "Keepcup", "Bodum",
    "Nimbus", "Aurora Pro", "Kinto", "Bialetti", "iCup", "Zephyr X", "Fellow Carter", "Ember",
    "Tefal", "Corkcicle",
]  # fmt: skip

COUNT_FORMS: list[NumberForm] = [str, in_words]
SHARE_FORMS: list[NumberForm] = [
    lambda n: f"{n}%",
    lambda n: f"{n} percent",
    lambda n: f"{in_words(n)} percent",
]
DURATION_FORMS: list[NumberForm] = [
    lambda n: f"{n} minutes",
    lambda n: f"{in_words(n)} minutes",
    lambda n: f"{n} min",
]
FIRST = Wordings(
    first_names=FIRST_NAMES,
    last_names=LAST_NAMES,
    person=PERSON,
    things=((COMPANY, COMPANIES), (PLACE, PLACES), (PRODUCT, PRODUCTS)),
    honorifics=("Ms",),
    on_date=ON_DATE,
    full_dates=FULL_DATES,
    part_dates=PART_DATES,
    at_time=AT_TIME,
    clocks=CLOCKS,
    measures=(
        Measure(2, 20, 1, COUNT, COUNT_FORMS),
        Measure(3, 95, 1, MONEY, MONEY_FORMS),
        Measure(300, 9500, 100, MONEY, BIG_FORMS),
        Measure(5, 80, 1, SHARE, SHARE_FORMS),
        Measure(3, 50, 1, DURATION, DURATION_FORMS),
    ),
    identifiers=(
        Identifier(order_code, ORDER, near=True, loose=True),
        Identifier(serial, ORDER, near=True, loose=True),
        Identifier(plain_digits, ORDER, near=True, loose=False),
        Identifier(phone, PHONE, near=True, loose=False),
        Identifier(email, EMAIL, near=False, loose=False),
        Identifier(tracking, ORDER, near=True, loose=False),
        Identifier(card_end, CARD, near=False, loose=False),
    ),
)


SECOND_FIRST_TEXT = """
Olivia Noah Emma Liam Ava Ethan Sophia Mason Isabella Logan Mia Lucas Charlotte Oliver Amelia Elijah
Harper Aiden Evelyn Caleb Abigail Owen Ella Wyatt Scarlett Hunter Victoria Gavin Madison Dylan Luna
Penelope Layla Riley Zoey Nora Savannah Brooklyn Stella Bella Ruby Ivy Hazel Violet Autumn Summer
Rajesh Sunita Mehmet Ayşe Piotr Agnieszka Lars Ingrid Kwame Abena Haruto Sakura Minh Thuy Łukasz
Søren Françoise Renée Iñigo Begoña Tariq Yasmin Vladimir Svetlana Gianluca Ottavia Mbali Thabo
Dean Max Art Gene Ray Frank Pat Penny Faith Joy Dawn
"""
SECOND_LAST_TEXT = """
Bennett Cooper Reed Bailey Cox Howard Ward Brooks Kelly Price Wood Barnes Ross Henderson Coleman
Jenkins Perry Powell Long Patterson Hughes Washington Butler Simmons Foster Bryant Russell Griffin
Diaz Hayes Myers Ford Hamilton Graham Sullivan Wallace West Cole Jordan Fisher Ellis Marshall Wells
Kowalczyk Petrović Bergström Ødegaard Yıldız Chaudhary Takahashi Mahlangu Fernández D'Souza
McAllister Fitzgerald Vandenberg Delacroix
"""
SECOND_COMPANIES_TEXT = """
Microsoft Samsung Heineken Pfizer Nokia Telefonica Decathlon Carrefour Allianz Bosch Philips Renault
Volkswagen Santander Capgemini Atlassian Shopify Stripe Oracle Delta Shell Visa Orange Puma Jaguar
Wernham Vandelay Soylent Tyrell Pawnee UPS KLM HSBC LG H&M
"""
SECOND_PLACES = (
    "Madrid", "Boston", "Glasgow", "Vancouver", "Nairobi", "Kyoto", "Porto", "Swansea",
    "Los Angeles", "New York", "Rio de Janeiro", "Utrecht", "Belfast", "Omaha", "Oxford Street",
    "Mill Lane", "Charing Cross", "Hyde Park", "Tromsø", "Málaga", "Venice", "Austin",
    "Reading", "Bath",
)  # fmt: skip
SECOND_PRODUCTS = (
    "Galaxy", "Kindle", "Roomba", "PlayStation", "Nespresso", "Thermomix", "Fitbit", "GoPro",
    "AirPods", "Moleskine", "Lamy", "Polaroid", "Walkman", "eReader", "Surface Pro", "Quietcomfort",
    "Delonghi", "Ironstone", "Bluebird", "Northwind",
)  # fmt: skip


def _dashed(day: date) -> str:
    return f"{day.day}-{day:%b-%Y}"


SECOND_FULL: list[DateForm] = [
    lambda d: f"{d:%b}. {d.day}, {d.year}",
    _dashed,
    lambda d: f"{d.day}/{d.month}/{d:%y}",
    lambda d: f"{d:%Y/%m/%d}",
    lambda d: f"{d:%A} the {ordinal(d.day)} of {d:%B}, {d.year}",
    lambda d: f"{d:%A}, {d:%B} {d.day}, {d.year}",
    lambda d: f"{d:%d %B}, {d.year}",
    lambda d: f"{d:%B} {ordinal(d.day)} {d.year}".upper(),
]
SECOND_PART: list[DateForm] = [
    lambda d: f"{d:%d %b}",
    lambda d: f"{d:%b} {ordinal(d.day)}",
    lambda d: f"{d:%B} the {ordinal(d.day)}",
    lambda d: f"{d:%B} {d.day}".lower(),
]
SECOND_CLOCKS: list[Clock] = [
    lambda h, m: f"{h}:{m:02d}h",
    lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d}{'PM' if h >= 12 else 'AM'}",
    lambda h, m: f"{(h - 1) % 12 + 1}{f'.{m:02d}' if m else ''} {'pm' if h >= 12 else 'am'}",
    lambda h, m: f"{h:02d}:{m:02d} hrs",
    lambda h, m: f"{h:02d}:{m:02d}:00",
]
SECOND_MEASURES = (
    Measure(
        3, 99, 1,
        (
            ("We are a group of {} today.", "So that is a group of {}."),
            ("Table {} wants the same.", "Table {} will get the same."),
            ("This is my visit number {} this month.", "Visit {} this month earns you a stamp."),
            ("Add {} sugar sachets.", "There are {} sachets next to your cup."),
        ),
        (str, in_words, lambda n: f"{n}.0"),
    ),
    Measure(
        110, 9900, 25,
        (
            ("My tab stands at {}.", "Your tab of {} is settled."),
            ("The party bill came to {}, right?", "Right, the bill came to {}."),
            ("I topped up {} yesterday.", "We received your top-up of {}."),
        ),
        (
            lambda n: f"€{n / 100:.2f}",
            lambda n: f"{n / 100:.2f} euros",
            lambda n: f"EUR {n / 100:.2f}",
            lambda n: f"{n / 100:.2f} €".replace(".", ","),
        ),
    ),
    Measure(
        1000, 90000, 500,
        (
            ("I have {} bonus points.", "Your balance is {} points."),
            ("You have {} followers, I heard.", "Yes, it is {} followers now."),
        ),
        (str, lambda n: f"{n:,}", lambda n: f"{n / 1000:g}k", lambda n: f"{n / 1000:g} thousand"),
    ),
    Measure(
        4, 60, 1,
        (
            ("It says {} cocoa on the wrapper.", "The bar is {} cocoa, yes."),
            ("They raised prices by {}.", "The rise was {}, I am afraid."),
        ),
        (lambda n: f"{n} %", lambda n: f"{n} per cent", lambda n: f"{in_words(n)} per cent"),
    ),
    Measure(
        3, 30, 1,
        (
            ("The voucher is valid for {}.", "You can use it for {}."),
            ("I was told {}.", "Yes, it takes {}."),
        ),
        (
            lambda n: f"{n} days",
            lambda n: f"{in_words(n)} days",
            lambda n: f"{n * 24} hours",
            lambda n: f"{n} business days",
        ),
    ),
)  # fmt: skip


def case_number(rng: random.Random) -> str:
    return f"{digits(rng, 2)}-{digits(rng, 4)}-{letters(rng, 2)}"


def mixed_code(rng: random.Random) -> str:
    return f"{letters(rng, 2)}{digits(rng, 1)}{letters(rng, 1)}{digits(rng, 3)}{letters(rng, 1)}"


def slashed(rng: random.Random) -> str:
    return f"PO/{rng.choice(('2025', '2026'))}/{digits(rng, 4)}"


def hexadecimal(rng: random.Random) -> str:
    return "".join(rng.choice("0123456789abcdef") for _ in range(10)) + digits(rng, 2)


def imei(rng: random.Random) -> str:
    return digits(rng, 15)


def american_phone(rng: random.Random) -> str:
    return f"({digits(rng, 3)}) {digits(rng, 3)}-{digits(rng, 4)}"


def other_email(rng: random.Random) -> str:
    first = rng.choice(("order", "j.meyer", "k_lind", "anna-lena", "t.r", "desk", "post")) + digits(
        rng, 2
    )
    return f"{first}@{rng.choice(('mailbox', 'firm', 'kitchen', 'studio'))}.example.com"


def link(rng: random.Random) -> str:
    return f"https://shop.example.com/{rng.choice(('o', 'help', 'cup', 'item'))}/{digits(rng, 3)}"


CODE_SENTENCES = (
    ("It is under {} in your system.", "I have {} open in front of me."),
    ("The voucher code would be {}.", "Code {} works, enjoy."),
    ("Here is what was on the slip: {}.", "You can throw the slip {} away now."),
)
MAIL_SENTENCES = (("Mail it to {}, thanks.", "It was mailed to {}."),)
SECOND = Wordings(
    first_names=SECOND_FIRST_TEXT.split(),
    last_names=SECOND_LAST_TEXT.split(),
    person=(
        ("Hi, {} here.", "Good to see you, {}."),
        ("My friend {} comes to fetch it.", "We will hand it to {}."),
        ("Write {} on the cup.", "The cup says {}."),
        ("It is a treat from {}.", "{} has paid for it already."),
        ("Yesterday {} helped me.", "I will pass that on to {}, who is in the back."),
        ("Customer: {}", "{}, your cup is on the counter."),
        ("Ask {} if anything is unclear.", "I asked {} and all is clear."),
    ),
    things=(
        (
            (
                ("Could you invoice {}?", "The invoice will be sent to {}."),
                ("We have a meeting with {} upstairs.", "Should we bring a tray up to {}?"),
                ("I know you from the {} canteen.", "Yes, we run the {} canteen as well."),
            ),
            SECOND_COMPANIES_TEXT.split(),
        ),
        (
            (
                ("I am just visiting from {}.", "Have a good trip back to {}."),
                ("Do you deliver to {}?", "We do deliver to {}."),
            ),
            SECOND_PLACES,
        ),
        (
            (
                ("I left my {} on the table.", "Your {} is behind the counter."),
                ("Do you still sell the {} set?", "{} sets are on the shelf by the door."),
            ),
            SECOND_PRODUCTS,
        ),
    ),
    honorifics=("Mr", "Mrs.", "Dr"),
    on_date=(
        ("The tasting was announced for {}.", "The tasting takes place on {}."),
        ("Can you hold it till {}?", "We will hold it till {}."),
        ("My order from {} was wrong.", "I am sorry about the order from {}."),
        ("Are you closed {}?", "We are closed {}, that is right."),
    ),
    full_dates=SECOND_FULL,
    part_dates=SECOND_PART,
    at_time=(
        ("Do you close at {}?", "Yes, we close at {}."),
        ("Pick-up would be {}.", "Pick-up is set to {}."),
        ("I ordered around {}.", "Your order came in at {}."),
    ),
    clocks=SECOND_CLOCKS,
    measures=SECOND_MEASURES,
    identifiers=(
        Identifier(case_number, CODE_SENTENCES, near=True, loose=False),
        Identifier(mixed_code, CODE_SENTENCES, near=True, loose=True),
        Identifier(slashed, CODE_SENTENCES, near=False, loose=True),
        Identifier(hexadecimal, CODE_SENTENCES, near=True, loose=False),
        Identifier(imei, CODE_SENTENCES, near=True, loose=False),
        Identifier(
            american_phone, (("Ring me: {}", "We will ring {} then."),), near=True, loose=False
        ),
        Identifier(
            other_email,
            (("Mail it to {}, thanks.", "It was mailed to {}."),),
            near=False,
            loose=False,
        ),
        Identifier(link, (("I ordered on {}.", "The page {} has it."),), near=False, loose=False),
    ),
)

THIRD_FIRST_TEXT = """
Catherine Benjamin Samantha Alexander Natalie Jonathan Vanessa Sebastian Monica Adrian Theresa Leo
Bridget Oscar Felicity Hugo Matilda Rupert Imogen Clive Nigel Pippa Angus Fiona Declan Aoife Rhys
Katarzyna Zbigniew Jannik Annika Mikkel Astrid Emre Zeynep Farid Leila Ravi Lakshmi Jun Mei Hana
Tomás Lucía João Beatriz Élodie Matthieu Chidi Amara Sipho Kofi Robin Chase Jasmine Heather Wade
"""
THIRD_LAST_TEXT = """
Whitfield Ashworth Pemberton Langley Holloway Thornton Bradshaw Osborne Hartman Nowak Lindqvist
Christensen Virtanen Papadopoulos Moreau Lefèvre Schneider Hoffmann Rossi Ferrari Carvalho Santos
Kim Park Tran Singh Kapoor Rahman Haddad Cohen Levy Mensah Diallo Abebe Stone Fox Lane Rice Sharp
"""
THIRD_COMPANIES_TEXT = """
Lenovo Ericsson Danone Bayer Vattenfall Adidas Primark Zurich Swissport Airbus Chevrolet Barilla
Salesforce Dropbox Figma Ocado Adecco Lidl Contoso Fabrikam FedEx ING NHS BBC EasyJet Sprint
"""
THIRD_PLACES = (
    "Hamburg", "Seattle", "Liverpool", "Montreal", "Accra", "Sapporo", "Coimbra", "Aberdeen",
    "Denver", "San José", "Cape Town", "Antwerp", "Galway", "Tulsa", "Station Road", "Pine Avenue",
    "Perth", "Camden Market", "Gdańsk", "Zürich", "Florence", "Salt Lake City", "Cork", "Jakarta",
)  # fmt: skip
THIRD_PRODUCTS = (
    "Pixel", "ThinkPad", "Aeropress", "Swatch", "Garmin", "Leica", "Chromebook", "iPad",
    "Sodastream", "Tupperware", "Vitamix", "Brompton", "Rimowa", "Eastpak", "Starlite", "Oakhurst",
)  # fmt: skip
THIRD_SENTENCES: dict[str, Sentences] = {
    "person": (
        ("Can {} pay for it later?", "That is fine, {} can pay later."),
        ("Put {} down for the quiz night.", "The list now has {} on it."),
        ("You spoke to {} on the phone.", "It was a pleasure to talk to {}."),
        ("The next guest is called {}.", "Welcome, {}! Please take a seat."),
        ("I share it with {}.", "A straw for you and one for {}, then."),
        ("{} recommended this place.", "Please say hello to {} from us."),
    ),
    "company": (
        ("I found a coupon by {}.", "The coupon by {} still works."),
        ("We are the team of {}.", "A big hello to everyone at {}!"),
        ("Do you cater for {}?", "Last week we catered for {}."),
    ),
    "place": (
        ("The beans come from {}, right?", "Right, from a roaster in {}."),
        ("My train to {} is late.", "Then you will reach {} later."),
    ),
    "product": (
        ("Can I charge my {} here?", "There is a socket for your {} below the bench."),
        ("Did someone find a {}?", "A {} was handed in."),
    ),
    "date": (
        ("The concert is {}, isn't it?", "The concert is {}, yes."),
        ("Could you move my booking to {}?", "Your booking now stands for {}."),
        ("I return on {}.", "Then see you on {}!"),
        ("The milk is good through {}.", "It is good through {}."),
    ),
    "time": (
        ("Can I come around {}?", "Come around {}, that suits us."),
        ("Brunch starts {}, I think.", "Brunch starts at {}."),
    ),
    "count": (
        ("I would need {} chairs.", "We have put out {} chairs."),
        ("Locker {} is mine.", "Your bag is in locker {}."),
        ("There were {} guests before me.", "{} guests were before you."),
    ),
    "money": (
        ("The deposit was {}.", "Your deposit, {}, has been paid back."),
        ("I gave {} as a tip.", "Thank you for the {} tip."),
    ),
    "share": (
        ("Mine is {} full.", "A cup that is {} full is on the house."),
        ("The battery shows {}.", "It was at {} when you left it."),
    ),
    "duration": (
        ("The parking is free for {}.", "You can park for {}."),
        ("I have been waiting for {}.", "I am sorry that you have waited {}."),
    ),
    "id": (
        ("My loyalty number reads {}.", "Stamps were added to {}."),
        ("Look for {} please.", "Found it: {}."),
        ("The label shows {}.", "We matched {} with your bag."),
    ),
    "contact": (
        ("Reach me under {}.", "We will reach out under {}."),
        ("It is {} if you need me.", "{} is noted."),
    ),
}
THIRD_MEASURES = (
    Measure(3, 40, 1, THIRD_SENTENCES["count"], (str, in_words, lambda n: f"{n:02d}")),
    Measure(
        101, 4999, 7, THIRD_SENTENCES["money"],
        (
            lambda n: f"£{n / 100:.2f}",
            lambda n: f"{n / 100:.2f} GBP",
            lambda n: f"GBP {n / 100:.2f}",
        ),
    ),
    Measure(
        20, 900, 10, THIRD_SENTENCES["money"],
        (lambda n: f"${n}", lambda n: f"US${n}", lambda n: f"{n} bucks", lambda n: f"${n}.-"),
    ),
    Measure(3, 100, 1, THIRD_SENTENCES["share"], (lambda n: f"{n}%", lambda n: f"{n} pct")),
    Measure(
        2, 20, 1, THIRD_SENTENCES["duration"],
        (
            lambda n: f"{n} hours",
            lambda n: f"{in_words(n)} hours",
            lambda n: f"{n}h",
            lambda n: f"{n * 60} minutes",
            lambda n: f"{n} hrs",
        ),
    ),
)  # fmt: skip


def receipt(rng: random.Random) -> str:
    return f"R.{digits(rng, 4)}.{digits(rng, 2)}"


def member(rng: random.Random) -> str:
    return f"{digits(rng, 4)} {digits(rng, 4)} {digits(rng, 4)}"


def version(rng: random.Random) -> str:
    return f"{digits(rng, 1)}.{digits(rng, 2)}.{digits(rng, 1)}"


def bag_tag(rng: random.Random) -> str:
    return f"{letters(rng, 3)} {digits(rng, 5)}"


def prefixed(rng: random.Random) -> str:
    return f"no. {digits(rng, 5)}"


def dotted_phone(rng: random.Random) -> str:
    return f"{digits(rng, 3)}.{digits(rng, 3)}.{digits(rng, 4)}"


def german_phone(rng: random.Random) -> str:
    return f"+49 {digits(rng, 3)} {digits(rng, 7)}"


def handle_email(rng: random.Random) -> str:
    return f"{letters(rng, 1).lower()}{digits(rng, 3)}@uni.example.edu"


def site(rng: random.Random) -> str:
    return f"www.{rng.choice(('beans', 'roaster', 'mugs', 'crema'))}{digits(rng, 1)}.example.org"


def _identifier(make: MakeId, sentences: str, *, near: bool = True) -> Identifier:
    return Identifier(make, THIRD_SENTENCES[sentences], near, loose=False)


THIRD = Wordings(
    first_names=THIRD_FIRST_TEXT.split(),
    last_names=THIRD_LAST_TEXT.split(),
    person=THIRD_SENTENCES["person"],
    things=(
        (THIRD_SENTENCES["company"], THIRD_COMPANIES_TEXT.split()),
        (THIRD_SENTENCES["place"], THIRD_PLACES),
        (THIRD_SENTENCES["product"], THIRD_PRODUCTS),
    ),
    honorifics=("Miss", "Prof.", "Mr."),
    on_date=THIRD_SENTENCES["date"],
    full_dates=(
        lambda d: f"{d:%d-%m-%Y}",
        lambda d: f"{d:%m/%d/%y}",
        lambda d: f"{d.day}. {d:%B %Y}",
        lambda d: f"{d:%B} {d.day} {d.year}",
        lambda d: f"{d:%A} {d.day} {d:%b} {d.year}",
        lambda d: f"{d:%a} {d.month}/{d.day}/{d.year}",
        lambda d: f"{ordinal(d.day)} {d:%B}, {d.year}",
    ),
    part_dates=(
        lambda d: f"{ordinal(d.day)} of {d:%B}",
        lambda d: f"{d:%B}, {d.day}",
        lambda d: f"{d.day}. {d:%b}.",
        lambda d: f"{d:%d/%m}" if d.day > 12 or d.day == d.month else f"{d.day} {d:%b}",
    ),
    at_time=THIRD_SENTENCES["time"],
    clocks=(
        lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d} {'P.M.' if h >= 12 else 'A.M.'}",
        lambda h, m: f"{h}h{m:02d}",
        lambda h, m: f"{h:02d}:{m:02d} o'clock",
        lambda h, m: f"{(h - 1) % 12 + 1}{f':{m:02d}' if m else ''} {'pm' if h >= 12 else 'am'}",
    ),
    measures=THIRD_MEASURES,
    identifiers=(
        _identifier(receipt, "id"),
        _identifier(member, "id"),
        _identifier(version, "id"),
        _identifier(bag_tag, "id"),
        _identifier(prefixed, "id"),
        _identifier(dotted_phone, "contact"),
        _identifier(german_phone, "contact"),
        _identifier(handle_email, "contact", near=False),
        _identifier(site, "contact", near=False),
    ),
)


FOURTH_FIRST_TEXT = """
Gregory Yvonne Malcolm Deirdre Stuart Harriet Gareth Maureen Alistair Bernadette Lionel Rosalie
Tiffany Brandon Kayla Tyler Brittany Cody Jenna Preston Monique Terrence Latoya Darnell Giovanni
Alessandra Konstantin Ekaterina Wojciech Małgorzata Håkon Solveig Jean-Pierre Anne-Marie Mary-Jane
Xiaoming Ying Takumi Ayumi Anjali Vikram Abdullah Khadija Emeka Folasade Esperanza Joaquín Clara
"""
FOURTH_LAST = (
    "Abernathy", "Blackwell", "Cartwright", "Donovan", "Eastwood", "Fairchild", "Greenwood",
    "Hollis", "Kingsley", "Lockhart", "Merriweather", "Norris", "Okafor", "Pritchard", "Quigley",
    "Rutledge", "Steinberg", "Trevino", "Underwood", "Valdez", "Wexler", "Yamaguchi", "Zimmerman",
    "van der Berg", "de la Cruz", "O'Connor", "MacLeod", "Smith-Jones", "Ångström", "Núñez",
)  # fmt: skip
FOURTH_COMPANIES = (
    "Tesco", "Marks & Spencer", "Johnson & Johnson", "eBay", "Hewlett Packard", "Verizon",
    "Nintendo", "Ryanair", "Deutsche Bahn", "Crédit Agricole", "TikTok", "Hilton", "AT&T",
    "Mastercard", "Uber", "Acme Corp", "Bluepeak Systems", "Ferndale Foods",
)  # fmt: skip
FOURTH_PLACES = (
    "Munich", "St. Louis", "The Hague", "Newcastle upon Tyne", "Minneapolis", "Edinburgh",
    "Marrakesh", "Bangkok", "Santiago", "Bergen", "Broadway", "Queen Street", "Ohio", "Bavaria",
    "Wales", "Łódź", "Nottingham", "Geneva",
)  # fmt: skip
FOURTH_PRODUCTS = (
    "Xbox", "MacBook", "Dyson", "Keurig", "Chemex", "Bose", "Nikon", "Asics", "Patagonia", "Hario",
    "OnePlus", "Sennheiser", "Kinetica", "Lumen Two", "Sandpiper", "Torrent",
)  # fmt: skip
FOURTH_DATE = (
    ("I would like to come back on {}.", "We look forward to your visit on {}."),
    ("The receipt is dated {}.", "The receipt dated {} is fine."),
    ("My card runs out {}.", "Your card is valid until {}."),
    ("We talked about {} for the workshop.", "The workshop will take place on {}."),
    ("Delivery was meant to be {}.", "We now expect it on {}."),
)
FOURTH_TIME = (
    ("Please be ready at {}.", "We will be ready at {}."),
    ("Your site says you open at {}.", "We open at {} indeed."),
    ("The driver comes by {}.", "It will be packed before {}."),
)


def _case(rng: random.Random) -> str:
    return "00" + digits(rng, 6)


def _key(rng: random.Random) -> str:
    return f"{letters(rng, 4)}-{letters(rng, 4)}-{digits(rng, 4)}"


def _hash_code(rng: random.Random) -> str:
    return f"#{letters(rng, 1)}-{digits(rng, 4)}"


def _iban(rng: random.Random) -> str:
    return f"DE{digits(rng, 2)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 4)} {digits(rng, 2)}"


def _uuid(rng: random.Random) -> str:
    text = "".join(rng.choice("0123456789abcdef") for _ in range(32))
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _us_phone(rng: random.Random) -> str:
    return f"+1 ({digits(rng, 3)}) {digits(rng, 3)}-{digits(rng, 4)}"


def _mobile(rng: random.Random) -> str:
    return f"07{digits(rng, 3)} {digits(rng, 6)}"


def _address(rng: random.Random) -> str:
    user = rng.choice(("maria", "joel.k", "pat_b", "info", "r.stone", "n-y"))
    return f"{user}@{rng.choice(('north', 'south', 'lake', 'hill'))}{digits(rng, 1)}.example.co.uk"


def _order_page(rng: random.Random) -> str:
    return f"shop.example.com/orders/{letters(rng, 1)}-{digits(rng, 3)}"


def _imprint(rng: random.Random) -> str:
    return f"{letters(rng, 1)}{digits(rng, 1)}{letters(rng, 1)} {digits(rng, 1)}{letters(rng, 2)}"


FOURTH_ID = (
    ("The case is {}.", "Case {} is closed now."),
    ("My code: {}", "Your code {} was accepted."),
    ("I got {} from your colleague.", "Please keep {} for later."),
    ("(Ref. {})", "This concerns {}."),
)
FOURTH_CONTACT = (
    ("Write or call: {}", "We got in touch via {}."),
    ("Use {} for questions.", "We noted {} for questions."),
)
UNSEEN = (
    Wordings(
        first_names=FOURTH_FIRST_TEXT.split(),
        last_names=FOURTH_LAST,
        person=(
            ("Please let {} know.", "I have let {} know."),
            ("The booking was made by {}.", "I found the booking by {}."),
            ("{} is my sister.", "Your sister {} is welcome too."),
            ("Signed, {}", "Dear {}, it is all settled."),
            ("{} had the same last week.", "{} had the same, I remember."),
            ("Is {} working today?", "Yes, {} is working today."),
        ),
        things=(
            (
                (
                    ("It goes on the {} account.", "I put it on the {} account."),
                    ("I used to work for {}.", "Many guests work for {}."),
                    ("Is this place owned by {}?", "We do belong to {}."),
                ),
                FOURTH_COMPANIES,
            ),
            (
                (
                    ("Where in {} is your other shop?", "Our shop in {} is by the station."),
                    ("I moved here from {}.", "Many of our guests come from {}."),
                ),
                FOURTH_PLACES,
            ),
            (
                (
                    ("Will my {} fit on the table?", "Your {} will fit."),
                    ("I won a {} in your raffle.", "Congratulations on your {}!"),
                ),
                FOURTH_PRODUCTS,
            ),
        ),
        honorifics=("Ms.", "Mr", "Mrs"),
        on_date=FOURTH_DATE,
        full_dates=(
            lambda d: f"{d:%A}, {d:%B} {ordinal(d.day)}, {d.year}",
            lambda d: f"{d:%d %b} {d.year}",
            lambda d: f"{d:%Y-%m-%d} ({d:%a})",
            lambda d: f"{d:%b} {d.day}, {d.year}",
            lambda d: f"{d:%a}, {d.day} {d:%b} {d.year}",
            lambda d: f"{d:%d/%m/%Y}",
        ),
        part_dates=(
            lambda d: f"{ordinal(d.day)} {d:%B}",
            lambda d: f"{d:%b} {d.day}",
            lambda d: f"{d:%B} {d.day}",
            lambda d: f"{d.day} {d:%b}",
        ),
        at_time=FOURTH_TIME,
        clocks=(
            lambda h, m: f"{h}.{m:02d}",
            lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d} {'p.m.' if h >= 12 else 'a.m.'}",
            lambda h, m: f"{(h - 1) % 12 + 1}:{m:02d} {'PM' if h >= 12 else 'AM'} CET",
            lambda h, m: f"{h:02d}:{m:02d}",
        ),
        measures=(
            Measure(
                3, 60, 1,
                (
                    ("We have {} seats booked.", "All {} seats are booked."),
                    ("Page {} of the menu is torn.", "Page {} will be printed again."),
                    ("I collect stamps, {} so far.", "With {} stamps you get a mug."),
                ),
                (str, in_words, lambda n: in_words(n).replace("-", " ")),
            ),
            Measure(
                1500, 9900, 100,
                (
                    ("Our office drinks {} cups a month.", "That makes {} cups a month."),
                    ("The raffle had {} tickets.", "All {} tickets are sold."),
                ),
                (
                    str,
                    lambda n: f"{n:,}",
                    lambda n: f"{n:,}".replace(",", "'"),
                    lambda n: f"{n:,}".replace(",", "\u202f"),
                    lambda n: f"{in_words(n // 100)} hundred",
                ),
            ),
            Measure(
                4, 90, 1,
                (
                    ("I paid {} too much.", "We sent {} back to you."),
                    ("The cake is {}, right?", "The cake costs {}."),
                ),
                (
                    lambda n: f"€{n}",
                    lambda n: f"{n} EUR",
                    lambda n: f"€ {n}.00",
                    lambda n: f"{n},00 EUR",
                    lambda n: f"{in_words(n)} euros",
                ),
            ),
            Measure(
                3, 80, 1,
                (("They promised {} off.", "You get {} off."),),
                (lambda n: f"{n} percent", lambda n: f"{n}%", lambda n: f"{n}-percent"),
            ),
            Measure(
                3, 12, 1,
                (
                    ("The machine is under repair for {}.", "The repair takes {}."),
                    ("I am away for {}.", "Your mug is safe here for {}."),
                ),
                (
                    lambda n: f"{n} weeks",
                    lambda n: f"{in_words(n)} weeks",
                    lambda n: f"{n * 7} days",
                    lambda n: f"{n} full weeks",
                ),
            ),
        ),
        identifiers=(
            Identifier(_case, FOURTH_ID, near=True, loose=False),
            Identifier(_key, FOURTH_ID, near=True, loose=True),
            Identifier(_hash_code, FOURTH_ID, near=True, loose=False),
            Identifier(_iban, FOURTH_ID, near=True, loose=False),
            Identifier(_uuid, FOURTH_ID, near=True, loose=False),
            Identifier(_imprint, FOURTH_ID, near=True, loose=False),
            Identifier(_us_phone, FOURTH_CONTACT, near=True, loose=False),
            Identifier(_mobile, FOURTH_CONTACT, near=True, loose=False),
            Identifier(_address, FOURTH_CONTACT, near=False, loose=False),
            Identifier(_order_page, FOURTH_CONTACT, near=False, loose=False),
        ),
    ),
)  # fmt: skip
SEEN = (FIRST, SECOND, THIRD)
