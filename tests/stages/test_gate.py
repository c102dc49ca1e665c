"""Promote, reject or neither: on intervals, never on a point estimate."""

import random

import pytest
from pydantic import ValidationError

from tests import toy_stages
from tunesmith.artifacts import Package, Probes, Scores
from tunesmith.canonical import canonical
from tunesmith.deciding.params import GateParams, UseCriterion
from tunesmith.deciding.questions import questions
from tunesmith.errors import RecipeError
from tunesmith.evaluation.suites import Probe
from tunesmith.records import Score
from tunesmith.stage import Stage
from tunesmith.stages.gate import STAGE, decide
from tunesmith.statistics import compare_binary

PARAMS = GateParams(primary="format")
WITH_A_USE = PARAMS.model_copy(
    update={"uses": {"summary": UseCriterion(metric="format", margin=0.05)}}
)


def scores(right, n, *, groups=None, **others):
    """Scores of `n` examples of which the first `right` are right; other metrics as given."""
    return {
        f"r{number}": Score(
            row_id=f"r{number}",
            group_id=f"g{number if groups is None else number % groups}",
            values={
                "format": float(number < right),
                **{name: float(number < count) for name, count in others.items()},
            },
        )
        for number in range(n)
    }


def against(candidate, base, baseline=None, n=60, **more):
    """Everybody's scores: the wins of one over the other are the difference of their counts."""
    return {
        "candidate test": scores(candidate, n),
        "base test": scores(base, n),
        "prompt_baseline test": scores(base if baseline is None else baseline, n),
        **more,
    }


def answers(document):
    return [item["answer"] for item in document["criteria"]]


# What is asked


def test_without_a_champion_the_candidate_must_beat_the_baselines():
    asked = questions(PARAMS, ["base test", "prompt_baseline test", "candidate test"])
    assert [(q.metric, q.against, q.where, q.bound) for q in asked] == [
        ("format", "base", "test", 0.0), ("format", "prompt_baseline", "test", 0.0),
    ]  # fmt: skip


def test_a_champion_is_asked_about_where_it_was_measured():
    measured = ["base test", "champion test", "base golden", "champion golden"]
    asked = questions(GateParams(primary="format", margin=0.1), measured)
    assert [(q.against, q.where, q.bound, q.worse) for q in asked[2:]] == [
        ("champion", "test", -0.1, -0.1), ("champion", "golden", -0.1, -0.1),
    ]  # fmt: skip
    alone = questions(GateParams(not_worse_than=None), measured)
    assert [(q.against, q.where) for q in alone[2:]] == [("base", "golden")]


def test_further_metrics_are_asked_once_each():
    params = GateParams(primary="format", better_on=("grounding", "format"), better_than=("base",))
    assert [q.metric for q in questions(params, [])] == ["format", "grounding"]


@pytest.mark.parametrize(
    "fields",
    [{"better_than": ()}, {"better_than": ("champion",)}, {"margin": 0}, {"margin": 1}, {"alpha": 0},
     {"alpha": 0.5}, {"primary": "nice"}, {"not_worse_than": "base"}],
)  # fmt: skip
def test_a_gate_that_asks_nothing_is_refused(fields):
    with pytest.raises(ValidationError):
        GateParams(**fields)


# What is decided


def test_a_clear_gain_over_all_promotes():
    decision, document = decide(PARAMS, against(50, 20, 25))
    assert (decision, answers(document)) == ("promote", ["yes", "yes"])
    assert all(item["low"] > 0 for item in document["criteria"])


def test_a_gain_over_one_of_them_does_not():
    decision, document = decide(PARAMS, against(50, 20, 49))
    assert (decision, answers(document)) == ("inconclusive", ["yes", "not settled"])
    assert "not settled whether better" in document["reasons"][1]


def test_a_credible_loss_on_any_criterion_rejects():
    decision, document = decide(PARAMS, against(30, 10, 55))
    assert (decision, answers(document)) == ("reject", ["yes", "no"])
    assert "credibly worse" in document["reasons"][1]


def test_no_difference_is_not_settled():
    for n in (1, 30, 60, 400):
        decision, _ = decide(PARAMS, against(n // 2, n // 2, n=n))
        assert decision == "inconclusive"


@pytest.mark.parametrize(("wins", "promoted"), [(2, False), (3, True)])
def test_the_limit_of_the_evidence_is_that_of_the_exact_test(wins, promoted):
    # With every discordant pair won of 60: 0.108, and 0.049.
    decision, document = decide(PARAMS, against(20 + wins, 20))
    assert (decision == "promote") == promoted
    for item in document["criteria"]:
        compared = compare_binary([n < 20 + wins for n in range(60)], [n < 20 for n in range(60)])
        assert item["p_pass"] == compared.p_above(0.0)
        assert (item["p_pass"] <= 0.05) == promoted


@pytest.mark.parametrize(("n", "promoted"), [(58, False), (59, True)])
def test_thirty_pairs_without_a_difference_do_not_show_that_a_champion_is_matched(n, promoted):
    # 0.95**59 is the first below 0.05. A percentile bootstrap would call any n settled.
    everybody = against(50, 20, n=60)
    for n_champion in (30, n):
        everybody["candidate summary"] = scores(10, n_champion)
        everybody["champion summary"] = everybody["base summary"] = scores(10, n_champion)
        decision, document = decide(WITH_A_USE, everybody)
        assert decision == ("promote" if promoted and n_champion == n else "inconclusive")
        assert document["criteria"][2]["discordant"] == 0


@pytest.mark.parametrize("champion", [True, False])
@pytest.mark.parametrize(
    ("kept", "expected"), [(60, "promote"), (54, "inconclusive"), (40, "reject")]
)
def test_a_use_that_got_worse_is_not_bought_by_the_target(champion, kept, expected):
    everybody = against(50, 20, n=60)
    everybody["candidate summary"] = scores(kept, 60)
    # Before there is a champion, the base is what would be replaced.
    everybody["base summary"] = scores(0 if champion else 60, 60)
    if champion:
        everybody["champion summary"] = scores(60, 60)
    decision, document = decide(WITH_A_USE, everybody)
    assert decision == expected
    assert [item["where"] for item in document["criteria"]] == ["test", "test", "summary"]


@pytest.mark.parametrize(("kept", "base", "told"), [(0, 0, True), (60, 0, False), (60, 60, False)])
def test_a_use_of_which_nothing_could_be_lost_is_told(kept, base, told):
    everybody = against(50, 20, n=60)
    everybody["candidate summary"] = scores(kept, 60)
    everybody["base summary"] = scores(base, 60)
    reasons = decide(WITH_A_USE, everybody)[1]["reasons"]
    assert ("the base has nothing to lose there" in reasons[2]) == told


@pytest.mark.parametrize("other", ["champion", "base"])
def test_a_golden_set_rejects_and_does_not_hold_up(other):
    everybody = against(50, 20, n=60)
    everybody["base golden"] = scores(10, 30)
    for kept, expected in ((10, "promote"), (9, "promote"), (1, "reject")):
        everybody["candidate golden"] = scores(kept, 30)
        everybody[f"{other} golden"] = scores(10, 30)
        decision, document = decide(PARAMS, everybody)
        assert decision == expected
        last = document["criteria"][-1]
        assert (last["where"], last["against"], last["needed"]) == ("golden", other, False)
    everybody["candidate golden"] = scores(9, 30)
    told = decide(PARAMS, everybody)[1]["reasons"][-1]
    assert "not credibly worse; that it is not worse by 0.05 is not settled" in told


def test_a_champion_is_matched_within_the_margin_and_lost_to_beyond_it():
    params, everybody = GateParams(primary="format", margin=0.1), against(45, 10)
    for champion, expected in ((45, "yes"), (46, "yes"), (50, "not settled"), (58, "no")):
        everybody["champion test"] = scores(champion, 60)
        decision, document = decide(params, everybody)
        assert answers(document)[2] == expected
        assert decision == {"yes": "promote", "no": "reject"}.get(expected, "inconclusive")


def test_promotion_is_uncorrected_and_rejection_is_corrected():
    # Three pairs of sixty are 0.049: enough for each criterion by itself, and too much to reject
    # on one of six. Of those, 0.05 / 6 takes six pairs (0.0076); five (0.014) are not enough.
    params = GateParams(primary="format", better_on=("grounding", "markers"))
    ours = scores(23, 60, grounding=23, markers=23)
    theirs = scores(20, 60, grounding=20, markers=20)
    everybody = {"candidate test": ours, "base test": theirs, "prompt_baseline test": theirs}
    assert decide(params, everybody)[0] == "promote"
    for lost, expected in ((3, "inconclusive"), (5, "inconclusive"), (6, "reject")):
        everybody["base test"] = scores(20, 60, grounding=20, markers=23 + lost)
        decision, document = decide(params, everybody)
        assert decision == expected
        assert document["criteria"][2]["p_worse"] < 0.05
        assert answers(document).count("no") == (expected == "reject")


def test_examples_of_one_group_are_not_independent():
    alone = against(26, 20)
    decision, document = decide(PARAMS, alone)
    assert decision == "promote"
    grouped = {
        name: {
            row_id: Score(row_id=row_id, group_id=f"g{number // 10}", values=score.values)
            for number, (row_id, score) in enumerate(rows.items())
        }
        for name, rows in alone.items()
    }
    decision, clustered = decide(PARAMS, grouped)
    assert decision == "inconclusive"  # all six wins are in one group of ten
    assert clustered["criteria"][0]["groups"] == 6
    assert clustered["criteria"][0]["low"] < document["criteria"][0]["low"]


def test_pairs_are_found_by_row_and_not_by_position():
    everybody = against(50, 20)
    turned = {
        name: dict(reversed(rows.items())) if name == "base test" else rows
        for name, rows in everybody.items()
    }
    assert decide(PARAMS, turned) == decide(PARAMS, everybody)


def test_other_examples_cannot_be_compared():
    everybody = against(50, 20)
    del everybody["base test"]["r0"]
    with pytest.raises(RuntimeError, match="base was not measured"):
        decide(PARAMS, everybody)


@pytest.mark.parametrize("value", [None, "missing"])
def test_a_metric_that_measured_one_of_the_two_only_is_an_error(value):
    everybody = against(50, 20)
    values = everybody["base test"]["r3"].values
    if value is None:
        values["format"] = None
    else:
        del values["format"]
    with pytest.raises(RecipeError, match="format measured row r3 of test for one model only"):
        decide(PARAMS, everybody)


def test_examples_to_which_a_metric_does_not_apply_are_left_out():
    everybody = against(50, 20, n=80)
    for rows in everybody.values():
        for number in range(60, 80):
            rows[f"r{number}"].values["format"] = None
    decision, document = decide(PARAMS, everybody)
    assert (decision, document["criteria"]) == (
        "promote", decide(PARAMS, against(50, 20, n=60))[1]["criteria"]
    )  # fmt: skip


def test_a_metric_that_applies_nowhere_cannot_be_judged():
    everybody = against(2, 2, n=2)
    for rows in everybody.values():
        for row in rows.values():
            row.values["format"] = None
    with pytest.raises(RecipeError, match="format applies to none of the 2 examples of test"):
        decide(PARAMS, everybody)


# Metrics on a scale


def shares(metric, level, n=200, spread=0.2):
    """Scores that scatter around a level, 0 to 1."""
    draw = random.Random(level)
    return {
        f"r{number}": Score(
            row_id=f"r{number}",
            group_id=f"g{number}",
            values={metric: min(1.0, max(0.0, level + draw.uniform(-spread, spread)))},
        )
        for number in range(n)
    }


def on_a_scale(metric, candidate, base, n=200):
    params = GateParams(primary=metric, better_than=("base",))
    measured = {
        "candidate test": shares(metric, candidate, n), "base test": shares(metric, base, n),
    }  # fmt: skip
    decision, document = decide(params, measured)
    return decision, document["criteria"][0], document["reasons"][0]


@pytest.mark.parametrize(
    ("metric", "candidate", "base", "expected"),
    [
        ("fields", 0.7, 0.5, "promote"),
        ("fields", 0.5, 0.7, "reject"),
        ("fields", 0.5, 0.5001, "inconclusive"),
        # Of these, less is better.
        ("toxicity", 0.3, 0.5, "promote"),
        ("toxicity", 0.5, 0.3, "reject"),
    ],
)
def test_means_are_compared_by_groups_and_in_the_metric_s_own_direction(
    metric, candidate, base, expected
):
    decision, item, reason = on_a_scale(metric, candidate, base)
    assert decision == expected
    assert item["method"] == "Gaffke"
    assert (item["low"] > 0) == (expected == "promote")
    assert (
        item["estimate"] == pytest.approx(abs(candidate - base), abs=0.05) or expected == "reject"
    )
    assert reason.startswith(f"{metric} on test: {item['candidate']:.3g} against")
    assert (", gain " in reason) == (metric == "toxicity")


def test_too_few_pairs_on_a_scale_settle_nothing_whatever_they_show():
    decision, item, reason = on_a_scale("fields", 0.9, 0.1, n=99)
    assert decision == "inconclusive"
    assert (item["low"], item["high"], item["p_pass"], item["p_worse"]) == (-1.0, 1.0, 1.0, 1.0)
    assert "not settled, no interval" in reason
    assert on_a_scale("fields", 0.9, 0.1, n=100)[0] == "promote"


# What is said


def test_the_verdict_says_what_it_rests_on():
    everybody = against(22, 20, 25)
    _, document = decide(PARAMS, everybody)
    first = document["criteria"][0]
    assert (first["candidate"], first["other"]) == (22 / 60, 20 / 60)
    assert (first["n"], first["groups"], first["discordant"]) == (60, 60, 2)
    assert first["low"] < first["estimate"] < first["high"]
    assert first["estimate"] == pytest.approx(2 / 60)
    assert first["confidence"] == pytest.approx(0.9)
    assert 0 < first["smallest_effect"] < 1
    assert document["reasons"][0].startswith(
        "format on test: 37% against 33% of the base, difference +0.03 ["
    )
    assert (
        f"about {first['examples_needed'] - 60} more examples would settle it"
        in document["reasons"][0]
    )
    assert document["criteria"][1]["examples_needed"] is None  # more of a loss is no gain
    assert (document["alpha"], document["margin"]) == (0.05, 0.05)


def test_more_examples_of_the_same_kind_do_settle_it():
    _, document = decide(PARAMS, against(22, 20, n=60))
    needed = document["criteria"][0]["examples_needed"]
    times = needed / 60
    decision, _ = decide(PARAMS, against(round(22 * times), round(20 * times), n=needed))
    assert decision == "promote"


def suite(p_worse, p_pass=1.0, name="format_lock"):
    return {"suite": name, "p_worse": p_worse, "p_pass": p_pass, "reason": "why"}


def test_a_suite_that_is_credibly_worse_rejects_by_name():
    decision, document = decide(PARAMS, against(50, 20), suites=[suite(0.0001), suite(0.6, 0.01)])
    assert decision == "reject"
    assert document["reasons"][0] == "format lock: why"
    assert [item["answer"] for item in document["suites"]] == ["no", "yes"]


def test_a_suite_that_settles_nothing_keeps_nobody_back():
    suites = [suite(0.4), suite(None, name="sycophancy")]
    decision, document = decide(PARAMS, against(50, 20), suites=suites)
    assert decision == "promote"
    assert [item["answer"] for item in document["suites"]] == ["not settled"] * 2
    assert len(document["reasons"]) == len(document["criteria"]) == 2


@pytest.mark.parametrize(
    ("given", "says"),
    [({"format": 0.1}, "no suite 'format'"), ({"leakage": 0.1}, "one is enough"), ({"shift": 1.5}, "between 0 and 1")],
)  # fmt: skip
def test_a_tolerance_names_a_suite_and_is_a_difference_of_rates(given, says):
    with pytest.raises(ValidationError, match=says):
        GateParams(tolerances=given)
    assert GateParams(tolerances={"shift": 0.5}).tolerances == {"shift": 0.5}


def test_more_suites_make_it_harder_to_be_called_worse():
    alone = decide(PARAMS, against(50, 20), suites=[suite(0.012)])
    among = decide(PARAMS, against(50, 20), suites=[suite(0.012), *[suite(0.9)] * 8])
    assert (alone[0], among[0]) == ("reject", "promote")


def test_all_that_a_model_was_asked_beside_the_task_is_compared(store):
    def asked(suite, right):
        made = [
            Probe(
                item=f"{suite} {at}", suite=suite, part="one", group_id=f"{suite} {at}", asked="",
                prompt_digest=suite, output="", finish_reason="stop", prompt_tokens=1,
                completion_tokens=1, values={"right": at < right},
            )
            for at in range(60)
        ]  # fmt: skip
        return toy_stages.given(store, made, Probes)

    refs = {
        name: toy_stages.given(store, list(rows.values()), Scores)
        for name, rows in against(50, 20, 25).items()
    }
    probes = {
        "base suites": asked("forgetting", 50),
        "base tasks": asked("harness", 50),
        "candidate suites": asked("forgetting", 50),
        "candidate tasks": asked("harness", 20),
    }
    ref = store.build(STAGE, PARAMS, refs, packaged(store), probes, None, None)
    document = store.json(ref, "verdict.json")
    told = {item["suite"]: item["outcome"] for item in document["suites"]}
    assert (ref.decision, told["forgetting"], told["harness"]) == ("reject", "held", "worse")
    assert document["reasons"][0].startswith("harness: credibly worse than the base")


def packaged(store, *found):
    """A package whose checks found this: nothing means that all passed."""

    def body(params, draft):
        checks = [{"check": "stop_token", "passed": False, "found": text} for text in found]
        checks.append({"check": "template", "passed": True, "found": "the same tokens"})
        document = {"passed": not found, "checks": checks}
        facts = {"base": "b", "adapter": "a", "passed": not found}
        return draft.seal_json(Package, "package.json", document, **facts)

    stage = Stage(f"package-{len(found)}", version=1, produces=Package, body=body)
    return store.build(stage, toy_stages.NoParams())


def test_what_is_not_fit_to_serve_is_rejected_however_good(store):
    refs = {
        name: toy_stages.given(store, list(rows.values()), Scores)
        for name, rows in against(50, 20, 25).items()
    }
    package = packaged(store, "2 of 8 answers end by themselves")
    ref = store.build(STAGE, PARAMS, refs, package, {}, None, None)
    document = store.json(ref, "verdict.json")
    assert ref.decision == "reject"
    assert document["unfit"] == ["package: 2 of 8 answers end by themselves"]
    assert document["reasons"][0] == document["unfit"][0]
    assert answers(document) == ["yes", "yes"]


def test_the_stage_writes_the_verdict(store):
    everybody = against(50, 20, 25)
    refs = {
        name: toy_stages.given(store, list(rows.values()), Scores)
        for name, rows in everybody.items()
    }
    package = packaged(store)
    ref = store.build(STAGE, PARAMS, refs, package, {}, None, None)
    decision, document = decide(PARAMS, everybody)
    assert (ref.decision, decision) == ("promote", "promote")
    assert canonical(store.json(ref, "verdict.json")) == canonical(document)
    swapped = {**refs, "candidate test": refs["base test"], "base test": refs["candidate test"]}
    assert store.build(STAGE, PARAMS, swapped, package, {}, None, None).decision == "reject"
    withdrawn = PARAMS.model_copy(update={"withdrawn": "version 3 had it, and invented numbers"})
    ref = store.build(STAGE, withdrawn, refs, package, {}, None, None)
    assert ref.decision == "reject"
    reasons = store.json(ref, "verdict.json")["reasons"]
    assert reasons[0] == "withdrawn: version 3 had it, and invented numbers"
