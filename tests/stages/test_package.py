"""A packaged model is served as it was trained, or the check for it says that it is not."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny_model import TEMPLATE, note, orders, tiny_examples
from tests.toy_stages import NoParams, given
from tunesmith.artifacts import Adapter, Base
from tunesmith.errors import InputError
from tunesmith.evaluation.generation import load
from tunesmith.packaging import checks, merging
from tunesmith.packaging.merging import merge, stored_dtype
from tunesmith.packaging.serving import MODEL, Prompt, load_served
from tunesmith.stage import Stage
from tunesmith.stages.package import DOCUMENT, STAGE, PackageParams
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
    assert list(findings) == ["template", "stop_token", "safetensors", "serving", "agreement"]
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
    assert list(findings) == ["template", "stop_token", "safetensors", "serving"]
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


def test_without_a_prompt_nothing_is_packaged(store, tiny_base, adapter_dir):
    base = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, adapter_dir, base=base.digest)
    with pytest.raises(InputError, match="no prompt to ask"):
        store.build(STAGE, PARAMS, base, adapter, given(store, []))


def test_a_server_with_another_template_is_told_from_the_trained_one(tiny_base):
    trained, served = load_tokenizer(tiny_base), load_served(tiny_base)
    assert checks.check_template(trained, served, PROMPTS).passed
    served.tokenizer.chat_template = TEMPLATE.replace("<|im_start|>assistant", "<|im_start|>bot")
    found = checks.check_template(trained, served, PROMPTS)
    assert not found.passed
    assert found.figures == {"prompts": 12.0, "different": 12.0}
    assert "prompt 1 differs from token" in found.found
    served.tokenizer.chat_template = TEMPLATE + " "
    found = checks.check_template(trained, served, PROMPTS)
    assert "'' in training, ' ' when served" in found.found


def test_a_second_template_that_some_servers_read_is_told(store, tiny_base, adapter_dir, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    path = base / "tokenizer_config.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "chat_template": TEMPLATE}))
    assert checks.check_template(load_tokenizer(base), load_served(base), PROMPTS).passed
    path.write_text(json.dumps({**told, "chat_template": TEMPLATE.replace("system", "sys")[:-1]}))
    package, findings = packaged(store, base, adapter_dir)
    assert failed(findings) == ["template"]
    assert "servers read one or the other" in findings["template"]["found"]
    assert not package.passed


def test_a_merged_folder_with_another_template_is_told(store, tiny_base, adapter_dir, monkeypatch):
    """As when somebody edits the template of the folder that is deployed."""
    whole = merging.merge

    def edited(base_dir, adapter, target):
        whole(base_dir, adapter, target)
        path = target / "chat_template.jinja"
        path.write_text(path.read_text().replace("<|im_start|>assistant", "<|im_start|>bot"))

    monkeypatch.setattr(merging, "merge", edited)
    _, findings = packaged(store, tiny_base, adapter_dir)
    assert "template" in failed(findings)
    assert "'bot\\n' when served" in findings["template"]["found"]


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json"])
def test_a_folder_that_a_server_cannot_load_is_told(
    store, tiny_base, adapter_dir, monkeypatch, name
):
    whole = merging.merge

    def cut(base_dir, adapter, target):
        whole(base_dir, adapter, target)
        (target / name).write_bytes((target / name).read_bytes()[:100])

    monkeypatch.setattr(merging, "merge", cut)
    package, findings = packaged(store, tiny_base, adapter_dir)
    assert not package.passed
    assert "serving" in failed(findings)
    assert findings["serving"]["found"].startswith("it cannot be loaded: ")


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
    merged, bad = (load_served(folder, device=device) for folder in (merged_dir, wrong))
    right = checks.check_agreement(adapted, merged, PROMPTS, answers, 0.99, 0.1)
    assert right.passed
    assert right.figures["logit_distance"] < 1e-3
    found = checks.check_agreement(adapted, bad, PROMPTS, answers, 0.99, 0.1)
    assert not found.passed
    assert found.figures["logit_distance"] > 0.1
    served = checks.check_serving(adapted, merged, PROMPTS, answers, 40, 0.97)
    assert (served.passed, served.figures["share"]) == (True, 1.0)
    assert not checks.check_serving(adapted, bad, PROMPTS, answers, 40, 0.97).passed


def test_logits_that_are_far_apart_are_told_though_the_likeliest_token_is_the_same(
    tiny_base, adapter_dir, merged_dir
):
    """As when the merged model is scaled: greedy answers stay, and drawn ones do not."""
    device = pick("fp32")
    adapted, merged = load(tiny_base, adapter_dir, device), load_served(merged_dir, device=device)
    norm = merged.model.get_submodule("model.norm")
    norm.weight.data *= 1.5
    answers = [note(*order) for order in orders(12, seed=77)]
    found = checks.check_agreement(adapted, merged, PROMPTS, answers, 0.99, 0.1)
    assert found.figures["same"] == 1.0
    assert found.figures["logit_distance"] == pytest.approx(0.5, abs=0.01)
    assert not found.passed
    assert "logits 0.5 apart; expected 99.00% and at most 0.1" in found.found


@pytest.mark.parametrize("end", [None, [0, 5]])
def test_a_folder_that_does_not_stop_where_training_ends_is_told(
    store, tiny_base, adapter_dir, end, monkeypatch
):
    whole = merging.merge

    def edited(base_dir, adapter, target):
        whole(base_dir, adapter, target)
        path = target / "generation_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": end}))
        path = target / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": None}))

    monkeypatch.setattr(merging, "merge", edited)
    _, findings = packaged(store, tiny_base, adapter_dir)
    assert failed(findings) == ["stop_token", "serving"]
    told = "training ends answers with '<|im_end|>', which is not among the end tokens"
    assert told in findings["stop_token"]["found"]


def test_an_adapter_on_a_base_that_does_not_stop_there_is_told(
    store, tiny_base, adapter_dir, tmp_path
):
    """The merged form is given the end tokens; an adapter is served with those of its base."""
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    for name in ("config.json", "generation_config.json"):
        told = json.loads((base / name).read_text())
        (base / name).write_text(json.dumps({**told, "eos_token_id": 0}))
    alone = PARAMS.model_copy(update={"merged": False})
    _, findings = packaged(store, base, adapter_dir, alone)
    assert failed(findings) == ["stop_token", "serving"]
    assert "Serve the merged model, whose file has it" in findings["stop_token"]["found"]
    assert packaged(store, base, adapter_dir)[0].passed


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


@pytest.mark.parametrize("name", [
    "adapter_model.bin", "hook.py", "optimizer.pt", "weights", "model.h5", "deeper/tokenizer.pkl",
    "model.gguf", "notes.txt",
])  # fmt: skip
def test_a_pickle_or_code_beside_the_weights_is_named(tmp_path, name):
    (tmp_path / "chat_template.jinja").write_text("")
    (tmp_path / "merges.txt").write_text("")
    (tmp_path / "LICENSE").write_text("")
    assert checks.check_files({"model": tmp_path}).passed
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
    found = checks.check_files({"model": tmp_path})
    assert not found.passed
    assert f"found model/{name}: expected weights in safetensors" in found.found


def test_a_pickle_that_is_called_safetensors_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(pickle.dumps({"weights": [0.0] * 100}))
    found = checks.check_files({"model": tmp_path})
    assert not found.passed
    assert "model/model.safetensors: " in found.found
    assert "without a safetensors header" in found.found


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_configuration_that_asks_for_code_is_named(tmp_path, name):
    (tmp_path / name).write_text(json.dumps({"auto_map": {"AutoModel": "own.Model"}}))
    found = checks.check_files({"base": tmp_path})
    assert f"base/{name}: auto_map asks to run Python code" in found.found


def test_an_adapter_with_a_pickle_beside_it_is_named(store, tiny_base, adapter_dir, tmp_path):
    adapter = tmp_path / "adapter"
    shutil.copytree(adapter_dir, adapter)
    (adapter / "training_args.bin").write_bytes(b"")
    _, findings = packaged(store, tiny_base, adapter)
    assert failed(findings) == ["safetensors"]
    assert "adapter/training_args.bin" in findings["safetensors"]["found"]


def test_a_merged_folder_with_a_pickle_in_it_is_named(store, tiny_base, adapter_dir, monkeypatch):
    whole = merging.merge

    def with_pickle(base_dir, adapter, target):
        whole(base_dir, adapter, target)
        (target / "pytorch_model.bin").write_bytes(b"")

    monkeypatch.setattr(merging, "merge", with_pickle)
    _, findings = packaged(store, tiny_base, adapter_dir)
    assert failed(findings) == ["safetensors"]
    assert "model/pytorch_model.bin" in findings["safetensors"]["found"]
