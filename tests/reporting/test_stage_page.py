"""What Prefect's UI shows of a stage and of a retrain."""

import base64

import pytest
from markdown_it import MarkdownIt

from tests.reporting.made_retrain import DROPPED_TEXT, Made
from tunesmith.artifacts import Examples
from tunesmith.observe import Built
from tunesmith.reporting.stage_page import retrain_pages, stage_markdown

RECORD = {
    "counts": {"rows_in": 200, "kept": 150, "dropped": {"format": 10, "grounding": 40}},
    "timings": {"total": 75.0, "steps": {"1": 2.0}},
    "notes": {"trainable_share": 0.018},
    "created": "2026-11-21T10:00:00+00:00",
    "device": "cpu",
    "host": "build-7",
    "commit": None,
}


def built(*, hit: bool = False, label: str = "score", **changes: object) -> Built:
    ref = Examples(digest="0123456789abcdef" * 4, rows=150, dropped=50)
    return Built(label, "score", "key", ref, hit, {**RECORD, **changes})


def test_a_stage_says_what_it_made_and_how_to_look_closer() -> None:
    page = stage_markdown(built())
    assert "built in 1 min 15 s" in page
    assert "`tunesmith show 0123456789ab`" in page
    assert "| dropped: grounding | 40 | 20.0% |" in page
    assert "| kept | 150 | 75.0% |" in page
    assert page.index("grounding") < page.index("dropped: format")
    assert "| trainable share | 1.80% |" in page


def test_flags_stand_below_what_was_kept() -> None:
    page = stage_markdown(built(notes={"flags": {"personal": 2, "refusal": 30}}))
    kept = page.index("| kept |")
    flags = [page.index(f"of them flagged: {name}") for name in ("refusal", "personal")]
    assert kept < flags[0] < flags[1]
    assert "| 30 | 15.0% |" in page and page.count("personal") == 1


def test_a_hit_does_not_claim_to_have_built() -> None:
    page = stage_markdown(built(hit=True))
    assert "found in the store" in page and "built in" not in page


def test_a_stage_without_rows_has_no_table_of_rows() -> None:
    page = stage_markdown(built(counts={"rows_in": 0, "kept": 0, "dropped": {}}))
    assert "came in" not in page and "--dropped" not in page


def test_nothing_dropped_nothing_to_look_at() -> None:
    page = stage_markdown(built(counts={"rows_in": 5, "kept": 5, "dropped": {}}))
    assert "--dropped" not in page


def test_step_times_are_no_fact() -> None:
    assert "time: steps" not in stage_markdown(built())


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "a|b|c", "`x` **y**", "# x\n# y"])
def test_values_never_become_markup(text: str) -> None:
    plain = MarkdownIt("commonmark", {"html": True}).enable("table")
    counts = {"rows_in": 9, "kept": 4, "dropped": {text: 5}}
    page = plain.render(
        stage_markdown(built(label=text, host=text, notes={text: text}, counts=counts))
    )
    usual = plain.render(
        stage_markdown(built(label="x", notes={"x": "x"}, counts=counts | {"dropped": {"x": 5}}))
    )
    for tag in ("<img", "<h1", "<h2", "<td", "<strong", "<code"):
        assert page.count(tag) == usual.count(tag)


def test_pages_of_a_retrain(promoted: Made) -> None:
    pages = retrain_pages(*promoted.given)
    assert pages.verdict.startswith("# Promoted")
    assert len(pages.before_after) == 10
    assert {row["stage"] for row in pages.funnel} == {
        "ingest",
        "validate",
        "score",
        "dedup",
        "split",
    }
    assert set(pages.images) == {"loss", "funnel", "criteria"}
    for image in pages.images.values():
        kind, _, content = image.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    assert DROPPED_TEXT not in str(pages)


def test_pages_of_an_unchanged_retrain_show_no_criteria(unchanged: Made) -> None:
    pages = retrain_pages(*unchanged.given)
    assert pages.verdict.startswith("# Unchanged")
    assert set(pages.images) == {"loss", "funnel"}
