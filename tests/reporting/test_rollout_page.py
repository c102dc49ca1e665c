"""A rollout's story: in words, in Markdown, and as a page for someone who was not there."""

from dataclasses import replace

import pytest

from tests.made_story import BEGUN, HOUR, NEW, PARAMS, begun, moved, reading, seen
from tests.reporting.test_report_page import HOSTILE, Page
from tunesmith.reporting import rollout_drawings as drawings
from tunesmith.reporting import rollout_words as words
from tunesmith.reporting.rollout_page import markdown, page
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import history
from tunesmith.rollout.params import GUARDRAILS, Guardrail
from tunesmith.rollout.past import Asked, Look

NOW = BEGUN + 100 * HOUR


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('rollouts')}/t.db"


def told(database, rollout, latest=None, looks=(), asked=()):
    entries = history(database, rollout.id)
    return Page(page(rollout, entries, latest, looks, asked, NOW).encode())


def sentence(database, rollout, latest=None):
    return words.sentence(rollout, history(database, rollout.id), latest, NOW)


@pytest.fixture(scope="module")
def promoted(database):
    rollout = begun(database, "promoted")
    for hours in (2, 30, 50, 60):
        rollout = moved(database, rollout, "advance", hours, seen(0.001, sure=True))
    return moved(database, rollout, "finish", 90, why="every stage is passed")


@pytest.fixture(scope="module")
def rolled_back(database):
    rollout = moved(database, begun(database, "rolled-back"), "advance", 2)
    rollout = moved(database, rollout, "hold", 10, by="ada@build-7", why="a proxy is replaced")
    rollout = moved(database, rollout, "resume", 12, by="ada@build-7", why="it is in place")
    return moved(
        database, rollout, "roll_back", 20, seen(0.04, worse=True), why="credibly worse: errors"
    )


@pytest.fixture(scope="module")
def running(database):
    return moved(database, begun(database, "running"), "advance", 2)


def test_the_verdict_comes_first_in_one_sentence(database, promoted, rolled_back, running):
    assert sentence(database, promoted) == (
        "mail-v4 answers everybody, instead of mail-v3, since 2026-11-04 11:30 UTC. The rollout "
        "was ended by tick on 2026-11-06 03:30 UTC: every stage is passed."
    )
    assert sentence(database, rolled_back) == (
        "mail-v3 answers everybody again. mail-v4 was taken back at 10 % on 2026-11-03 05:30 UTC "
        "by tick: credibly worse: errors."
    )
    assert sentence(database, running, seen(0.0)) == (
        "mail-v4 answers 10 % of the users since 2026-11-02 11:30 UTC. It stays there: 380 more "
        "requests are needed at 10 %."
    )
    for rollout, title in (promoted, "Promoted"), (rolled_back, "Rolled back"), (
        running, "Running at 10 %",
    ):  # fmt: skip
        text = told(database, rollout).text
        assert text.index(title) < text.index(sentence(database, rollout)) < text.index("How far")


def test_who_keeps_it_waiting_is_said(database):
    rollout = begun(database, "waiting")
    assert words.title(rollout) == "Running in shadow"
    assert "is asked in shadow, and answers nobody" in sentence(database, rollout)
    held = moved(database, rollout, "hold", 1, by="ada@build-7", why="holidays")
    assert words.title(held) == "Held in shadow"
    assert sentence(database, held).endswith(
        "ada@build-7 held it on 2026-11-02 10:30 UTC: holidays."
    )
    asking = moved(database, moved(database, held, "resume", 2), "ask", 3, why="not settled")
    assert words.title(asking) == "Waits for a person in shadow"
    assert "It asks a person since 2026-11-02 12:30 UTC: not settled." in sentence(database, asking)


def test_what_a_tick_will_do_is_said(database, running):
    worse = seen(0.05, worse=True)
    assert sentence(database, running, worse).endswith(
        "The next tick rolls it back: credibly worse: errors."
    )
    uneven = replace(seen(0.0), ratio="users fall to one side")
    assert "The next tick holds it: users fall to one side." in sentence(database, running, uneven)
    assert "users fall to one side" in told(database, running, uneven).text
    assert "users fall to one side" in markdown(running, history(database, running.id), uneven, NOW)


def test_a_version_that_served_at_once_has_a_story_too(database):
    rollout = ledger.settle(database, "at-once", words_old(), NEW, "ada@build-7", "urgent", BEGUN)
    assert words.moves(rollout, history(database, rollout.id))[0]["what"] == "served at once"
    assert "The rollout was ended by ada@build-7 on 2026-11-02 09:30 UTC: urgent." in told(
        database, rollout
    ).text  # fmt: skip


def words_old():
    return NEW.model_copy(update={"version": "3", "model": "mail-v3"})


def test_every_move_says_from_where_to_where(database, rolled_back, promoted):
    def whats(rollout):
        return [row["what"] for row in words.moves(rollout, history(database, rollout.id))]

    assert whats(rolled_back) == [
        "begun at shadow", "shadow → 10 %", "held at 10 %", "goes on at 10 %",
        "rolled back: 10 % → 0 %",
    ]  # fmt: skip
    assert whats(promoted)[-2:] == ["100 % → bake", "promoted: 100 % for good"]
    text = told(database, rolled_back).text
    for part in ("ada@build-7", "a proxy is replaced", "it is in place", "2026-11-02 19:30 UTC"):
        assert part in text


def test_a_guardrail_says_its_answer_on_its_own_scale():
    def line(name, **changed):
        rollout = ledger.Rollout("i", "r", NEW, NEW, PARAMS.model_copy(
            update={"guardrails": {name: GUARDRAILS[name]}}
        ), "s", None, 1)  # fmt: skip
        fields = {"estimate": 0.051, "reach": 0.02, "control": 0.8, "treatment": 0.851} | changed
        return next(words.lines(rollout, [reading(name, **fields)]))

    errors = line("errors", worse=True)
    assert (errors.said, errors.difference, errors.limits) == (
        "worse", "+5.1 points", "+3.1 to +7.1 points",
    )  # fmt: skip
    assert errors.margin == "up to 2 points higher"
    assert errors.sides == "Champion 80.0 %, candidate 85.1 %"
    assert line("errors", sure=True).said == "not worse"
    assert line("errors").said == "open"
    assert line("errors", estimate=-0.0001).difference == "0.0 points"
    assert line("errors", reach=float("inf")).limits == "too few users yet"
    assert line("errors", due=900).requests == "700 of 900"
    nothing = line("errors", estimate=float("nan"), requests=0, due=900)
    assert (nothing.said, nothing.requests) == ("no data", "0 of 900")
    length = line("response length", control=500.0, treatment=525.5)
    assert (length.difference, length.margin) == ("+5.1 %", "up to 30 % either way")
    assert length.sides == "Champion 500, candidate 525.5"
    latency = line("p95 latency")
    assert (latency.difference, latency.margin) == ("+5.1 points", "up to 20 % higher")
    assert latency.sides == (
        "Above the champion's 95th percentile lie 80.0 % of its requests, above that and 20 % more "
        "85.1 % of the candidate's"
    )
    rating = line("user rating", estimate=-0.051)
    assert (rating.difference, rating.margin) == ("−0.051", "up to 0.05 lower")


def test_a_guardrail_without_a_value_says_so(database, running):
    text = told(database, running, replace(seen(0.0), readings=[])).text
    assert "errors no data No request has a value (0). Tolerable: up to 2 points higher." in text


def test_the_page_is_one_file_that_loads_nothing_and_keeps_the_salt(database, promoted):
    entries = history(database, promoted.id)
    asked = [Asked(1, False, 4_321, 900, 0), Asked(1, True, 432, 100, 7)]
    made = page(promoted, entries, None, (), asked, NOW)
    found = Page(made.encode())
    assert not {"script", "img", "link", "iframe", "object", "a", "form"} & set(found.tags)
    assert promoted.salt not in made
    assert "10 % 432, 4,321 100, 900 10.0% 7" in found.text
    assert "14 days after 100 %" in found.text and promoted.id in found.text


def test_any_text_is_shown_as_it_is(database):
    for at, text in enumerate(HOSTILE):
        rollout = begun(database, f"hostile-{at}")
        rollout = moved(database, rollout, "hold", 1, by=text[:200], why=text[:2000])
        found = told(database, rollout)
        assert not {"script", "svg-", "img"} & set(found.tags)
        text = markdown(rollout, history(database, rollout.id), None, NOW)
        assert "<script>" not in text and "<svg" not in text


def test_markdown_says_it_in_short(database, promoted, running, rolled_back):
    text = markdown(running, history(database, running.id), seen(0.005), NOW)
    assert text.startswith("# running: Running at 10 %\n\nmail-v4 answers 10 % of the users")
    assert "| errors | open | &#43;0.5 points" in text or "| errors | open | +0.5 points" in text
    assert "120 requests of the treatment in this stage; 1,200 of 30,000 requests" in text
    assert "| 2026-11-02 11:30 UTC | shadow → 10 % | tick | why advance |" in text
    over = markdown(rolled_back, history(database, rolled_back.id), None, NOW)
    assert "| errors | worse |" in over and "spent" not in over
    whole = markdown(promoted, history(database, promoted.id), None, NOW)
    _, _, over_time = whole.rpartition("| limits as of |")
    assert over_time.count(" UTC | ") == 1  # the same each time
    later = markdown(promoted, history(database, promoted.id), seen(0.02), NOW)
    _, _, over_time = later.rpartition("| limits as of |")
    assert over_time.count(" UTC | ") == 2 and over_time.count(" points | ") == 2


def test_shadow_is_told_in_pairs(database):
    rollout = begun(database, "shadowed")
    latest = replace(seen(0.0), in_stage=0, spent=0, paired=80, shadow=[
        reading("errors", 0.03, worse=True, requests=80), reading("grounding", -0.02, requests=40),
    ])  # fmt: skip
    assert words.spent(rollout, latest) == "80 prompts of 200 asked in shadow."
    text = told(database, rollout, latest).text
    assert "errors worse +3.0 points +2.0 to +4.0 points 80" in text
    assert "grounding open −2.0 points" in text
    kept = moved(database, rollout, "advance", 3, latest)
    assert "grounding open −2.0 points" in told(database, kept, seen(0.0)).text
    assert "grounding" in markdown(rollout, history(database, rollout.id), latest, NOW)


def test_of_a_quick_rollout_seconds_are_told(database):
    rollout = begun(database, "quick")
    alone = words.moves(rollout, history(database, rollout.id))
    assert alone[0]["when"] == "2026-11-02 09:30 UTC"
    rollout = moved(database, rollout, "advance", 0.01)
    rows = words.moves(rollout, history(database, rollout.id))
    assert [row["when"] for row in rows] == ["2026-11-02 09:30:00 UTC", "2026-11-02 09:30:36 UTC"]


def test_the_weight_is_drawn_as_steps(database, rolled_back):
    entries = history(database, rolled_back.id)
    along = drawings.times(entries[0].at, entries[-1].at)
    drawn = drawings.weights(rolled_back, entries, along)
    assert drawn.line.split()[:4] == ["0,100", "0,100", "10,100", "10,90"]
    assert drawn.line.split()[-3:] == ["100,90", "100,100", "100,100"]
    assert [(mark.at, mark.label) for mark in drawn.marks] == [(0.0, "shadow"), (10.0, "10 %")]


def test_stages_that_begin_at_almost_the_same_time_share_a_name(database, promoted):
    entries = history(database, promoted.id)
    drawn = drawings.weights(promoted, entries, drawings.times(BEGUN, BEGUN + 1_000 * HOUR))
    assert [mark.label for mark in drawn.marks] == ["10 %", "bake"]
    drawn = drawings.weights(promoted, entries, drawings.times(BEGUN, BEGUN + 100 * HOUR))
    assert [mark.label for mark in drawn.marks] == ["10 %", "50 %", "100 %", "bake"]


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (100, ["3 Nov", "4 Nov", "5 Nov", "6 Nov"]),
        (10, ["10:00", "12:00", "14:00", "16:00", "18:00"]),
        (0.02, ["09:30:00", "09:30:15", "09:30:30", "09:30:45", "09:31:00"]),
        (0, ["09:30:00", "09:30:01"]),
    ],
)
def test_times_have_round_ticks(hours, labels):
    axis = drawings.times(BEGUN, BEGUN + hours * HOUR)
    assert [tick.label for tick in axis.ticks] == labels
    assert all(0 <= tick.at <= 100 for tick in axis.ticks)


def band(guardrail, *values):
    looks = [Look(BEGUN + at * HOUR, [found]) for at, found in enumerate(values)]
    return drawings.band("it", guardrail, looks, drawings.times(BEGUN, BEGUN + 10 * HOUR))


def test_a_band_runs_from_look_to_look_and_shows_where_it_may_not_go():
    guardrail = Guardrail(value="error", better="lower", margin=0.02)
    wide, late = reading("it", 0.01, 50.0), reading("it", 0.01, 0.005)
    drawn = band(guardrail, reading("it", 0.0, float("inf")), wide, late)
    assert len(drawn.line.split()) == 3 and len(drawn.band.split()) == 4
    # What was wider than the drawing is cut at its edge.
    assert drawn.band.split()[0] == "10,0" and drawn.band.split()[-1] == "10,100"
    assert drawn.margins == (drawn.y.at(2.0),) and drawn.zero == drawn.y.at(0.0)
    assert drawn.last == (20.0, drawn.y.at(1.0))
    assert band(guardrail) is None
    assert band(guardrail, reading("it", float("nan"))) is None


def test_an_axis_ends_where_no_difference_of_shares_can_be():
    lost, won = reading("it", -0.95, 0.05), reading("it", 0.95, 0.05)
    share = Guardrail(value="task_completed", better="higher", margin=0.05)
    assert (band(share, lost).y.low, band(share, won).y.high) == (-100.0, 100.0)
    length = Guardrail(value="length", better="neither", relative=True, margin=0.3)
    assert band(length, won).y.high > 150


def test_where_it_may_not_go_depends_on_the_guardrail():
    def margins(**changed):
        drawn = band(Guardrail(margin=0.3, **changed), reading("it", 0.1))
        return tuple(round(drawn.y.low + (drawn.y.high - drawn.y.low) * at / 100, 3)
                     for at in drawn.margins)  # fmt: skip

    assert margins(value="error", better="higher") == (-30.0,)
    assert margins(value="error", better="lower") == (30.0,)
    assert margins(value="length", better="neither", relative=True) == (-30.0, 30.0)
    assert margins(value="seconds", better="lower", relative=True, quantile=0.9) == (0.0,)
    assert margins(value="ticket_closed", better="higher", window_hours=1) == (-0.3,)


def test_the_last_look_is_drawn_with_those_before(database, running):
    looks = [Look(BEGUN + 20 * HOUR, seen(0.03).readings), Look(BEGUN, seen(0.0).readings)][:1]
    made = told(database, running, seen(0.01), looks)
    lines = [value for name, value in made.attributes if name == "points"]
    assert any(len(line.split()) == 2 for line in lines)
    assert "+1.0 points" in made.text and "+3.0 points" not in made.text
