"""What counts as a secret, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data import secrets
from tunesmith.data.entities.text import matches_at
from tunesmith.data.secrets import find_cards, find_secrets, mask

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
# Put together here, so that scanners of this repository do not take them for real ones.
SECRETS = {
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "x9Y8" * 5,
    "Slack token": "xoxb-" + "123456789012-abcdefghij",
    "Google API key": "AIza" + "Sy1234567" + "a" * 26,
    "API key": "sk-" + "proj-" + "a1b2c3d4e5f6a7b8",
    "web token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkw" + ".dozjgNryP4J3jVmNHl0w5N",
    "private key": PEM,
    "card number": "4111 1111 1111 1111",
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items(), ids=SECRETS)
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ""), ("My key is ", "."), ("(", ")"), ('{"k": "', '"}'), ("a\n", "\nb"), ("ä ", ", ok")],
)
def test_a_secret_is_found_whatever_stands_around_it(kind, secret, before, after):
    text = before + secret + after
    (found,) = find_secrets(text)
    assert (found.kind, text[found.start : found.end]) == (kind, secret)
    assert mask(text) == f"{before}[{kind}]{after}"


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2x",
        "Password = 'tr0ub4dor'",
        'the password is "s3al-skin"',
        "password is Rover2015",
        "password: '$tr0ub4dor'",
        "pwd=kj83Hsl20",
        "API key: 9f8e7d6c5b4a",
        "api_key=9f8e7d6c5b4a",
        "DB_PASSWORD=m4gn0lia!",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG",
        "secret_key: k7391842",
        '"password": "hunter2x"',
        "access token is: ab12cd34ef",
        "PASSPHRASE: correct7horse",
    ],
)
def test_a_value_that_looks_chosen_after_such_a_word_is_one(text):
    (found,) = find_secrets(text)
    assert found.kind == "password"
    assert not any(char.isdigit() for char in mask(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Your password is required.",
        "The password: please reset it.",
        "Is the secret ingredient basil?",
        "password: mypassword123",
        'password = "P@ssw0rd1"',
        "API_KEY: abcdef123",
        "api_key='YOUR-API-KEY-123'",
        'api_key="xxxxxxxx320"',
        "password: admin1234!",
        "password = user1.password",
        "password = generate_password(12)",
        'api_key = os.environ["API_KEY_1"]',
        "api_key=os.environ['API_KEY_1']",
        "api_key: ${API_KEY_2}",
        "password={{secret_1}}",
        "password=<password1>",
        "the password is 12-character",
        "the password is sha256-hashed",
        "use sk-your-api-key-goes-here-1",
        "passwords is12345x",
        "the secretary is room101b",
        "password is 123456",  # a pin has no letters; too many orders look like it
        "AKIA is a prefix; AKIA1234 is too short",
        "xAKIAIOSFODNN7EXAMPLE",
        "see sk-learn and pk-fire",
        "order 4111 1111 1111 1112",  # the check digit is wrong
        "order 1234567812345670",  # passes the check, but no issuer has that prefix
        "serial 35693803564380",
        "IMEI 356938035643809",  # passes the check and begins as JCB does, which has 16 digits
        "41111111111111111",  # 17 digits
        "0.4111111111111111",
        "ORD-4111111111111111",
        "4111 11111111 1111",  # not as cards are grouped
        "phone +1 415 555 2671, ext 1234",
        "-----BEGIN PUBLIC KEY-----",
        "2026-11-21 05:29:41 11122233",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert find_secrets(text) == []
    assert mask(text) == text


@pytest.mark.parametrize(
    "number",
    ["4222222222222", "4111111111111111", "5555-5555-5555-4444", "2223000048400011",
     "378282246310005", "3782 822463 10005", "6011111111111117", "3530111333300000",
     "4000000000000000006"],
)  # fmt: skip
@pytest.mark.parametrize("after", ["", " 12/27", ", exp. 12/27", " 123", "."])
def test_cards_of_all_issuers_are_found_before_what_follows_them(number, after):
    assert [found.kind for found in find_secrets(f"card {number}{after}")] == ["card number"]
    assert mask(f"card {number}{after}") == f"card [card number]{after}"


def test_of_two_that_overlap_nothing_is_left():
    text = "password=ab12" + "-----BEGIN PRIVATE KEY-----" + "MIIEpA IBAAKCAQ" + "-----END"
    assert "IBAAKCAQ" not in mask(text)
    assert len(find_secrets(text)) == 1


@given(st.lists(st.sampled_from([*SECRETS.values(), "password: hunter2x"]), max_size=5))
def test_several_are_all_masked_and_masking_again_changes_nothing(secrets):
    text = " then ".join(["start", *secrets, "end"])
    masked = mask(text)
    assert len(find_secrets(text)) == len(secrets)
    assert not any(secret.removeprefix("password: ") in masked for secret in secrets)
    assert find_secrets(masked) == []
    assert mask(masked) == masked


@given(st.text(max_size=200))
def test_any_text_can_be_searched(text):
    spans = [(found.start, found.end) for found in find_secrets(text)]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_a_long_line_is_searched_in_linear_time():
    # Each of these takes hours where a pattern backtracks over the whole line at each start.
    for piece in ("1 ", "eyJ", "-----BEGIN ", "password ", "sk-", "4111 1111 "):
        assert isinstance(find_secrets(piece * 20_000), list)


pieces = st.sampled_from(
    [*SECRETS.values(), "AKIA", "sk-", "eyJ", "xox", "ghp_", "password", "API KEY", "is", "=", ": ", "hunter2x",
     "4111 ", "4111-1111-", "0000 0000 ", "3782 822463 10005", "-----BEGIN ", "a", "_", " ", "\u0130", "\u017f", "\n"]
)  # fmt: skip


@given(st.lists(pieces, max_size=12).map("".join))
def test_to_look_where_a_secret_can_begin_finds_what_looking_everywhere_does(text):
    for kind, pattern in secrets._PATTERNS:
        places = secrets._places(text, secrets._BEGINNINGS[kind])
        assert spans(matches_at(pattern, text, places)) == spans(pattern.finditer(text))
    assert spans(secrets._assigned(text)) == spans(secrets._ASSIGNED.finditer(text))
    cards = [found for found in spans(secrets._CARD.finditer(text)) if is_card(text, found)]
    assert [(card.start, card.end) for card in find_cards(text)] == cards


def spans(matches):
    return [match.span() for match in matches]


def is_card(text, span):
    return secrets._is_card(text[slice(*span)])


def test_a_pattern_is_tried_no_more_often_than_its_beginning_stands_there():
    text = "a password is a word, and an api_key = x; " * 1000
    assert len(secrets._places(text, secrets._ASSIGNED_TO)) == 2000
    assert not any(secrets._places(text, starts) for starts in secrets._BEGINNINGS.values())
