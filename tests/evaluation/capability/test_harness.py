import json
import sys
from importlib.util import find_spec

import pytest
import yaml

from tunesmith.errors import InputError
from tunesmith.evaluation.capability.harness import Asked, Examiner, check_tasks, deciding
from tunesmith.evaluation.generation import load
from tunesmith.training.device import pick

needs_harness = pytest.mark.skipif(
    find_spec("lm_eval") is None,
    reason="needs lm_eval: pip install -e '.[eval]' -c constraints.txt",
)

SUMS = {
    "task": "sums",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": "data/sums.jsonl"}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    "doc_to_choice": "c",
    "doc_to_target": "a",
    "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    "metadata": {"version": 2},
}
COUNT = {
    **SUMS,
    "task": "count",
    "output_type": "generate_until",
    "doc_to_target": "{{c[1]}}",
    "generation_kwargs": {"max_gen_toks": 8, "until": ["\n"]},
    "metric_list": [{"metric": "exact_match"}],
}
del COUNT["doc_to_choice"]


def sums(folder, rows=3, **changes):
    """A folder of tasks with their data beside them."""
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/sums.jsonl").write_text(
        "".join(
            json.dumps({"q": f"{at} + 1 = ", "c": [str(at), str(at + 1)], "a": 1}) + "\n"
            for at in range(rows)
        )
    )
    for task in (SUMS, COUNT):
        (folder / f"{task['task']}.yaml").write_text(yaml.safe_dump({**task, **changes}))
    return folder


@pytest.fixture(scope="module")
def loaded(tiny_base):
    return load(tiny_base, None, pick("fp32"))


@pytest.fixture(scope="module")
def examiner(loaded, tmp_path_factory):
    folder = sums(tmp_path_factory.mktemp("tasks"))
    return Examiner(loaded, folder, ["sums", "count"], Asked({}, limit=2, batch_size=2))


@needs_harness
class TestExaminer:
    def test_every_item_has_a_result(self, examiner):
        run = examiner.ask("sums")
        assert [(one.task, one.doc_id, one.chance) for one in run.answers] == [
            ("sums", 0, 0.5),
            ("sums", 1, 0.5),
        ]
        assert (run.metrics, run.versions) == ({"sums": "acc"}, {"sums": "2"})
        assert all(f"{at} + 1 = " in one.asked for at, one in enumerate(run.answers))
        assert all(one.prompt_tokens > 2 * 4 for one in run.answers)

    def test_what_a_model_writes_is_kept(self, examiner):
        run = examiner.ask("count")
        assert run.metrics == {"count": "exact_match"}
        assert [one.right for one in run.answers] == [
            one.output.strip() == str(at + 1) for at, one in enumerate(run.answers)
        ]
        assert all(0 < one.completion_tokens <= 8 for one in run.answers)
        assert {one.chance for one in run.answers} == {0.0}

    def test_the_right_answers_are_those_that_are_likelier(self, loaded, tmp_path):
        """As the model itself says, without the harness."""
        import torch

        run = Examiner(loaded, sums(tmp_path, 8), ["sums"], Asked({})).ask("sums")
        for one in run.answers:
            scores = []
            for choice in (one.doc_id, one.doc_id + 1):
                start = loaded.tokenizer.encode(one.asked, add_special_tokens=False)
                both = loaded.tokenizer.encode(f"{one.asked}{choice}", add_special_tokens=False)
                with torch.inference_mode():
                    logits = loaded.model(torch.tensor([both])).logits[0].log_softmax(-1)
                at = range(len(start), len(both))
                scores.append(sum(logits[place - 1, both[place]].item() for place in at))
            assert one.right == (scores[1] > scores[0])

    @pytest.mark.parametrize("data", ["gone.jsonl", "../sums.jsonl", "/etc/hostname"])
    def test_data_that_lie_elsewhere_are_refused(self, loaded, tmp_path, data):
        (tmp_path / "sums.jsonl").write_text("{}")
        (tmp_path / "tasks").mkdir()
        folder = sums(tmp_path / "tasks", dataset_kwargs={"data_files": data})
        with pytest.raises(InputError, match="count.yaml: field dataset_kwargs.data_files"):
            Examiner(loaded, folder, ["sums"], Asked({}))

    def test_an_unknown_task_is_named_with_those_there_are(self, loaded, tmp_path):
        with pytest.raises(InputError, match="no task mmlu; expected one of count, sums"):
            Examiner(loaded, sums(tmp_path), ["mmlu", "sums"], Asked({}))

    def test_rows_that_are_no_json_are_named(self, loaded, tmp_path):
        folder = sums(tmp_path)
        (folder / "data/sums.jsonl").write_text("not json")
        with pytest.raises(InputError, match="task sums: .*JSON parse error"):
            Examiner(loaded, folder, ["sums"], Asked({})).ask("sums")

    def test_a_field_that_the_rows_lack_is_named(self, loaded, tmp_path):
        folder = sums(tmp_path, doc_to_target="{{answer}}")
        with pytest.raises(InputError, match="task count: .*answer"):
            Examiner(loaded, folder, ["count"], Asked({})).ask("count")


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


class TestDeciding:
    @pytest.mark.parametrize(
        ("asked", "metric"), [(None, "acc"), ("acc_norm", "acc_norm"), ("own", "own")]
    )
    def test_the_metric_that_is_asked_for_decides(self, asked, metric):
        sample = {"metrics": ["own", "acc_norm", "acc"], "own": 1, "acc": 0.0, "acc_norm": 1.0}
        assert deciding("sums", [sample], asked) == metric

    @pytest.mark.parametrize("asked", [None, "bleu", "chrf"])
    def test_a_metric_on_a_scale_cannot_decide(self, asked):
        samples = [{"metrics": ["bleu"], "bleu": value} for value in (12.5, 0.0)]
        with pytest.raises(InputError, match="right or wrong"):
            deciding("sums", samples, asked)


def test_without_the_harness_it_says_what_to_install(loaded, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval.tasks", None)
    with pytest.raises(InputError, match=r"tunesmith\[eval\]"):
        Examiner(loaded, None, ["mmlu"], Asked({}, hub=True))
