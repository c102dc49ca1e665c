"""The model card says what a version is, and takes nothing that others wrote for markup."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.reporting.made_retrain import Made, build
from tunesmith.artifacts import Adapter, Verdict
from tunesmith.errors import MissingArtifact
from tunesmith.reporting.card import UNSTATED, card, headed, licence, release_name, training_record
from tunesmith.reporting.tracking import Move
from tunesmith.store import Store

RENDER = MarkdownIt("commonmark", {"html": True}).enable("table").render


def text_of(made: Made, recipe: object = None) -> str:
    return card(recipe or made.recipe, made.store, made.started, made.result)


@pytest.mark.parametrize(
    "said",
    [
        "only what the ticket says",
        "licence of the base: " + UNSTATED,
        "golden set: 30 rows, ",
        "| score | dropped: grounding | 31 |",
        "learning rate: 0.002",
        "a difference smaller than",
        "format lock-in: 93% of the answers",
        "compared with: version 3",
        "transformers ",
    ],
)
def test_it_says(promoted: Made, said: str) -> None:
    assert said in text_of(promoted)


def test_digests_lead_to_everything(promoted: Made) -> None:
    made, text = promoted.result, text_of(promoted)
    for ref in (made.base, made.adapter, made.package, made.mixture.train, made.split.test):
        assert ref.digest in text
    assert promoted.recipe.digest in text


def test_scores_have_intervals_and_criteria_their_reasons(rejected: Made) -> None:
    html = RENDER(text_of(rejected))
    assert "<td>43% [31, 57]</td>" in html.replace(' style="text-align:left"', "")
    assert "<strong>reject</strong>" in html
    for reason in rejected.store.json(rejected.result.verdict, "verdict.json")["reasons"]:
        assert f"<li>{reason}</li>" in html


def test_suites_stand_there_where_they_ran(promoted: Made) -> None:
    verdict, store = promoted.result.verdict, promoted.store
    suites = [
        {"suite": "format_lock_in", "answer": "no", "reason": "fell by 0.4"},
        {"suite": "forgetting", "answer": "not settled", "reason": "no headroom"},
    ]
    document = {**store.json(verdict, "verdict.json"), "suites": suites}
    changed = build(
        store,
        "gate-with-suites",
        Verdict,
        lambda draft: draft.seal_json(Verdict, "verdict.json", document, decision="promote"),
        "suites",
    )
    result = promoted.result.model_copy(update={"verdict": changed})
    html = RENDER(text_of(replace(promoted, result=result)))
    assert "<li>format lock in: <strong>worse</strong>, fell by 0.4</li>" in html
    assert "<li>forgetting: <strong>not settled</strong>, no headroom</li>" in html


def test_what_others_wrote_is_no_markup(promoted: Made) -> None:
    recipe = promoted.recipe.model_copy(update={"task": "Answer.\n# <b>Free</b> [x](http://evil)"})
    html = RENDER(text_of(promoted, recipe))
    assert "# &lt;b&gt;Free&lt;/b&gt; [x](http://evil)" in html
    assert "<b>" not in html and "href" not in html


def test_the_same_again(promoted: Made) -> None:
    assert text_of(promoted) == text_of(promoted)


def test_only_what_was_judged_has_a_card(unchanged: Made) -> None:
    with pytest.raises(RuntimeError):
        text_of(unchanged)


def test_the_date_is_that_of_the_first_record(store: Store) -> None:
    def record(created: str) -> str:
        output = {"kind": "adapter", "digest": "a" * 64, "base": "b"}
        return json.dumps({"output": output, "created": created})

    for number, created in enumerate(("2026-12-01T00:00:00", "2026-11-30T23:59:59"), 1):
        store.storage.create(f"records/train/key/{number:06d}.json", record(created).encode())
    found = training_record(store, Adapter(digest="a" * 64, base="b"))
    assert found["created"].startswith("2026-11")
    with pytest.raises(MissingArtifact, match="no record says"):
        training_record(store, Adapter(digest="c" * 64, base="b"))


def test_names_have_version_and_month() -> None:
    assert release_name("support-email", "3", "2026-11") == "support-email-v3-2026-11"


def moved(how: str, why: str = "") -> Move:
    return Move(how=how, before="1", to="2", by="ada@b", at="2026-11-21T15:40:01+00:00", why=why)


def test_a_person_who_promoted_stands_at_the_head() -> None:
    text = headed("## Body", "a-v2-2026-11", moved("override", "# the <i>law</i>"), "reject")
    html = RENDER(text)
    assert html.startswith("<h1>a-v2-2026-11</h1>")
    assert "<em>reject</em>: ada@b, on 2026-11-21 15:40 UTC" in html
    assert "<blockquote>\n<p># the &lt;i&gt;law&lt;/i&gt;</p>" in html
    assert "against" not in headed("## Body", "a", moved("promote"), "promote")


@pytest.mark.parametrize(
    "files, stated",
    [
        ({}, None),
        ({"README.md": "# Licence: MIT"}, None),
        ({"README.md": "---\nlicense: apache-2.0\n---\n# A"}, "apache-2.0"),
        ({"README.md": "text\n---\nlicense: mit\n---\n"}, None),
        (
            {"README.md": "---\nlicense: [broken\n---\n", "LICENSE": "\n MIT License\n"},
            "MIT License (LICENSE)",
        ),
        ({"README.md": "---\n- license\n---\n"}, None),
        ({"config.json": '{"license": "llama3.1"}'}, "llama3.1"),
        ({"config.json": '{"license": 3}', "LICENCE.txt": "EUPL"}, "EUPL (LICENCE.txt)"),
        ({"README.md": "---\nlicense: mit\n---\n", "LICENSE": "GPL"}, "mit"),
        ({"LICENSE": " \n"}, None),
        (
            {"LICENSE": "\n   Apache License\n  Version 2.0, January 2004\n"},
            "Apache License, Version 2.0, January 2004 (LICENSE)",
        ),
        ({"README.md": "---\nlicense: other\nlicense_name: llama3.2\n---\n"}, "llama3.2"),
    ],
)
def test_licence(tmp_path: Path, files: dict[str, str], stated: str | None) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert licence(tmp_path) == stated
