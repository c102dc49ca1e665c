"""The report: complete, honest, self-contained, and safe with any text."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.reporting.made_retrain import DROPPED_TEXT, TRAINING_TEXT, Made, make
from tunesmith.errors import MissingArtifact
from tunesmith.reporting.page import page as render
from tunesmith.reporting.page import shown
from tunesmith.reporting.report import documents, see, summary_metrics
from tunesmith.reporting.tracking import Move, Registered
from tunesmith.store import Store

HOSTILE = (
    "<script>alert(1)</script></div></main></body><img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)> &lt;b&gt; {{ 7 * 7 }} {% raw %} </style><style>*{display:none}",
    "x" * 5_000,
    "مرحبا \u202e reversed \u202c بعد",
    "👩‍👩‍👧‍👦 🔥 \x00 \x07 \x1b[31m \ufffe é",
)
VOID = {"meta", "img", "br", "hr", "input", "link", "polyline"}


class Page(HTMLParser):
    """The elements and the text of a page; unbalanced tags are an error."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(content.decode())
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.words += " "
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += data

    @property
    def text(self) -> str:
        return " ".join(self.words.split())


def page(made: Made) -> Page:
    return Page(documents(*made.given)["report.html"])


@pytest.fixture(scope="module")
def told(promoted: Made) -> str:
    """The text of the page of a promotion."""
    return page(promoted).text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Made:
    store = Store(str(tmp_path_factory.mktemp("hostile")))
    right = (
        ("base test", 0),
        ("prompt_baseline test", 27),
        ("champion test", 0),
        ("candidate test", 56),
        ("champion golden", 27),
        ("candidate golden", 28),
    )
    return make(
        store, tickets=HOSTILE, answers=HOSTILE, reason=HOSTILE[0], why=HOSTILE[0], right=right
    )


def test_documents_of_a_promotion(promoted: Made) -> None:
    made = documents(*promoted.given)
    assert set(made) == {
        "report.html",
        "advice.json",
        "verdict.json",
        "funnel.json",
        "mixture.json",
        "before_after.json",
        "artifacts.json",
        "loss.png",
        "funnel.png",
        "criteria.png",
    }
    verdict = promoted.result.verdict
    assert verdict is not None
    assert json.loads(made["verdict.json"]) == promoted.store.json(verdict, "verdict.json")
    assert json.loads(made["funnel.json"])[-3] == {
        "stage": "score",
        "rows_in": 455,
        "kept": 415,
        "dropped": {"grounding": 31, "format": 9},
        "tokens_in": 10_000,
        "tokens_kept": 6_500,
        "tokens_dropped": {"grounding": 3_000, "format": 500},
    }


OVERRIDE = Move(
    how="override",
    before="3",
    to="4",
    by="ada@build-7",
    at="2026-11-21T10:15:00+00:00",
    why="<b>the law</b>",
)


def test_who_promoted_against_the_verdict_comes_before_it(rejected: Made) -> None:
    registered = Registered(name="support-email", version="4", release="support-email-v4-2026-11")
    made = documents(*rejected.given[:-1], registered, OVERRIDE)
    text = Page(made["report.html"]).text
    sentences = (
        "Promoted by a person",
        "Promoted by ada@build-7 against the verdict, because “<b>the law</b>” (2026-11-21 10:15 "
        "UTC), as support-email-v4-2026-11.",
        "The verdict: rejected. The candidate is credibly worse",
        "The gate did not promote it.",
        "What was asked",
    )
    places = [text.index(sentence) for sentence in sentences]
    assert places == sorted(places)
    document = json.loads(made["verdict.json"])
    assert (document["decision"], document["override"]["version"]) == ("reject", "4")
    assert "Promoted by a person" not in page(rejected).text


def test_a_prompt_baseline_that_is_the_base_is_said(promoted: Made) -> None:
    said = "The prompt baseline is the base as it is"
    assert said not in page(promoted).text
    measured = dict(promoted.result.measured)
    measured["prompt_baseline test"] = measured["base test"]
    result = promoted.result.model_copy(update={"measured": measured})
    assert said in page(replace(promoted, result=result)).text


def test_the_sentence_comes_first(promoted: Made) -> None:
    text = page(promoted).text
    sentence = "It was promoted as support-email-v4-2026-11."
    assert text.index("Promoted") < text.index(sentence) < text.index("What was asked")


@pytest.mark.parametrize(
    "words",
    [
        "criteria 4 of 4 met ✓ package fit to serve, 2 checks passed",  # at a glance
        "better than the base? yes, n = 60 candidate 93% base 20%",  # criteria
        "exact score < 0.0001 1",
        "difference +0.73 [+0.62, +0.83] at 90%, n = 60: better",  # reasons
        "grounding on golden: not worse than the champion by 0.15?",  # criteria
        "93% 84 to 98%",  # before and after
        "validate 455 of 467 rows kept, 10,000 of 10,000 tokens",  # funnel
        "near_copy 55 11.8%",
        "grounding 31 6.6% 3,000 30.0%",
        "left 360 77.1% 6,500 65.0%",
        "the test side is <b>unlike</b> recent production",
        "train 260 260",  # split
        "topic train validation test <bills>",
        "stratum, by <topic> train groups validation groups test groups s0 9 1 2",
        "The 12 largest of 13 strata",
        "in 97% of cases",
        "train not tested: 3 recent production groups beside 260 others test 0.210 0.120 0.005",
        "task <tickets>.jsonl human 230 30 4,600 92.0%",  # mixture
        "260 rows in easy to hard order, by answer tokens, 12% of them replay",
        "trainable share 1.78%",  # training
        "time: train 3 min 7 s",
        "template the same tokens",  # package
        "From the champion to the candidate, 6 test examples got better, 0 worse",  # examples
        "No test example got worse.",
        "grounding 4 better, 0 worse, 56 the same",
        "candidate, test 60 4,800 80 each 1,200 20 each 0",  # cost
        "trigger manual",  # provenance
        "why the quarterly refresh",
        "champion at the start version 3",
    ],
)
def test_the_page_tells(told: str, words: str) -> None:
    assert words in told


def test_the_page_names_every_digest(promoted: Made) -> None:
    text = page(promoted).text
    listed = json.loads(documents(*promoted.given)["artifacts.json"])
    assert {item["name"] for item in listed} >= {"source files", "adapter", "verdict", "test side"}
    assert len(listed) == 15 + 4 + 2 * 6
    for item in listed:
        assert f"{item['kind']}/{item['digest']}" in text
    assert promoted.recipe.digest in text


def test_the_page_loads_nothing_and_runs_nothing(promoted: Made) -> None:
    seen = page(promoted)
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(seen.tags)
    names = {name for name, _ in seen.attributes}
    assert not {"src", "href", "srcset", "action"} & names
    assert not [name for name in names if name.startswith("on")]
    [policy] = [value for _, value in seen.attributes if value.startswith("default-src")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_hostile_text_is_only_text(hostile: Made, promoted: Made) -> None:
    calm, seen = page(promoted), page(hostile)
    assert set(seen.tags) == set(calm.tags)
    assert {name for name, _ in seen.attributes} == {name for name, _ in calm.attributes}
    for text in HOSTILE[:2]:
        assert text in seen.text


def test_hostile_reasons_and_motives_are_only_text(hostile: Made) -> None:
    assert page(hostile).text.count(f"why {HOSTILE[0]}") == 1
    assert f"{HOSTILE[0]} 55 11.8%" in page(hostile).text


def test_long_words_are_cut_and_controls_are_visible(hostile: Made) -> None:
    text = page(hostile).text
    assert "x" * 4_000 in text and "x" * 4_001 not in text
    assert "… and 1,000 characters more" in text
    raw = documents(*hostile.given)["report.html"].decode()
    assert not {"\x00", "\x07", "\x1b"} & set(raw)


def test_half_a_character_does_not_stop_the_report(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False, why="not \udcff UTF-8")
    assert "why not \N{REPLACEMENT CHARACTER} UTF-8" in page(made).text


def test_shown_keeps_lines_and_tabs() -> None:
    assert shown("a\r\nb\tc\x00d") == "a\nb\tc\N{REPLACEMENT CHARACTER}d"


@pytest.mark.parametrize("name", ["promoted", "unchanged", "rejected", "unsettled", "hostile"])
def test_rows_stay_in_the_store(name: str, request: pytest.FixtureRequest) -> None:
    for content in documents(*request.getfixturevalue(name).given).values():
        assert DROPPED_TEXT.encode() not in content
        assert TRAINING_TEXT.encode() not in content


def test_of_the_test_rows_ten_an_end_leave_and_only_on_the_page(rejected: Made) -> None:
    made = documents(*rejected.given)
    assert page(rejected).text.count("leaks.") == 10
    assert all(b"leaks." not in made[name] for name in made if name != "report.html")


def test_unchanged_says_plainly_that_there_is_no_verdict(unchanged: Made) -> None:
    text = page(unchanged).text
    assert "The candidate is the model that already serves, version 3" in text
    assert "This retrain has no verdict" in text
    assert "Examples side by side" not in text
    assert "Is it fit to serve" not in text and "Where it is better" not in text
    made = documents(*unchanged.given)
    assert json.loads(made["verdict.json"])["decision"] == "unchanged"
    assert "criteria.png" not in made


def test_not_promoted_is_said_where_nothing_was(rejected: Made, unsettled: Made) -> None:
    for made in (rejected, unsettled):
        text = page(made).text
        assert "The gate did not promote it." in text
        assert "registered as no" in text


def test_without_a_champion_nobody_speaks_of_one(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    text = page(made).text
    assert "champion at the start none" in text
    assert text.count("the champion") == 0


def test_a_lost_record_costs_the_facts_not_the_page(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    made.store.storage.delete("records/train")
    assert "adapter trained not recorded" in page(made).text


def test_a_lost_artifact_is_said(tmp_path) -> None:
    made = make(Store(str(tmp_path)), champion=False)
    scores = made.result.measured["candidate test"].scores
    made.store.storage.delete(f"scores/{scores.digest}/manifest.json")
    with pytest.raises(MissingArtifact, match=scores.short):
        documents(*Made(**{**vars(made), "store": Store(f"{tmp_path}/../{tmp_path.name}")}).given)


def test_the_same_report_twice(promoted: Made) -> None:
    assert documents(*promoted.given) == documents(*promoted.given)


def test_summary_metrics(promoted: Made) -> None:
    metrics = summary_metrics(promoted.store, promoted.result)
    assert metrics["test/candidate/grounding"] == 56 / 60
    assert metrics["golden/champion/grounding"] == 27 / 30
    assert len(metrics) == 6 * 5


def test_suites_are_told_with_their_reasons(promoted: Made) -> None:
    suite = {
        "suite": "format_lock",
        "answer": "no",
        "n": 40,
        "reason": "worse in <json>",
        "tolerance": 0.1,
        "estimate": -0.5,
        "low": -0.6,
        "high": -0.4,
        "confidence": 0.9,
    }
    seen = see(promoted.store, promoted.started, promoted.result)
    lost = replace(seen, document={**seen.document, "suites": [suite]})
    text = Page(render(*promoted.given, lost).encode()).text
    assert "format lock credibly worse , n = 40 worse in <json>" in text.replace(
        "worse,", "worse ,"
    )
    assert "−0.50, between −0.60 and −0.40" in text
    assert "What it must not have lost" not in page(promoted).text
