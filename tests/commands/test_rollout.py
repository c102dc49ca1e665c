"""What a person sees of a rollout: plan, status, history, report. None of it changes anything."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from tests.made_story import BEGUN, HOUR, NAMES, NEW, OLD, PARAMS, begun, moved, put, seen
from tunesmith.cli import main
from tunesmith.commands import rollout as commands
from tunesmith.commands.rollout import find, history, plan, report, status
from tunesmith.database.session import session
from tunesmith.database.tables import Interaction, Move, Rollout
from tunesmith.errors import InputError
from tunesmith.rollout import ledger
from tunesmith.rollout.params import RolloutParams
from tunesmith.rollout.plan import Traffic
from tunesmith.settings import Settings

NOW = BEGUN + 12 * HOUR


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Settings of an empty home, twelve hours after rollouts begin."""

    monkeypatch.setattr(commands, "_now", lambda: NOW)
    return Settings(home=tmp_path)


@pytest.fixture
def live(here):
    rollout = moved(here.database, begun(here.database), "advance", 2, seen(0.004))
    put(here.database, rollout, (2, 11), count=600)
    return rollout


def everything(settings):
    with session(settings.database) as opened:
        return [
            [tuple(getattr(row, column.key) for column in table.__table__.columns) for row in found]
            for table in (Rollout, Move, Interaction)
            for found in [opened.scalars(select(table)).all()]
        ]


def test_status_says_where_it_stands_and_what_is_missing(here, live):
    text = status("mail", here)
    assert text.startswith(f"mail: Running at 10 % (rollout {live.id})\n\nmail-v4 answers 10 %")
    assert "since 2026-11-02 11:30 UTC. It stays there: " in text
    assert "more requests are needed at 10 %" in text
    assert "600 of 30,000 requests of both sides spent" in text
    assert "errors" in text and "up to 2 points higher" in text
    assert "newest request that is imported: 2026-11-02 20:29 UTC" in text
    assert text.endswith("tunesmith rollout advance|hold|rollback mail --why …")
    assert status(live.id, here) == text


def test_status_of_one_that_is_over_tells_its_last_evidence(here, live):
    moved(here.database, live, "roll_back", 11.5, seen(0.05, worse=True), why="errors")
    text = status("mail", here)
    assert text.startswith("mail: Rolled back")
    assert "errors           worse  +5.0 points" in text
    assert "to move it" not in text


def test_status_after_a_person_took_it_back_says_what_the_report_says(here, live):
    """A person's rollback looks at nothing; what was known then is read again."""
    moved(here.database, live, "roll_back", 11.5, by="ann@host")
    text, path = status("mail", here), here.home / "story.html"
    assert "no data" not in text
    report("mail", here, path)
    (said,) = (line for line in text.splitlines() if line.startswith("errors"))
    assert said.split()[2] in path.read_text()


def test_of_what_serves_at_once_no_guardrail_is_told(here):
    ledger.settle(here.database, "mail", OLD, NEW, "ann", "urgent", BEGUN)
    assert "no data" not in status("mail", here)


@pytest.mark.parametrize("wrong", ["", "file/story.html"])
def test_a_page_that_cannot_be_written_is_told(here, live, wrong):
    (here.home / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written: .*; expected a file"):
        report("mail", here, here.home / wrong)


def test_one_that_waits_says_what_a_person_can_do(here):
    rollout = begun(here.database)
    assert "0 prompts of 200 asked in shadow." in status("mail", here)
    assert "newest request that is imported: none" in status("mail", here)
    asking = moved(here.database, rollout, "ask", 1)
    assert "advance|resume|rollback mail" in status("mail", here)
    moved(here.database, asking, "hold", 2)
    assert "advance|resume|rollback mail" in status("mail", here)


def test_requests_of_nobody_in_particular_are_told(here):
    """With none but these, a rollout would stay in shadow for ever and not say why."""
    rollout = begun(here.database)
    put(here.database, rollout, (1, 11), count=1_200)
    assert "without a user" not in status("mail", here)
    with session(here.database) as opened:
        opened.execute(update(Interaction).values(unit=""))
    told = "1,200 requests came without a user or conversation id: no part of the analysis."
    assert f"0 prompts of 200 asked in shadow. {told}" in status("mail", here)
    assert told in Path(report("mail", here, None).removeprefix("report: ")).read_text()
    moved(here.database, rollout, "advance", 11)
    assert f"0 of 30,000 requests of both sides spent. {told}" in status("mail", here)


def test_pairs_of_shadow_and_an_uneven_split_are_shown(here, live, monkeypatch):
    latest = replace(seen(0.0), shadow=seen(0.03, worse=True).readings, ratio="users are uneven")
    monkeypatch.setattr(commands, "collect", lambda *_: latest)
    text = status("mail", here)
    assert "in shadow" in text and "+3.0 points" in text
    assert "\n\nusers are uneven\n\n" in text


def test_answers_are_compared_in_shadow_alone_and_where_the_recipe_says_so(here, monkeypatch):
    asked = []
    monkeypatch.setattr(commands.retrains, "open_tracker", lambda settings: "tracker")
    monkeypatch.setattr(commands, "metrics_of", lambda *given: asked.append(given) or {})
    plain = begun(here.database, "plain")
    params = PARAMS.model_copy(update={"shadow_metrics": ("format",)})
    rollout = begun(here.database, params=params)
    status("plain", here)
    assert asked == []
    status("mail", here)
    assert asked == [("tracker", rollout)]
    moved(here.database, rollout, "advance", 1)
    status("mail", here)
    assert len(asked) == 1 and plain.id != rollout.id


def test_looking_changes_nothing(here, live):
    before = everything(here)
    status("mail", here), history("mail", here), report("mail", here, None)
    assert everything(here) == before


def test_an_unknown_name_is_told_which_there_are(here):
    with pytest.raises(InputError, match="begun by: tunesmith rollout start nobody"):
        find(here, "nobody")
    begun(here.database)
    with pytest.raises(InputError, match="nobody: .* expected one of mail"):
        status("nobody", here)


def test_history_tells_every_move_with_its_evidence(here, live):
    held = moved(here.database, live, "hold", 3, by="ada@build-7", why="a proxy is replaced")
    moved(here.database, held, "roll_back", 4, seen(0.05, worse=True), why="errors")
    again = moved(here.database, begun(here.database, "other"), "hold", 1)
    text = history("mail", here)
    lines = text.splitlines()
    assert lines[0] == f"rollout {live.id}: mail-v4 against mail-v3"
    assert (
        "2026-11-02 09:30 UTC  begun at shadow, by retrain mail-1: mail-v4 against mail-v3" in lines
    )
    at = lines.index("2026-11-02 12:30 UTC  held at 10 %, by ada@build-7: a proxy is replaced")
    assert lines[at + 1].startswith(
        "2026-11-02 13:30 UTC  rolled back: 10 % → 0 %, by tick: errors"
    )
    assert lines[at + 2].split() == [
        "errors", "worse", "+5.0", "points", "+4.0", "to", "+6.0", "points", "700",
    ]  # fmt: skip
    assert again.id not in text and "others of this recipe" not in text


def test_history_names_the_other_rollouts_of_a_recipe(here, live):
    moved(here.database, live, "roll_back", 4)
    newer = begun(here.database)
    assert f"\n{live.id}: Rolled back, mail-v4" in history(newer.id, here)
    assert f"\n{newer.id}: Running in shadow, mail-v4" in history(live.id, here)


def test_the_report_is_written_where_it_is_told(here, live, tmp_path):
    assert report("mail", here, None) == f"report: {tmp_path}/reports/{live.id}.html"
    told = report("mail", here, tmp_path / "a/b.html")
    text = Path(told.removeprefix("report: ")).read_text()
    assert "Running at 10 %" in text and "Who was asked" in text
    assert text.count("<polyline") >= 3


def planned(monkeypatch, params, rate=None, **traffic):
    class Recipe:
        name, rollout = "mail", params

    monkeypatch.setattr(commands.recipes, "load", lambda path: Recipe)
    return plan(Path("mail.yaml"), Traffic(**{"requests": 5_000.0} | traffic), rate)


def test_a_plan_tells_days_requests_and_what_can_be_seen(monkeypatch):
    text = planned(monkeypatch, RolloutParams())
    assert text.startswith(
        "5,000 requests a day with the id of a user or conversation, 5 from each"
    )
    lines = {line.split("  ")[0].strip(): line.split() for line in text.splitlines()}
    assert lines["5 %"][2:6] == ["2.0", "days", "10,000", "500"]
    assert lines["shadow"][1:3] == ["1", "h"]
    assert "All of it takes 20." in text
    assert "seen: the fall of task completion" in text
    assert "not planned here: errors, refusals, " in text
    assert "defaults" not in text


def test_a_margin_that_the_budget_cannot_settle_comes_first(monkeypatch):
    text = planned(monkeypatch, RolloutParams(unsettled="roll_back"), per_user=20, correlation=0.5)
    assert text.startswith("The budget does not settle the margin: with 30,000 requests an equal")
    assert "when the budget is spent: roll back." in text.splitlines()[0]


def test_a_plan_works_before_the_recipe_has_a_rollout(monkeypatch):
    assert "mail has no `rollout` in its recipe; these are the defaults." in planned(
        monkeypatch, None
    )


def test_a_plan_is_of_a_share_or_of_nothing(monkeypatch):
    errors = PARAMS.model_copy(update={"guardrails": {NAMES[0]: PARAMS.guardrails[NAMES[0]]}})
    text = planned(monkeypatch, errors, rate=0.02)
    assert "errors 2%" in text and "seen: the rise of errors" in text
    assert "not planned here" not in text
    with pytest.raises(InputError, match="--rate: the plan is made for errors"):
        planned(monkeypatch, errors)
    length = PARAMS.model_copy(update={"guardrails": {NAMES[1]: PARAMS.guardrails[NAMES[1]]}})
    with pytest.raises(InputError, match="and response length are none"):
        planned(monkeypatch, length)


def test_the_commands_are_there(here, live, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(here.home))
    for command in ("status", "history", "report"):
        done = CliRunner().invoke(main, ["rollout", command, "mail"])
        assert done.exit_code == 0, done.output
    assert CliRunner().invoke(main, ["rollout", "status", "nobody"]).exit_code == 4
    recipe = str(Path(__file__).parents[2] / "recipes/tiny.yaml")
    done = CliRunner().invoke(main, ["rollout", "plan", recipe, "--requests-per-day", "900"])
    assert done.exit_code == 0 and "900 requests a day" in done.output
    asked = ["rollout", "plan", recipe, "--requests-per-day", "900", "--rate"]
    assert CliRunner().invoke(main, [*asked, "1"]).exit_code == 2


@pytest.mark.parametrize("wrong", [Traffic(float("nan")), Traffic(100, per_user=float("inf"))])
def test_a_plan_takes_numbers(tmp_path, wrong):
    with pytest.raises(InputError, match="expected numbers that are finite"):
        plan(tmp_path / "recipe.yaml", wrong)
