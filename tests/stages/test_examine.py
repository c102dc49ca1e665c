"""Tasks of the harness as a stage: asked in the same way of both models, kept name by name."""

import shutil
from importlib.util import find_spec

import pytest
from pydantic import ValidationError

from tests.evaluation.capability.test_harness import sums
from tests.stages.test_probe import sealed
from tunesmith.artifacts import Adapter, Base
from tunesmith.data.source_files import gather_all
from tunesmith.errors import InputError
from tunesmith.evaluation.capability.harness import Examiner
from tunesmith.evaluation.suites import Probe, compare
from tunesmith.stages.examine import STAGE, ExamineParams
from tunesmith.store import Store

pytestmark = pytest.mark.skipif(
    find_spec("lm_eval") is None,
    reason="needs lm_eval: pip install -e '.[eval]' -c constraints.txt",
)
PARAMS = ExamineParams(names=("sums", "count"), folder="tasks", limit=4)


@pytest.fixture(scope="module")
def made(tiny_base, tiny_adapter, tmp_path_factory):
    root = tmp_path_factory.mktemp("recipe")
    (root / "tasks").mkdir()
    sums(root / "tasks", 6)
    store = Store(str(tmp_path_factory.mktemp("store")))
    base = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, tiny_adapter, base=base.digest)
    return root, store, base, adapter


def examine(made, adapter=None, params=PARAMS):
    root, store, base, _ = made
    return store.build(STAGE, params, base, adapter, gather_all("tasks", root))


def rows(made, probes):
    return list(made[1].rows(probes, Probe))


def test_both_models_are_asked_the_same_and_compared_as_a_suite(made):
    base, candidate = rows(made, examine(made)), rows(made, examine(made, made[3]))
    assert [row.item for row in base] == [
        f"{task}/{at}" for task in ("sums", "count") for at in range(4)
    ]
    assert [row.prompt_digest for row in base] == [row.prompt_digest for row in candidate]
    result = compare(base, candidate)[-1]
    assert (result.suite, result.n) == ("harness", 8)
    assert [part.name for part in result.parts] == ["sums", "count"]


def test_the_record_says_what_decided(made):
    examine(made)
    notes = next(made[1].all_records("examine"))["notes"]
    assert notes["metrics"] == {"sums": "acc", "count": "exact_match"}
    assert notes["versions"] == {"sums": "2", "count": "2"}
    assert notes["harness"]


def test_answers_that_another_metric_decided_do_not_compare(made):
    other = PARAMS.model_copy(update={"metrics": {"sums": "acc_norm"}})
    with pytest.raises(ValueError, match="asked in other words"):
        compare(rows(made, examine(made)), rows(made, examine(made, params=other)))


def test_a_killed_run_asks_only_what_it_had_not_asked(made, monkeypatch):
    left, real = [1], Examiner.ask

    def die(self, name):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return real(self, name)

    params = PARAMS.model_copy(update={"limit": 3})
    monkeypatch.setattr(Examiner, "ask", die)
    with pytest.raises(KeyboardInterrupt):
        examine(made, params=params)
    asked = []
    monkeypatch.setattr(Examiner, "ask", lambda self, name: asked.append(name) or real(self, name))
    assert len(rows(made, examine(made, params=params))) == 6
    assert asked == ["count"]


def test_a_task_that_stands_in_two_groups_counts_once(made):
    root = made[0]
    (root / "tasks/both.yaml").write_text("group: both\ntask: [sums, count]\n")
    try:
        params = ExamineParams(names=("both", "sums"), folder="tasks", limit=2)
        found = rows(made, examine(made, params=params))
    finally:
        (root / "tasks/both.yaml").unlink()
    assert [row.item for row in found] == ["count/0", "count/1", "sums/0", "sums/1"]


def test_files_that_changed_since_the_start_are_refused(made, tmp_path):
    root, store, base, _ = made
    shutil.copytree(root / "tasks", tmp_path / "tasks")
    files = gather_all("tasks", tmp_path)
    (tmp_path / "tasks/data/sums.jsonl").write_text("{}")
    with pytest.raises(InputError, match="changed after it was looked at"):
        store.build(STAGE, PARAMS.model_copy(update={"limit": 1}), base, None, files)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": ["sums"]}, "folder with the tasks' files, or hub"),
        ({"names": [], "hub": True}, "at least 1 item"),
        ({"names": ["sums", "sums"], "hub": True}, "stands twice"),
    ],
)
def test_what_asks_for_nothing_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        ExamineParams(**fields)
