"""What `tunesmith show --dropped` says of an artifact's dropped rows."""

import pytest

from tests.made_rows import chat
from tests.toy_stages import given
from tunesmith.commands.checking import show_artifact
from tunesmith.records import Dropped


def dropped(row, detail="so", reason="fence", source="rows.jsonl:1"):
    return Dropped(source=source, reason=reason, detail=detail, row=row)


@pytest.fixture
def shown(store):
    """Show the dropped rows of an artifact by reason, up to one."""
    rows = [
        chat("kept"),
        *(
            dropped(chat(reason), reason=reason, source=f"rows.jsonl:{line}")
            for line, reason in enumerate(("near_copy", "fence", "near_copy"), 2)
        ),
    ]
    ref = given(store, rows)
    return lambda reason: show_artifact(store, ref.short, reason, 1)


def test_rows_of_a_reason(shown):
    text = shown("near_copy")

    assert text.startswith("rows.jsonl:2  near_copy: so\n    user: near_copy\n")
    assert text.endswith("2 rows dropped for near_copy, 1 shown")


def test_rows_of_any_reason(shown):
    assert shown("all").endswith("3 rows dropped, 1 shown")


def test_a_reason_that_dropped_nothing_is_answered_by_those_that_did(shown):
    assert shown("near_copies") == (
        "no row was dropped for 'near_copies'; expected all, fence, near_copy"
    )


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\x9b", "\u202e", "\u2066"])
def test_what_would_steer_the_terminal_is_not_printed(store, sign):
    row = chat(f"clear{sign}[2J", f"de{sign}tail\tand\nmore")
    ref = given(store, [dropped(row, f"label {sign}")])

    text = show_artifact(store, ref.short, "fence", 1)

    assert sign not in text
    assert "clear\ufffd[2J" in text
    assert "\tand\n    more\n" in text


def test_text_of_any_script_is_printed_as_it_is(store):
    said = "\u0645\u0631\u062d\u0628\u0627 \u4f60\u597d e\u0301 \U0001f600"
    ref = given(store, [dropped(chat(said))])

    assert f"user: {said}\n" in show_artifact(store, ref.short, "fence", 1)


def test_nothing_dropped(store):
    ref = given(store, [chat("kept")])

    assert show_artifact(store, ref.short, "fence", 1) == "0 rows dropped for fence, 0 shown"
