"""A verdict at a glance speaks for the candidate only where everything does."""

import pytest

from tunesmith.reporting.glance import glance
from tunesmith.reporting.looks import Worn
from tunesmith.statistics.looks import wear


def items(*answers: str) -> list[dict[str, str]]:
    return [{"answer": answer} for answer in answers]


@pytest.mark.parametrize(
    ("answers", "tone", "text"),
    [
        (("yes", "yes"), "yes", "2 of 2 met"),
        (("yes", "not settled"), "not-settled", "1 of 2 met, 1 not settled"),
        (("not settled",), "not-settled", "1 of 1 not settled"),
        (("not settled", "no", "yes"), "no", "1 of 3 met, 1 credibly worse, 1 not settled"),
    ],
)
def test_criteria(answers: tuple[str, ...], tone: str, text: str) -> None:
    [line] = glance({"criteria": items(*answers)}, None, {})
    assert line == (tone, "criteria", text)


def test_what_failed_is_named() -> None:
    checks = [{"check": "stop_token", "passed": False}, {"check": "template", "passed": True}]
    unfit = ["package: 1 of 8 answers end", "withdrawn: version 3: it invents numbers"]
    document = {"criteria": items("yes"), "suites": items("yes", "no"), "unfit": unfit}
    lines = glance(document, {"checks": checks}, {})
    assert lines[1:] == [
        ("no", "package", "not fit to serve: stop token failed, of 2 checks"),
        ("no", "withdrawn", "version 3: it invents numbers"),
        ("no", "failure modes", "1 of 2 held, 1 credibly worse"),
    ]


def test_a_worn_out_set_is_told_and_a_fresh_one_is_not() -> None:
    worn = {name: Worn(wear([0.05] * n), n, 0) for name, n in (("test", 1), ("golden", 10))}
    lines = glance({"criteria": items("yes")}, None, worn)
    assert [(line.tone, line.what) for line in lines] == [("yes", "criteria"), ("no", "worn out")]
    assert lines[1].text.startswith("golden set: 10 verdicts so far")


def test_nothing_is_told_where_nothing_was_judged() -> None:
    worn = {"golden": Worn(wear([0.05] * 10), 10, 0)}
    assert glance({"criteria": []}, None, worn) == []
