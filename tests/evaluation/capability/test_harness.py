import dataclasses
import json
import sys
from importlib.util import find_spec

import pytest
import yaml

from tunesmith.errors import InputError
from tunesmith.evaluation.capability.comparison import compare
from tunesmith.evaluation.capability.harness import (
    TaskAnswer,
    TaskRun,
    check_tasks,
    collect,
    pair_tasks,
    run_tasks,
    write_tasks,
)
from tunesmith.evaluation.capability.items import load
from tunesmith.evaluation.capability.scoring import MOST_TOKENS, prompts
from tunesmith.training.device import pick

needs_harness = pytest.mark.skipif(
    find_spec("lm_eval") is None,
    reason="needs lm_eval: pip install -e '.[eval]' -c constraints.txt",
)

SUMS = {
    "task": "sums",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    "doc_to_choice": "c",
    "doc_to_target": "a",
    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    "metadata": {"version": 2},
}


def some_items():
    """Items with and without a system prompt, and choices."""
    forms, choices = load(["instruction_following"]), load(["reasoning"])
    return [*forms[:2], *[item for item in forms if item.system][:2], choices[0], choices[-1]]


def sums(folder, rows=3):
    data = folder / "sums.jsonl"
    data.write_text(
        "".join(
            json.dumps({"q": f"{at} + 1 = ", "c": [str(at), str(at + 1)], "a": 1}) + "\n"
            for at in range(rows)
        )
    )
    files = {"data_files": {"test": str(data)}, "cache_dir": str(folder / "cache")}
    (folder / "sums.yaml").write_text(yaml.safe_dump({**SUMS, "dataset_kwargs": files}))


def answer(at, right=True, **more):
    return TaskAnswer("sums", at, f"hash{at}", right, 0.5, "", **more)


def run_of(answers, metrics=None):
    return TaskRun(tuple(answers), metrics or {"sums": "acc"}, {"sums": "2"}, "0.4.13")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    sums(folder)
    write_tasks(folder, some_items())
    return folder


@pytest.fixture(scope="module")
def found(folder, tiny_base):
    names = ["sums", "tunesmith_instruction_following", "tunesmith_reasoning"]
    return run_tasks(
        tiny_base, names, tasks=folder, items=some_items(), device=pick("fp32"), batch_size=4
    )


@needs_harness
class TestRun:
    def test_every_item_has_a_result(self, found):
        assert [(one.task, one.doc_id) for one in found.answers if one.task == "sums"] == [
            ("sums", at) for at in range(3)
        ]
        assert {one.chance for one in found.answers if one.task == "sums"} == {0.5}
        assert {one.item for one in found.answers} - {None} == {item.id for item in some_items()}
        assert found.metrics["sums"] == "acc"
        assert found.versions["sums"] == "2"

    def test_our_items_get_the_answers_that_our_own_generation_gives(self, found, tiny_base):
        from tunesmith.evaluation.generation import generate

        items = some_items()
        ours = generate(
            tiny_base,
            None,
            prompts(items),
            max_new_tokens=MOST_TOKENS,
            batch_size=4,
            device=pick("fp32"),
        )
        theirs = {one.item: one.output for one in found.answers if one.item}
        assert theirs == {
            item.id: output.text for item, output in zip(items, ours.outputs, strict=True)
        }

    def test_a_run_is_compared_with_another_item_by_item(self, found):
        pairs = pair_tasks(found, found)
        assert len(pairs) == len(found.answers)
        assert {one.skill for one in compare(pairs).skills} == set(found.metrics)

    def test_a_data_file_that_is_gone_is_named(self, tiny_base, tmp_path):
        sums(tmp_path)
        (tmp_path / "sums.jsonl").unlink()
        with pytest.raises(InputError, match="sums.jsonl.*data_files"):
            run_tasks(tiny_base, ["sums"], tasks=tmp_path)

    def test_an_unknown_task_is_named_with_those_there_are(self, folder, tiny_base):
        with pytest.raises(InputError, match="no task mmlu; expected one of sums, tunesmith_"):
            run_tasks(tiny_base, ["mmlu"], tasks=folder)


@needs_harness
class TestCheck:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dataset_kwargs": {"trust_remote_code": True}}, "trust_remote_code: True"),
            ({"unsafe_code": True}, "unsafe_code"),
            ({"dataset_path": "cais/mmlu"}, "local data"),
            ({"metric_list": [{"metric": "someone/metric"}]}, "metric of the harness's own"),
            ({"metric_list": [{"metric": "acc", "hf_evaluate": True}]}, "hf_evaluate"),
            ({"include": "../other.yaml"}, "include"),
            ({"include": "template"}, "include"),
            ({"doc_to_text": "{{q.__class__}}"}, "double underscores"),
        ],
    )
    def test_what_brings_code_or_asks_for_it_is_refused(self, tmp_path, change, message):
        (tmp_path / "bad.yaml").write_text(yaml.safe_dump({**SUMS, **change}))
        with pytest.raises(InputError, match=message):
            check_tasks(tmp_path)

    def test_a_tag_that_names_a_function_is_refused(self, tmp_path):
        (tmp_path / "bad.yaml").write_text("task: x\nprocess_docs: !function code.run\n")
        (tmp_path / "code.py").write_text("raise SystemExit\n")
        with pytest.raises(InputError, match="run\\s+code from the folder"):
            check_tasks(tmp_path)

    def test_what_asks_for_nothing_passes(self, tmp_path):
        sums(tmp_path)
        (tmp_path / "base.yaml").write_text(yaml.safe_dump({"output_type": "generate_until"}))
        more = {"task": "x", "include": "base.yaml", "dataset_kwargs": {"trust_remote_code": False}}
        (tmp_path / "more.yaml").write_text(yaml.safe_dump(more))
        check_tasks(tmp_path)

    def test_the_hub_must_be_allowed(self, tmp_path):
        (tmp_path / "hub.yaml").write_text(yaml.safe_dump({**SUMS, "dataset_path": "a/b"}))
        check_tasks(tmp_path, hub=True)

    def test_no_folder(self, tmp_path):
        with pytest.raises(InputError, match="no such folder"):
            check_tasks(tmp_path / "none")


class TestCollect:
    def sample(self, at, **metrics):
        return {
            "doc_id": at,
            "doc_hash": f"hash{at}",
            "doc": {"id": "a"},
            "filter": "none",
            "metrics": list(metrics),
            "resps": [["text"]],
            "arguments": [1],
            **metrics,
        }

    def found(self, *samples):
        return {"samples": {"sums": list(samples)}, "versions": {"sums": 1}}

    def test_the_metric_that_is_asked_for_decides(self):
        found = self.found(self.sample(0, acc=0.0, acc_norm=1.0))
        assert not collect(found, {}, {}, "1").answers[0].right
        assert collect(found, {}, {"sums": "acc_norm"}, "1").answers[0].right

    @pytest.mark.parametrize("asked", [{}, {"sums": "bleu"}, {"sums": "chrf"}])
    def test_a_metric_on_a_scale_cannot_decide(self, asked):
        found = self.found(self.sample(0, bleu=12.5), self.sample(1, bleu=0.0))
        with pytest.raises(InputError, match="right or wrong"):
            collect(found, {}, asked, "1")

    def test_of_several_filters_the_first_counts(self):
        strict = self.sample(0, exact_match=0.0)
        loose = {**self.sample(0, exact_match=1.0), "filter": "loose"}
        answers = collect(self.found(strict, loose), {}, {}, "1").answers
        assert [one.right for one in answers] == [False]

    def test_an_item_that_is_not_ours_is_refused(self):
        found = {"samples": {"tunesmith_code": [self.sample(0, bypass=1)]}}
        with pytest.raises(InputError, match="no item a"):
            collect(found, {item.id: item for item in load(["code"])}, {}, "1")


class TestPairs:
    def test_by_task_and_document(self):
        base = run_of([answer(0), answer(1, right=False)])
        candidate = run_of([answer(1), answer(0, right=False)])
        found = pair_tasks(base, candidate)
        assert [(one.item, one.base, one.candidate) for one in found] == [
            ("sums/0", True, False),
            ("sums/1", False, True),
        ]

    @pytest.mark.parametrize(
        "other",
        [
            [answer(0)],
            [answer(0), answer(1), answer(2)],
            [answer(0), dataclasses.replace(answer(1), doc_hash="changed")],
        ],
    )
    def test_other_items_are_refused(self, other):
        with pytest.raises(InputError, match="not the same in both runs"):
            pair_tasks(run_of([answer(0), answer(1)]), run_of(other))

    def test_another_metric_is_refused(self):
        with pytest.raises(InputError, match="run both again"):
            pair_tasks(run_of([answer(0)]), run_of([answer(0)], {"sums": "acc_norm"}))


def test_without_the_harness_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(InputError, match=r"tunesmith\[eval\]"):
        run_tasks(tmp_path, ["sums"], tasks=tmp_path)
