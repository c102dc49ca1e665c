"""Looks are counted from the store's records of verdicts."""

import pytest

from tests import toy_stages
from tests.made_rows import chats
from tunesmith.artifacts import Examples, Scores, Verdict
from tunesmith.records import Score
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
    assert wear_of(store, {"test": test.digest})["test"].spent == pytest.approx(0.15)


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
