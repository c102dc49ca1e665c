"""A judge's verdict that is missing is in no figure, and nothing passes or fails because of it."""

import pytest

from tunesmith.deciding.params import GateParams
from tunesmith.errors import RecipeError, Unready
from tunesmith.records import Score
from tunesmith.stages.gate import decide

METRIC = "factual_consistency"
PARAMS = GateParams(primary=METRIC, better_than=("base",))
BROKEN = "missing: broken reply: no JSON object"


def scores(value, n=150, missing=(), evidence=BROKEN):
    """`n` scores around a value; None with its reason at the places that miss a verdict."""
    return {
        f"r{at}": Score(
            row_id=f"r{at}",
            group_id=f"g{at}",
            values={METRIC: None if at in missing else min(1.0, value + at % 5 / 20)},
            evidence={METRIC: evidence} if at in missing else {},
        )
        for at in range(n)
    }


def against(candidate, base, **more):
    return {"candidate test": candidate, "base test": base, **more}


def decided(candidate, base, params=PARAMS, **more):
    decision, document = decide(params, against(candidate, base, **more))
    return decision, document["criteria"][0], document["reasons"][0]


def test_whole_pairs_decide_and_the_rest_are_told_with_their_reasons():
    lost = scores(0.5, missing=range(3), evidence="missing: refused: HTTP 400")
    decision, item, reason = decided(scores(0.7, missing=(2, 3)), lost)
    assert decision == "promote"
    assert (item["n"], item["missing"]) == (146, 4)
    assert item["missing_why"] == {"refused: HTTP 400": 3, "broken reply: no JSON object": 2}
    assert item["estimate"] == pytest.approx(0.2)
    assert item["candidate"] == pytest.approx(sum(0.7 + at % 5 / 20 for at in range(4, 150)) / 146)
    assert reason.endswith(
        "n = 146: better; 4 of 150 pairs are without a verdict of the judge (3 refused: HTTP 400, "
        "2 broken reply: no JSON object)"
    )


def test_without_missing_verdicts_nothing_changes():
    _, item, reason = decided(scores(0.7), scores(0.5))
    assert (item["missing"], item["missing_why"]) == (0, {})
    assert item["method"] == decided(scores(0.6), scores(0.5))[1]["method"]
    assert "worst" not in item["method"] and reason.endswith("better")


def test_what_passes_only_because_of_what_is_missing_is_not_settled():
    """0.2 better on 100 pairs; were the other 50 as bad as they can be, it would be worse."""
    candidate, base = scores(0.7, missing=range(50)), scores(0.5)
    decision, item, reason = decided(candidate, base)
    assert (decision, item["answer"]) == ("inconclusive", "not settled")
    assert item["estimate"] == pytest.approx(0.2) and item["settled_but_for_missing"]
    assert item["low"] < 0 < item["high"]
    assert (
        item["p_pass"]
        > PARAMS.alpha
        >= decided(scores(0.7, n=100), scores(0.5, n=100))[1]["p_pass"]
    )
    assert "it hangs on these: the others alone would settle it" in reason
    filled = {**candidate, **{key: row for key, row in scores(0.7).items() if int(key[1:]) < 50}}
    assert decided(filled, base)[0] == "promote"


def test_whoever_lacks_the_verdict_it_counts_at_its_worst():
    """A base that the judge choked on may have been perfect."""
    many, few = {"n": 250, "missing": range(120)}, {"n": 250}
    decision, item, _ = decided(scores(0.7, **few), scores(0.5, **many))
    assert (decision, item["settled_but_for_missing"]) == ("inconclusive", True)
    ours = decided(scores(0.7, **many), scores(0.5, **few))[1]
    both = decided(scores(0.7, **many), scores(0.5, **many))[1]
    assert both["low"] < min(ours["low"], item["low"])
    assert both["high"] > max(ours["high"], item["high"])


def test_a_verdict_of_the_other_still_counts_where_one_is_missing():
    """The base was perfect where the candidate lacks its verdict: more cannot be lost there."""
    perfect = {key: Score(row_id=key, group_id=row.group_id, values={METRIC: 1.0})
               for key, row in scores(0.5, n=10).items()}  # fmt: skip
    candidate = scores(0.7, missing=range(10))
    known = decided(candidate, {**scores(0.5), **perfect})[1]
    unknown = decided(candidate, scores(0.5, missing=range(10)))[1]
    assert known["low"] == pytest.approx(unknown["low"])
    assert known["high"] < unknown["high"]


def test_nothing_is_rejected_because_of_what_is_missing():
    """0.2 worse on 130 pairs; were the other 120 as good as they can be, it would not be."""
    candidate = scores(0.5, n=250, missing=range(120))
    decision, item, _ = decided(candidate, scores(0.7, n=250))
    assert (decision, item["answer"]) == ("inconclusive", "not settled")
    assert decided(scores(0.5, n=130), scores(0.7, n=130))[0] == "reject"
    assert decided(scores(0.3, missing=range(5)), scores(0.7))[0] == "reject"


def test_a_champion_is_not_matched_by_silence():
    params = GateParams(primary=METRIC, better_than=("base",), margin=0.1)
    champion = {"champion test": scores(0.7), "champion golden": scores(0.7, n=120)}
    golden = {"candidate golden": scores(0.7, n=120), "base golden": scores(0.2, n=120)}
    found = {}
    for missing in (range(2), range(40)):
        _, document = decide(
            params, against(scores(0.7, missing=missing), scores(0.2), **champion, **golden)
        )
        found[len(missing)] = {
            (item["against"], item["where"]): item["answer"] for item in document["criteria"]
        }[("champion", "test")]
    assert found == {2: "yes", 40: "not settled"}


def test_all_missing_is_no_verdict_at_all():
    with pytest.raises(Unready, match="each of 150 pairs lacks a verdict.*broken reply: no JSON"):
        decided(scores(0.7, missing=range(75)), scores(0.5, missing=range(75, 150)))


def test_no_value_without_a_word_of_the_judge_is_still_a_mistake():
    silent = scores(0.7, missing=(3,), evidence="")
    with pytest.raises(RecipeError, match="measured row r3 of test for one model only"):
        decided(silent, scores(0.5))
    both = decided(silent, scores(0.5, missing=(3,), evidence="the expected answer is a call"))
    assert (both[1]["n"], both[1]["missing"]) == (149, 0)
