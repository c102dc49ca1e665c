"""Looks are counted from the store's records of verdicts."""

from typing import Any

import pytest

from tests import toy_stages
from tests.made_rows import chat, chats
from tunesmith.artifacts import Adapter, Examples, Predictions, Scores, Verdict
from tunesmith.records import Prediction, Score
from tunesmith.reporting.looks import looks, told, wear_of, worn_out
from tunesmith.stage import Params, Stage
from tunesmith.store import Store
from tunesmith.store.draft import Draft


class Measuring(Params):
    candidate: str


class Judging(Params):
    alpha: float = 0.05


def _measured(params: Measuring, draft: Draft, source: Examples) -> Scores:
    values = {params.candidate: 1.0}
    rows = [Score(row_id=row.row_id, group_id="g", values=values) for row in draft.peek(source)]
    return draft.seal_rows(Scores, rows)


def _judged(params: Judging, draft: Draft, measured: dict[str, Scores]) -> Verdict:
    document = {name: ref.digest for name, ref in measured.items()}
    return draft.seal_json(Verdict, "verdict.json", document, decision="reject")


EVALUATE = Stage("evaluate", version=1, produces=Scores, body=_measured)
GATE = Stage("gate", version=1, produces=Verdict, body=_judged)


@pytest.fixture
def sets(store: Store) -> tuple[Examples, Examples]:
    return tuple(toy_stages.given(store, chats(word, "b")) for word in ("test", "golden"))


def judge(store: Store, candidate: str, *sets: Examples, alpha: float = 0.05) -> Verdict:
    """Judge a candidate on sets."""
    measured = {
        f"{who} {at}": store.build(EVALUATE, Measuring(candidate=name), examples)
        for at, examples in enumerate(sets)
        for who, name in (("base", "base"), ("candidate", candidate))
    }
    return store.build(GATE, Judging(alpha=alpha), measured)


class Asking(Params):
    """Tells one model's answers apart from another's; as an endpoint where it has one."""

    words: str
    endpoint: dict[str, str] | None = None


def _answered(
    params: Asking, draft: Draft, source: Examples, adapter: Adapter | None
) -> Predictions:
    rows = [
        Prediction(
            row_id=row.row_id,
            group_id="g",
            prompt_digest="0",
            output=params.words,
            finish_reason="stop",
            prompt_tokens=1,
            completion_tokens=1,
        )
        for row in draft.peek(source)
    ]
    return draft.seal_rows(Predictions, rows)


def _scored(params: Measuring, draft: Draft, source: Examples, answers: Predictions) -> Scores:
    values = {params.candidate: 1.0}
    words = [row.output for row in draft.peek(answers, Prediction)]
    rows = [
        Score(row_id=row.row_id, group_id=word, values=values)
        for row, word in zip(draft.peek(source), words, strict=True)
    ]
    return draft.seal_rows(Scores, rows)


def _passed(params: Params, draft: Draft, source: Examples) -> Examples:
    draft.count_in(source.rows)
    return draft.seal_examples(
        chat(f"passage {row.prompt[-1].content}") for row in draft.peek(source)
    )


PREDICT = Stage("predict", version=1, produces=Predictions, body=_answered)
SCORE = Stage("evaluate", version=1, produces=Scores, body=_scored)
JUDGE = Stage("judge", version=1, produces=Scores, body=_scored)
RETRIEVE = Stage("retrieve", version=1, produces=Examples, body=_passed)


def measure(
    store: Store, examples: Examples, who: str, metric: str = "m", stage: Any = SCORE, **asking: Any
) -> Scores:
    """Measure a model on a set without a verdict; "base" has no adapter."""
    trained = who != "base" and not asking
    adapter = Adapter(digest=who, base="b") if trained else None
    answers = store.build(PREDICT, Asking(words=who, **asking), examples, adapter)
    return store.build(stage, Measuring(candidate=metric), examples, answers)


def test_a_model_measured_without_a_verdict_is_a_look(store: Store, sets: tuple) -> None:
    test, golden = sets
    judge(store, "a", test, alpha=0.02)
    measure(store, test, "b")
    measure(store, test, "served", endpoint={"model": "m", "base_url": "http://h"})
    worn = wear_of(store, {"test": test.digest, "golden": golden.digest})
    assert list(worn) == ["test"]
    assert (worn["test"].verdicts, worn["test"].others) == (1, 2)
    assert worn["test"].wear.spent == pytest.approx(3 * 0.02), "at the error of the last verdict"
    assert told("test", worn["test"]).startswith(
        "test set: 1 verdict and 2 models measured without a verdict so far, which"
    )
    assert [look.model for look in looks(store)[test.digest]] == ["", "b", "m at http://h"]


def test_the_same_model_again_is_the_same_look(store: Store, sets: tuple) -> None:
    test, golden = sets
    for metric in ("m", "another metric"):
        measure(store, test, "b", metric)
    measure(store, test, "b", "judged", JUDGE)
    measure(Store(store.url, rebuild=frozenset({"predict", "evaluate"})), test, "b")
    assert [look.model for look in looks(store)[test.digest]] == ["b"]
    measure(store, golden, "b")
    assert wear_of(store, {"golden": golden.digest})["golden"].others == 1


def test_the_plain_base_can_be_looked_at_for_nothing(store: Store, sets: tuple) -> None:
    measure(store, sets[0], "base")
    assert looks(store) == {}


def test_what_a_verdict_read_is_no_look_beside_it(store: Store, sets: tuple) -> None:
    test, golden = sets
    scores = {
        "candidate test": measure(store, test, "b"),
        "base test": measure(store, test, "base"),
    }
    measure(store, golden, "b")
    store.build(GATE, Judging(), scores)
    measure(store, test, "b", "another metric")
    assert [(look.decision, look.model) for look in looks(store)[test.digest]] == [("reject", "")]
    assert [look.model for look in looks(store)[golden.digest]] == ["b"]


def test_a_verdict_on_what_a_judge_measured_is_a_look(store: Store, sets: tuple) -> None:
    test, _ = sets
    scores = {"candidate test": measure(store, test, "b", stage=JUDGE)}
    verdict = store.build(GATE, Judging(), scores)
    assert [look.verdict for look in looks(store)[test.digest]] == [verdict.digest]


def test_a_set_with_passages_is_the_set(store: Store, sets: tuple) -> None:
    test, _ = sets
    passages = store.build(RETRIEVE, Params(), test)
    measure(store, passages, "b")
    assert list(looks(store)) == [test.digest]
    for digest in (test.digest, passages.digest):
        assert wear_of(store, {"test": digest})["test"].others == 1


def test_one_verdict_is_one_look_at_each_of_its_sets(store: Store, sets: tuple) -> None:
    test, golden = sets
    first = judge(store, "a", test, golden)
    second = judge(store, "b", golden)
    found = looks(store)
    assert [look.verdict for look in found[golden.digest]] == [first.digest, second.digest]
    assert [look.verdict for look in found[test.digest]] == [first.digest]
    assert found[test.digest][0][1:3] == ("reject", 0.05)


def test_a_cached_or_rebuilt_verdict_is_the_same_look(store: Store, sets: tuple) -> None:
    test, _ = sets
    judge(store, "a", test)
    judge(store, "a", test)
    judge(Store(store.url, rebuild=frozenset({"gate"})), "a", test)
    assert len(looks(store)[test.digest]) == 1


def test_the_same_scores_under_another_alpha_are_another_look(store: Store, sets: tuple) -> None:
    test, _ = sets
    judge(store, "a", test)
    judge(store, "a", test, alpha=0.1)
    assert wear_of(store, {"test": test.digest})["test"].wear.spent == pytest.approx(0.15)


def test_a_set_that_nobody_looked_at(store: Store, sets: tuple) -> None:
    test, golden = sets
    assert looks(store) == {}
    judge(store, "a", test)
    assert list(wear_of(store, {"test": test.digest, "golden": golden.digest})) == ["test"]


def test_worn_out_is_said_with_what_to_do(store: Store, sets: tuple) -> None:
    test, golden = sets
    for number in range(4):
        judge(store, f"c{number}", golden, alpha=0.125)
    judge(store, "c0", test)
    wears = wear_of(store, {"test": test.digest, "golden": golden.digest})
    assert worn_out(wears) == [told("golden", wears["golden"])]
    assert "4 verdicts" in worn_out(wears)[0] and "up to 50%" in worn_out(wears)[0]
    assert "worn out; put fresh examples" in worn_out(wears)[0]
    assert told("test", wears["test"]).endswith("it carries 9 more")
