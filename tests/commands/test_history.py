"""One golden score for each version, and what can be compared with what."""

import datetime
import io
import json
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

from tests.made_release import World
from tunesmith.commands.history import golden_score, history
from tunesmith.commands.overriding import override
from tunesmith.commands.releasing import rollback
from tunesmith.errors import InputError
from tunesmith.reporting.history_plot import Point, history_png
from tunesmith.reporting.tracking import Version


def line(text: str, version: str) -> str:
    return next(line for line in text.splitlines() if line.split()[:1] == [version])


def test_every_version_with_its_score_and_the_champion_marked(world: World) -> None:
    world.promoted("mail", "mail-1")
    world.promoted("mail", "mail-2")
    world.ended("mail", "mail-3", "reject")
    override("mail-3", world.settings("reject"), "because")
    rollback("mail", world.settings(), None, "")
    text = history("mail", world.settings(), None)
    assert line(text, "1").split()[1].startswith("mail-v1-20")
    assert "93% [78%, 99%]" in line(text, "1") and "gate" in line(text, "1")
    assert "47% [28%, 66%]" in line(text, "3") and "a person" in line(text, "3")
    assert [line(text, str(n)).endswith("champion") for n in (1, 2, 3)] == [False, True, False]
    assert "95% interval, of each version alone" in text
    assert "cannot be compared" not in text
    assert imread(world.home / "reports/mail-history.png").shape[1] > 300


def test_the_plot_goes_where_it_is_wanted(world: World, tmp_path: Path) -> None:
    world.promoted("elsewhere", "elsewhere-1")
    out = tmp_path / "new" / "plot.png"
    assert f"plot: {out}" in history("elsewhere", world.settings(), out)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_another_golden_set_breaks_the_series(world: World) -> None:
    release = world.ended("changed", "changed-1", "promote")
    world.register(release)
    score = json.loads(release.tags["golden_score"])
    for number, changes in enumerate(({"set": "f" * 64}, {"measured_by": "evaluate 99"}), 2):
        score |= changes
        tags = release.tags | {"golden_score": json.dumps(score)}
        other = world.ended("changed", f"changed-{number}", "promote")
        world.register(other.model_copy(update={"tags": tags}))
    text = history("changed", world.settings(), None)
    assert "up to 1 and from 2 on cannot be compared: the golden set changed." in text
    assert "up to 2 and from 3 on cannot be compared: how it is measured changed." in text


def test_a_version_without_a_score_is_listed_all_the_same(world: World, tmp_path: Path) -> None:
    release = world.ended("old", "old-1", "promote")
    tags = {name: value for name, value in release.tags.items() if name != "golden_score"}
    world.register(release.model_copy(update={"tags": tags}))
    text = history("old", world.settings(), tmp_path / "none.png")
    assert "not kept" in line(text, "1") and "champion" in line(text, "1")
    assert not (tmp_path / "none.png").exists()


def test_no_such_model(world: World) -> None:
    with pytest.raises(InputError, match="no version of a model of this name"):
        history("unheard-of", world.settings(), None)


@pytest.mark.parametrize(
    "values, text",
    [
        ({"kind": "rate", "value": 0.5, "low": 0.25, "high": 0.75}, "50% [25%, 75%]"),
        ({"kind": "mean", "value": 1.234, "low": None, "high": None}, "1.23"),
        ({"kind": "mean", "value": None, "low": None, "high": None}, "–"),
    ],
)
def test_scores_as_text(values: dict[str, Any], text: str) -> None:
    kept = {"metric": "m", "confidence": 0.95, "n": 9, "set": "s", "measured_by": "e", **values}
    now = datetime.datetime.now(datetime.UTC)
    tags = {"golden_score": json.dumps(kept)}
    score = golden_score(Version(version="1", created=now, run="r", tags=tags))
    assert score is not None and score.text == text


def points(count: int) -> list[Point]:
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return [
        Point(
            version=str(number),
            at=day + datetime.timedelta(days=90 * number),
            value=number / count,
            rate=True,
            low=None if number % 3 else 0.0,
            high=None if number % 3 else 1.0,
            series=number * 2 // count,
            named=f"series {number * 2 // count}",
            champion=number == 0,
            override=number == 1,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_any_number_of_versions_fits(count: int) -> None:
    png = history_png(points(count))
    assert len(png) < 60_000
    assert imread(io.BytesIO(png)).shape[:2] == (396, 748)


def test_the_champion_and_a_person_are_marked() -> None:
    plain = [point._replace(champion=False, override=False) for point in points(3)]
    drawn = {
        history_png(plain),
        history_png([plain[0]._replace(champion=True), *plain[1:]]),
        history_png([plain[0]._replace(override=True), *plain[1:]]),
    }
    assert len(drawn) == 3
