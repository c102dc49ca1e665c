"""Personal data: found by shape and check digit, and masked so that the same stays the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.checks import personal
from tunesmith.data.checks.personal import Masker, find_personal
from tunesmith.data.entities.text import matches_within, zeroed


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("write to Ann.Lee+x@mail.firm.co.uk, please", "email", "Ann.Lee+x@mail.firm.co.uk"),
        ("call +44 20 7946 0958 now", "phone", "+44 20 7946 0958"),
        ("call (415) 867-5309.", "phone", "(415) 867-5309"),
        ("it is 415-867-5309", "phone", "415-867-5309"),
        ("Phone: 867-5309 or so", "phone", "867-5309"),
        ("my number? call me on 030 901820", "phone", "030 901820"),
        ("to DE89 3704 0044 0532 0130 00 AND SO", "iban", "DE89 3704 0044 0532 0130 00"),
        ("GB29NWBK60161331926819.", "iban", "GB29NWBK60161331926819"),
        ("MT84MALT011000012345MTLCAST001S", "iban", "MT84MALT011000012345MTLCAST001S"),
        ("card 4111 1111 1111 1111", "card", "4111 1111 1111 1111"),
        ("ssn 536-90-4399", "ssn", "536-90-4399"),
        ("from 81.2.69.160:53", "ip", "81.2.69.160"),
        ("from 2a00:1450:4001:81b::200e today", "ip", "2a00:1450:4001:81b::200e"),
    ],
)
def test_each_kind_is_found_as_it_is_written(text, kind, found):
    (one,) = find_personal(text)
    assert (one.kind, text[one.start : one.end]) == (kind, found)


@pytest.mark.parametrize(
    "text",
    ["", "ann@example.com", "a@b.example.org", "a@host.test", "ann at firm.co", "@ann", "see @home.x",
     "555-0123", "call (212) 555-0199", "order 867-5309-A", "2026-03-14", "12-34-5678", "10/12/2026",
     "DE89 3704 0044 0532 0130 01", "XX89370400440532013000", "DE89370400440532013000A",
     "4111 1111 1111 1112", "000-12-3456", "666-12-3456", "900-12-3456", "536-00-4399", "536-90-0000",
     "123-45-6789", "192.168.0.1", "127.0.0.1", "10.1.2.3", "192.0.2.7", "256.8.4.4", "version 81.2.69.160",
     "81.2.69.160.1", "ping 8.8.8.8", "at 12:30:45", "std::vector::size", "fe80::1:2:3", "a total of 4158675309 bytes",
     "text 12 at 5"],
)  # fmt: skip
def test_near_misses_are_none(text):
    assert find_personal(text) == []


def test_the_same_datum_has_the_same_pseudonym_and_others_have_others():
    masker = Masker()
    assert masker.mask("Ann@firm.co, bo@firm.co") == "<EMAIL_1>, <EMAIL_2>"
    assert masker.mask("ann@FIRM.co and +1 (415) 867-5309") == "<EMAIL_1> and <PHONE_1>"
    assert masker.kinds == {"email", "phone"}
    assert Masker().mask("bo@firm.co") == "<EMAIL_1>"


def test_with_a_salt_pseudonyms_agree_between_rows_and_not_between_salts():
    one, other = Masker("a").mask("x: ann@firm.co"), Masker("a").mask("ANN@firm.co")
    assert one == f"x: {other}"
    assert other != Masker("b").mask("ann@firm.co")
    assert "ann" not in other
    assert Masker("a").mask("bo@firm.co") != other


PIECES = ["ann@firm.co", "+44 20 7946 0958", "536-90-4399", "DE89370400440532013000", "81.2.69.160",
          " ", "\n", "x", "1", ".", "@", "call ", "AB12 "]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(["", "salt"]))
def test_spans_are_in_order_and_what_is_masked_stays_as_it_is(text, salt):
    found = find_personal(text)
    assert all(one.end <= two.start for one, two in zip(found, found[1:], strict=False))
    masked = Masker(salt).mask(text)
    assert find_personal(masked) == []
    assert Masker(salt).mask(masked) == masked


@pytest.mark.parametrize("piece", ["1", "1 ", "A1", "a@", "AB12 ", "1.", "1:", "(1)", "+1 "])
def test_a_long_text_is_searched_in_linear_time(piece):
    find_personal(piece * 20_000)


pieces = st.sampled_from(
    ["ann", "@", ".", "-", "_", "%", "firm.co", "a@b.de", " ", "\n", "1", "23", "192", "8.8.4.4", ":", "::", "v ",
     "2001:db8:", "ff", "fe80::1", "81.2.69.142", "\u00e4", "\u0663", "x" * 70]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map("".join))
def test_to_look_around_the_sign_of_a_kind_finds_what_looking_everywhere_does(text):
    zeros = zeroed(text)
    everywhere = {
        "email": [match.span() for match in personal._EMAIL.finditer(text)],
        "ip": [m.span() for p in (personal._IPV4, personal._IPV6) for m in p.finditer(text)],
    }
    found = []

    def record(pattern, text, spans):
        matches = list(matches_within(pattern, text, spans))
        found.extend(match.span() for match in matches)
        return iter(matches)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(personal, "matches_within", record)
        for kind, look in (
            ("email", lambda: personal._emails(text)),
            ("ip", lambda: personal._addresses(text, zeros)),
        ):
            found.clear()
            look()
            assert found == everywhere[kind]
