"""vLLM is given our tokens, our ends and our batches. No GPU here: vLLM itself is a stand-in.

The stand-in (`stand_ins/vllm`) has the names and parameters of vLLM 0.33.0 that are used, and no
others. That vLLM then answers well is not shown here.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_rows import chats
from tests.tiny_model import tiny_examples
from tests.toy_stages import NoParams, given
from tunesmith.artifacts import Base, Predictions
from tunesmith.errors import InputError, RecipeError, Unready
from tunesmith.evaluation.generation import (
    Draws,
    answer,
    check_same_runtime,
    choose_runtime,
    generate,
    load_answerer,
    on_vllm,
    runtime,
)
from tunesmith.records import Prediction
from tunesmith.stage import Stage
from tunesmith.stages.predict import STAGE, PredictParams
from tunesmith.training import device as devices
from tunesmith.training.device import Device
from tunesmith.training.loading import load_tokenizer
from tunesmith.training.rows import turns
from tunesmith.training.template import end_ids, prompt_ids

STAND_INS = Path(__file__).parent / "stand_ins"
GPU = Device("cuda", "a GPU", "bf16", 1)
CPU = Device("cpu", "a CPU", "bf16", 1)


@pytest.fixture
def vllm(monkeypatch, tmp_path):
    """Put the stand-in where vLLM would be installed; returns what it was told, by what it was."""
    log = tmp_path / "vllm.jsonl"
    monkeypatch.syspath_prepend(STAND_INS)
    monkeypatch.setenv("STAND_IN_LOG", str(log))
    for name in [name for name in os.environ if name.startswith("VLLM_")]:
        monkeypatch.delenv(name)

    def told(what):
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [line for line in lines if line["what"] == what]

    return told


@pytest.fixture
def model(vllm, tiny_base):
    return load_answerer(tiny_base, None, GPU)


def adapter_of(folder, **config):
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    (folder / "adapter_model.safetensors").touch()
    return folder


def test_vllm_answers_on_a_gpu_where_it_is_installed(vllm):
    assert choose_runtime(GPU) == "vllm"
    assert choose_runtime(CPU) == "transformers"
    assert choose_runtime(GPU, "transformers") == "transformers"
    with pytest.raises(RecipeError, match="is no GPU"):
        choose_runtime(CPU, "vllm")


def test_without_vllm_transformers_answers_on_a_gpu_too(monkeypatch):
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    assert choose_runtime(GPU) == "transformers"
    with pytest.raises(RecipeError, match="not installed"):
        choose_runtime(GPU, "vllm")


def test_vllm_is_asked_in_the_tokens_of_training_and_ends_where_we_do(vllm, tiny_base):
    rows = [turns(row.prompt) for row in tiny_examples(2, seed=3)]
    found = generate(tiny_base, None, rows, max_new_tokens=9, batch_size=2, device=GPU)
    tokenizer = load_tokenizer(tiny_base)
    expected = sorted(prompt_ids(tokenizer, row) for row in rows)
    asked = vllm("asked")
    assert sorted(one["ids"] for one in asked) == expected
    ends = sorted(end_ids(tokenizer))
    for one in asked:
        assert (one["stop_token_ids"], one["ignore_eos"]) == (ends, True)
        assert (one["temperature"], one["max_tokens"], one["schema"]) == (0.0, 9, None)
    (engine,) = vllm("LLM")
    assert engine["max_model_len"] == max(map(len, expected)) + 9
    assert (engine["dtype"], engine["load_format"], engine["generation_config"]) == (
        "bfloat16", "safetensors", "vllm",
    )  # fmt: skip
    assert engine["structured_outputs_config"] is None
    assert not engine["enable_lora"]
    notes = [found.notes[name] for name in ("runtime", "runtime_version", "precision")]
    assert notes == ["vllm", "0.33.0", "bf16"]


def test_an_answer_is_what_comes_before_its_end(vllm, model):
    (word,) = model.tokenizer.encode("a", add_special_tokens=False)
    cut, ended, blank = answer(
        model, [[word, 5], [word, 3], [word, 0]], max_new_tokens=5, batch_size=3
    ).outputs
    assert (cut.text, cut.finish_reason, cut.completion_tokens) == ("aaaaa", "length", 5)
    assert (ended.text, ended.finish_reason, ended.completion_tokens) == ("aaa", "stop", 3)
    assert (blank.text, blank.finish_reason, blank.completion_tokens) == ("", "stop", 0)


def test_an_adapter_gets_the_room_that_vllm_can_make_for_it(vllm, tiny_base, tmp_path):
    folder = adapter_of(tmp_path / "adapter", r=4, rank_pattern={"q_proj": 12})
    loaded = load_answerer(tiny_base, folder, GPU)
    answer(loaded, [[5, 1]], max_new_tokens=2, batch_size=1)
    (engine,) = vllm("LLM")
    assert (engine["enable_lora"], engine["max_lora_rank"]) == (True, 16)
    assert [one["adapter"] for one in vllm("generate")] == [str(folder)]
    large = load_answerer(tiny_base, adapter_of(tmp_path / "large", r=513), GPU)
    with pytest.raises(InputError, match="r is 513; vLLM takes at most 512"):
        answer(large, [[5, 1]], max_new_tokens=2, batch_size=1)


def test_draws_and_a_schema_reach_each_prompt(vllm, model):
    draws = Draws(0.7, 0.9, [11, 2**63 - 1])
    answer(
        model, [[5, 1], [6, 1]], max_new_tokens=[4, 2], batch_size=2, draws=draws,
        schema='{"type":"object"}',
    )  # fmt: skip
    asked = {one["ids"][0]: one for one in vllm("asked")}
    assert [asked[first]["seed"] for first in (5, 6)] == draws.seeds
    assert [asked[first]["max_tokens"] for first in (5, 6)] == [4, 2]
    for one in asked.values():
        assert (one["temperature"], one["top_p"]) == (0.7, 0.9)
        assert one["schema"] == '{"type":"object"}'
    held = {"backend": "guidance", "disable_any_whitespace": True}
    assert vllm("LLM")[0]["structured_outputs_config"] == held


def test_planned_batches_are_kept_and_nothing_cached_outlives_one(vllm, model, monkeypatch):
    monkeypatch.setattr(on_vllm, "PLANNED", 4)
    ids = [[5, 1, *range(length)] for length in range(10)]
    kept, progress = {}, []
    options = {"max_new_tokens": 3, "batch_size": 2}
    whole = answer(model, ids, **options, on_batch=kept.__setitem__, on_progress=progress.append)
    assert [len(batch) for batch in kept.values()] == [4, 4, 2]
    assert progress == [4, 8, 10]
    assert len(vllm("reset_prefix_cache")) == len(vllm("generate")) == 3
    again = {}
    rest = answer(model, ids, **options, finished=kept[1], on_batch=again.__setitem__)
    assert again == {number: kept[number] for number in (0, 2)}
    assert rest.outputs == whole.outputs
    engines = len(vllm("LLM"))
    answer(model, ids, **options, finished=dict(enumerate(whole.outputs)))
    assert len(vllm("LLM")) == engines, "started for nothing"


def test_the_engine_lives_in_a_process_of_its_own_that_schedules_itself(vllm, model):
    answer(model, [[5, 1]], max_new_tokens=2, batch_size=1)
    (engine,) = vllm("LLM")
    assert engine["environment"] == on_vllm.ENVIRONMENT
    assert not any(name.startswith("VLLM_") for name in os.environ)
    with pytest.raises(ProcessLookupError):
        os.kill(engine["pid"], 0)


def test_what_vllm_cannot_load_is_an_error_that_says_what_to_do(vllm, tiny_base, tmp_path, capfd):
    refused = tmp_path / "refused"
    refused.symlink_to(tiny_base)
    loaded = load_answerer(refused, None, GPU)
    with pytest.raises(InputError, match=r"exit code 1 .* predict.runtime: transformers"):
        answer(loaded, [[5, 1]], max_new_tokens=2, batch_size=1)
    assert "this architecture is not supported" in capfd.readouterr().err


KILLED = """
import os, sys
from tunesmith.evaluation.generation.on_vllm import Setup, _receive, _started
with _started(Setup({"model": "m", "max_model_len": 9}, None, [2], None)) as engine:
    _receive(engine)
    print("started", flush=True)
    engine.process.join()
"""


def test_the_engine_s_process_ends_with_the_one_that_was_killed(vllm):
    path = os.pathsep.join(map(str, (STAND_INS, Path(__file__).parents[2])))
    command = [sys.executable, "-c", KILLED]
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout.readline() == "started\n"
        parent.send_signal(signal.SIGKILL)
        assert parent.stdout.read() == ""  # which ends when nobody is left who could write
    assert parent.returncode == -signal.SIGKILL


def test_predictions_say_what_answered(vllm, store, tiny_base, monkeypatch):
    monkeypatch.setattr(devices, "pick", lambda precision=None: GPU)

    def body(params, draft):
        return draft.seal_files(Base, tiny_base, model="tiny")

    base = store.build(Stage("base", version=1, produces=Base, body=body), NoParams())
    rows = given(store, chats("one", "two"))
    made = store.build(STAGE, PredictParams(max_new_tokens=3), rows, base, None, None)
    assert made.answered_by == "vllm bf16"
    assert len(list(store.rows(made, Prediction))) == 2
    (record,) = store.all_records("predict")
    assert record["notes"]["runtime"] == "vllm"
    assert len(vllm("asked")) == 2


def answers(**by):
    return {
        name.replace("_", " "): Predictions(digest=name, rows=1, answered_by=how)
        for name, how in by.items()
    }


def test_answers_of_two_runtimes_are_not_compared():
    here = answers(base_test="vllm bf16", candidate_test="vllm bf16", base_other="vllm fp32")
    check_same_runtime({**here, **answers(champion_test="")})
    for other in ("transformers bf16", "vllm fp32"):
        with pytest.raises(Unready, match=f"base test by vllm bf16; .* champion test by {other}"):
            check_same_runtime({**here, **answers(champion_test=other)})
