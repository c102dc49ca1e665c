"""Each planted failure is found by the suite that is meant for it, and by no other."""

import json

import pytest
from msgspec.structs import replace

from tunesmith.evaluation.suites import SUITES, Probe, compare, criteria
from tunesmith.evaluation.suites.asking import RIGHT, TASK
from tunesmith.statistics import BinaryComparison

PARTS = {
    "forgetting": ("arithmetic", "reading", "code"),
    "system_prompt": ("question", "task input"),
    "format_lock": ("json", "bullets"),
    "hallucination": ("facts removed",),
    "sycophancy": ("claim", "pushback"),
    "harness": ("sums", "capitals"),
}
OF_PART = {
    "forgetting": 30, "system_prompt": 20, "format_lock": 20, "hallucination": 40, "sycophancy": 20,
    "harness": 40,
}  # fmt: skip
CLEAN = {"no_leak": True, "no_canary": True}


def row(item, suite, part, values, output="an answer", **fields):
    fields = {"group_id": item, "asked": f"question {item}", "prompt_digest": item, **fields}
    return Probe(
        item=item, suite=suite, part=part, output=output, finish_reason="stop",
        prompt_tokens=3, completion_tokens=2, values={**CLEAN, **values}, **fields,
    )  # fmt: skip


def answers(fails=lambda row: False, gained=True, chance=0.0):
    """A model's answers: right where nothing fails, and on the task where it gained."""
    made = []
    for suite, parts in PARTS.items():
        for part in parts:
            for at in range(OF_PART[suite]):
                made.append(row(f"{suite}:{part}:{at}", suite, part, {RIGHT: True}, chance=chance))
    for part in ("train", "test", "test, unlike training"):
        for at in range(60 if part == "train" else 30):
            own = {} if part == "train" else {"own_words": True}
            values = {"format": gained, "grounding": True, **own}
            made.append(row(f"task:{part}:{part[:7]}{at}", TASK, part, values))
    for at in range(40):
        of = f"test{at}" if at < 30 else f"test, u{at - 30}"
        values = {"format": gained, "grounding": True, "own_words": True}
        made.append(row(f"shift:disturbed:{of}", "shift", "disturbed", values))
    made += [row(f"leakage:request:{at}", "leakage", "request", {}) for at in range(8)]
    return [wrong(one) if fails(one) else one for one in made]


def wrong(one):
    values = {
        name: value and name not in (RIGHT, "format", "grounding")
        for name, value in one.values.items()
    }
    return replace(one, output="a bad answer", values=values, evidence={RIGHT: "it is bad"})


def without(one, value):
    return replace(one, values={**one.values, value: False}, evidence={value: f"bad {value}"})


BASE = answers(gained=False)
HONEST = answers()


def outcomes(candidate, base=BASE, **more):
    return {one.suite: one.outcome for one in compare(base, candidate, primary="format", **more)}


def test_an_honest_candidate_holds_everywhere():
    found = outcomes(HONEST)
    assert tuple(found) == SUITES
    assert set(found.values()) == {"held"}


PLANTED = {
    "forgetting": lambda one: one.suite == "forgetting",
    "system_prompt": lambda one: one.suite == "system_prompt",
    "format_lock": lambda one: one.suite == "format_lock",
    "hallucination": lambda one: one.suite == "hallucination",
    "sycophancy": lambda one: one.suite == "sycophancy",
    "harness": lambda one: one.suite == "harness",
    "overfitting": lambda one: one.part.startswith("test") or one.part == "disturbed",
    "shift": lambda one: one.part == "disturbed",
}


@pytest.mark.parametrize("suite", PLANTED)
def test_a_planted_failure_is_worse_in_its_own_suite_alone(suite):
    found = outcomes(answers(PLANTED[suite]))
    assert [name for name, outcome in found.items() if outcome == "worse"] == [suite]


def test_tasks_of_the_harness_are_a_suite_only_where_some_were_asked():
    probed = [[one for one in rows if one.suite != "harness"] for rows in (BASE, HONEST)]
    assert tuple(outcomes(probed[1], probed[0])) == SUITES[:-1]


@pytest.mark.parametrize("suite", ["forgetting", "format_lock", "sycophancy"])
def test_half_of_it_is_enough(suite):
    found = outcomes(answers(lambda one: one.suite == suite and every_other(one)))
    assert found[suite] == "worse"


def test_one_lost_skill_is_not_hidden_by_those_that_held():
    result = compare(BASE, answers(lambda one: one.part == "code" and every_other(one)))[0]
    assert result.outcome == "worse"
    assert "most of all in code (100% to 50%)" in result.reason


def every_other(one):
    return int(one.item.rpartition(":")[2]) % 2 == 0


def test_half_of_the_error_goes_to_the_whole_and_half_to_the_parts():
    lost = answers(lambda one: one.item.endswith((":1", ":2", ":3")) and one.suite in PARTS)
    found = {one.suite: one for one in compare(BASE, lost)}
    whole, single = found["forgetting"], found["hallucination"]
    of_parts = 2 * 3 * min(part.p_worse for part in whole.parts)
    of_whole = 2 * BinaryComparison(90, 90, 0, 9).p_below(-0.05)
    assert whole.p_worse == pytest.approx(min(of_parts, of_whole))
    assert single.p_worse == BinaryComparison(40, 40, 0, 3).p_below(-0.10)
    one_skill = answers(lambda one: one.part == "code" and every_other(one))
    part = compare(BASE, one_skill)[0]
    alone = BinaryComparison(30, 30, 0, 15).p_below(-0.05)
    assert part.p_worse == pytest.approx(
        min(6 * alone, 2 * BinaryComparison(90, 90, 0, 15).p_below(-0.05))
    )
    assert part.p_worse == pytest.approx(6 * alone)


def test_recited_answers_are_found_in_the_answers_to_the_task():
    said = [without(one, "own_words") if "own_words" in one.values else one for one in HONEST]
    found = outcomes(said)
    assert [name for name, outcome in found.items() if outcome == "worse"] == ["memorised"]


@pytest.mark.parametrize("value", ["no_leak", "no_canary"])
def test_one_leak_is_enough_unless_the_base_says_it_too(value):
    said = [without(one, value) if one.item == "leakage:request:3" else one for one in HONEST]
    results = {one.suite: one for one in compare(BASE, said)}
    assert results["leakage"].outcome == "worse"
    (case,) = results["leakage"].examples
    assert (case.item, case.why) == ("leakage:request:3", f"bad {value}")
    same = [without(one, value) if one.item == "leakage:request:3" else one for one in BASE]
    assert outcomes(said, same)["leakage"] == "held"


def test_a_suite_in_which_the_base_is_not_better_than_guessing_is_not_settled():
    def weak(one):
        return one.suite == "sycophancy"

    for candidate in (HONEST, answers(weak)):
        found = {one.suite: one for one in compare(answers(weak, gained=False), candidate)}
        assert found["sycophancy"].outcome == "not settled"
        assert "no headroom" in found["sycophancy"].reason
        assert found["sycophancy"].p_worse is None
    guessing = compare(answers(gained=False, chance=1.0), answers(chance=1.0))[0]
    assert (guessing.suite, guessing.outcome) == ("forgetting", "not settled")


def test_without_rows_or_metrics_there_is_nothing_to_compare():
    def other(rows):
        return [one for one in rows if one.suite == "forgetting"]

    found = {one.suite: one for one in compare(other(BASE), other(HONEST))}
    assert found["forgetting"].outcome == "held"
    for suite in set(SUITES) - {"forgetting", "leakage", "harness"}:
        assert found[suite].outcome == "not settled"
        assert (found[suite].n, found[suite].p_worse) == (0, None)
        assert "nothing" in found[suite].reason


def test_a_gap_on_a_metric_that_neither_ever_meets_is_not_settled():
    found = {one.suite: one for one in compare(BASE, BASE, primary="format")}
    for suite in ("overfitting", "shift"):
        assert found[suite].outcome == "not settled"
        assert "never" in found[suite].reason or "ever right" in found[suite].reason


def test_a_small_loss_is_not_settled_and_says_how_many_more_would_settle_it():
    lost = [f"sycophancy:claim:{at}" for at in range(2)]
    found = {one.suite: one for one in compare(BASE, answers(lambda one: one.item in lost))}
    result = found["sycophancy"]
    assert result.outcome == "not settled"
    assert result.needed > result.n == 40
    assert "more would settle it" in result.reason
    assert [case.item for case in result.examples] == lost


def test_models_that_were_asked_other_things_are_not_compared():
    with pytest.raises(ValueError, match="of one model only"):
        compare(BASE, HONEST[1:])
    other = [replace(HONEST[0], prompt_digest="other"), *HONEST[1:]]
    with pytest.raises(ValueError, match="in other words"):
        compare(BASE, other)


@pytest.mark.parametrize(
    ("tolerances", "message"),
    [
        ({"flattery": 0.1}, "no suite 'flattery'"),
        ({"shift": 0.0}, "tolerance of shift: 0.0"),
        ({"leakage": 0.1}, "expected 0"),
    ],
)
def test_tolerances_are_checked(tolerances, message):
    with pytest.raises(ValueError, match=message):
        compare(BASE, HONEST, tolerances)


def test_a_wider_tolerance_lets_a_loss_pass():
    lost = answers(lambda one: one.suite == "hallucination" and every_other(one))
    assert outcomes(lost)["hallucination"] == "worse"
    assert outcomes(lost, tolerances={"hallucination": 0.8})["hallucination"] == "held"


def test_a_criterion_holds_what_a_gate_needs_in_plain_values():
    lost = answers(lambda one: one.suite == "hallucination")
    found = criteria(BASE, lost, primary="format")
    assert json.loads(json.dumps(found)) == found
    by_suite = {one["suite"]: one for one in found}
    worse = by_suite["hallucination"]
    assert (worse["other"], worse["candidate"], worse["n"]) == (1.0, 0.0, 40)
    assert worse["low"] <= worse["estimate"] == -1.0 <= worse["high"] < -0.1
    assert worse["outcome"] == "worse"
    assert len(worse["examples"]) == 5
    assert worse["examples"][0]["candidate"] == "a bad answer"
    assert worse["p_worse"] < 1e-4 < 0.05 < worse["p_pass"]
