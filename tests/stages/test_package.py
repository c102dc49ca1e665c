"""A packaged model is served as it was trained, or the check for it says that it is not."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny_model import TEMPLATE, note, orders, tiny_examples
from tests.toy_stages import NoParams, given
from tunesmith.artifacts import Adapter, Base
from tunesmith.errors import InputError
from tunesmith.evaluation.generation import load
from tunesmith.packaging import checks
from tunesmith.packaging.checks import Prompt
from tunesmith.packaging.merging import merge, stored_dtype
from tunesmith.stage import Stage
from tunesmith.stages.package import DOCUMENT, MODEL, STAGE, PackageParams
from tunesmith.training import rows as training_rows
from tunesmith.training.device import pick
from tunesmith.training.loading import load_base, load_tokenizer
from tunesmith.training.rows import turns
from tunesmith.training.sft import SftParams, train

ROWS = tiny_examples(136, seed=1)
GOLDEN = tiny_examples(12, seed=77)
PROMPTS = [Prompt(turns(row.prompt)) for row in GOLDEN]
LEARN = SftParams(epochs=2, batch_size=8, learning_rate=1e-2)
PARAMS = PackageParams(prompts=6, max_new_tokens=40)


@pytest.fixture(scope="module")
def adapter_dir(tiny_base, tmp_path_factory):
    """An adapter that learned to write order notes."""
    work = tmp_path_factory.mktemp("tuned")
    return train(tiny_base, ROWS[:128], ROWS[128:], LEARN, work).adapter_dir


@pytest.fixture(scope="module")
def merged_dir(tiny_base, adapter_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged")
    merge(tiny_base, adapter_dir, folder)
    return folder


def sealed(store, kind, folder, **facts):
    def body(params, draft):
        return draft.seal_files(kind, folder, **facts)

    return store.build(Stage(kind.__name__, version=1, produces=kind, body=body), NoParams())


def packaged(store, base_dir, adapter_dir, params=PARAMS):
    base = sealed(store, Base, base_dir, model="tiny")
    adapter = sealed(store, Adapter, adapter_dir, base=base.digest)
    package = store.build(STAGE, params, base, adapter, given(store, GOLDEN))
    document = json.loads((store.path(package) / DOCUMENT).read_bytes())
    return package, {item["check"]: item for item in document["checks"]}


def failed(findings):
    return [name for name, item in findings.items() if not item["passed"]]


def test_an_honest_candidate_passes_and_its_folder_answers_by_itself(store, tiny_base, adapter_dir):
    package, findings = packaged(store, tiny_base, adapter_dir)
    assert package.passed
    assert failed(findings) == []
    assert list(findings) == ["template", "stop_token", "safetensors", "agreement", "serving"]
    assert findings["agreement"]["figures"]["same"] == 1.0
    folder = store.path(package) / MODEL
    tokenizer, model = load_tokenizer(folder), load_base(folder, torch.float32)
    (name, count, item) = orders(12, seed=77)[0]
    text = tokenizer.apply_chat_template(
        PROMPTS[0].turns, tokenize=False, add_generation_prompt=True
    )
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
    whole = model.generate(**ids, max_new_tokens=40)
    answer = tokenizer.decode(whole[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
    assert answer == note(name, count, item)


def test_the_adapter_alone_can_be_packaged(store, tiny_base, adapter_dir):
    package, findings = packaged(
        store, tiny_base, adapter_dir, PARAMS.model_copy(update={"merged": False})
    )
    assert package.passed
    assert list(findings) == ["template", "stop_token", "safetensors"]
    assert not (store.path(package) / MODEL).exists()


def test_a_candidate_that_learned_to_run_on_is_named(store, tiny_base, tmp_path, monkeypatch):
    whole = training_rows.answer_ids
    monkeypatch.setattr(training_rows, "answer_ids", lambda *given: 3 * whole(*given)[:-2])
    endless = train(tiny_base, ROWS[:128], ROWS[128:], LEARN, tmp_path / "work").adapter_dir
    monkeypatch.undo()
    package, findings = packaged(store, tiny_base, endless)
    assert not package.passed
    assert failed(findings) == ["stop_token"]
    assert "0% of 6 answers ended by a stop token; expected 90%" in findings["stop_token"]["found"]


def test_an_adapter_refuses_another_base(store, tiny_base, adapter_dir, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny_base, other)
    (other / "config.json").write_text((other / "config.json").read_text() + "\n")
    trained_on = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, adapter_dir, base=trained_on.digest)

    def body(params, draft):
        return draft.seal_files(Base, other, model="other")

    another = store.build(Stage("another", version=1, produces=Base, body=body), NoParams())
    with pytest.raises(InputError, match="was trained on the base .* train on this one with"):
        store.build(STAGE, PARAMS, another, adapter, given(store, GOLDEN))


def test_without_a_prompt_nothing_is_packaged(store, tiny_base, adapter_dir):
    base = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, adapter_dir, base=base.digest)
    with pytest.raises(InputError, match="no prompt to ask"):
        store.build(STAGE, PARAMS, base, adapter, given(store, []))


def test_a_server_with_another_template_is_told_from_the_trained_one(tiny_base, tmp_path):
    trained = load_tokenizer(tiny_base)
    served = load_tokenizer(tiny_base)
    assert checks.check_template(trained, served, PROMPTS).passed
    served.chat_template = TEMPLATE.replace("<|im_start|>assistant", "<|im_start|>bot")
    found = checks.check_template(trained, served, PROMPTS)
    assert not found.passed
    assert found.figures == {"prompts": 12.0, "different": 12.0}
    assert "prompt 1 differs from token" in found.found
    served.chat_template = TEMPLATE + " "
    assert (
        "'' in training, ' ' when served" in checks.check_template(trained, served, PROMPTS).found
    )


def test_merged_weights_that_are_not_the_adapter_s_are_told(
    tiny_base, adapter_dir, merged_dir, tmp_path
):
    """As when a server applies the adapter's scale twice, or an older merge is deployed."""
    wrong = tmp_path / "wrong"
    shutil.copytree(merged_dir, wrong)
    weights, base = (
        load_file(wrong / "model.safetensors"),
        load_file(tiny_base / "model.safetensors"),
    )
    doubled = {name: 2 * tensor - base[name] for name, tensor in weights.items()}
    save_file(doubled, wrong / "model.safetensors", metadata={"format": "pt"})
    answers = [note(*order) for order in orders(12, seed=77)]
    device = pick("fp32")
    adapted = load(tiny_base, adapter_dir, device)
    merged = load(merged_dir, None, device)
    right = checks.check_agreement(adapted, merged, PROMPTS, answers, 0.99)
    assert right.passed
    assert right.figures["logit_distance"] < 1e-3
    found = checks.check_agreement(adapted, load(wrong, None, device), PROMPTS, answers, 0.99)
    assert not found.passed
    assert found.figures["logit_distance"] > 0.1
    assert not checks.check_serving(wrong, PROMPTS, answers, 40, 0.99).passed


def test_a_folder_whose_own_end_token_is_wrong_is_told(merged_dir, tmp_path):
    wrong = tmp_path / "wrong"
    shutil.copytree(merged_dir, wrong)
    config = json.loads((wrong / "generation_config.json").read_text())
    (wrong / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": 5}))
    answers = [note(*order) for order in orders(12, seed=77)]
    assert checks.check_serving(merged_dir, PROMPTS, answers, 40, 0.9).passed
    assert not checks.check_serving(wrong, PROMPTS, answers, 40, 0.9).passed


def test_a_merged_model_keeps_the_number_format_of_the_base(tiny_base, adapter_dir, tmp_path):
    small = tmp_path / "small"
    shutil.copytree(tiny_base, small)
    weights = load_file(small / "model.safetensors")
    halved = {name: tensor.bfloat16() for name, tensor in weights.items()}
    save_file(halved, small / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "merged").mkdir()
    merge(small, adapter_dir, tmp_path / "merged")
    assert stored_dtype(tiny_base) == "float32"
    assert stored_dtype(tmp_path / "merged") == "bfloat16"


@pytest.mark.parametrize("name", ["adapter_model.bin", "hook.py", "optimizer.pt"])
def test_a_pickle_or_code_beside_the_weights_is_named(tmp_path, name):
    assert checks.check_files(tmp_path).passed
    (tmp_path / name).write_bytes(b"")
    found = checks.check_files(tmp_path)
    assert not found.passed
    assert name in found.found
