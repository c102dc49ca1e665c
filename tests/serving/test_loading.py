"""Adapters come and go while others answer, by the paths that vLLM has."""

import contextlib
import json
import shutil

import pytest

from tests.serving.conftest import BASE, TUNED, engine, serving
from tunesmith.errors import InputError
from tunesmith.serving.app import Desk
from tunesmith.serving.models import Models, trained_on

DIGEST, OTHER = "1" * 64, "2" * 64


@pytest.fixture
def fresh(loaded):
    return Models(loaded, BASE, {DIGEST})


@pytest.fixture
def folder(tiny_adapter, tmp_path):
    return shutil.copytree(tiny_adapter, tmp_path / "adapter")


@contextlib.contextmanager
def loading(models):
    with engine() as made, serving(Desk(models, made, allow_loading=True)) as server:
        yield server


def of_the_store(folder, base):
    ref = {"ref": {"kind": "adapter", "digest": "3" * 64, "base": base}}
    (folder / "manifest.json").write_text(json.dumps(ref))


def test_an_adapter_is_loaded_and_unloaded_while_the_server_runs(fresh, folder, prompts, expected):
    with loading(fresh) as server, server.client() as client, server.http() as http:
        load = {"lora_name": TUNED, "lora_path": str(folder)}
        assert http.post("/v1/load_lora_adapter", json=load).status_code == 200
        found = client.chat.completions.create(model=TUNED, messages=prompts[0], max_tokens=40)
        assert found.choices[0].message.content == expected[TUNED][0].text
        found = client.chat.completions.create(model=BASE, messages=prompts[0], max_tokens=40)
        assert found.choices[0].message.content == expected[BASE][0].text
        assert http.post("/v1/load_lora_adapter", json=load).status_code == 400
        name = {"lora_name": TUNED}
        assert http.post("/v1/unload_lora_adapter", json=name).status_code == 200
        assert [model.id for model in client.models.list()] == [BASE]
        assert http.post("/v1/unload_lora_adapter", json=name).status_code == 404
        assert http.post("/v1/unload_lora_adapter", json={"lora_name": BASE}).status_code == 404


def test_loading_has_to_be_allowed_and_asked_for_by_a_program(running, fresh, folder):
    load = {"lora_name": "x", "lora_path": str(folder)}
    with running.http() as http:
        assert http.post("/v1/load_lora_adapter", json=load).status_code == 403
        assert http.post("/v1/unload_lora_adapter", json=load).status_code == 403
    with loading(fresh) as server, server.http() as http:
        reply = http.post(
            "/v1/load_lora_adapter",
            content=json.dumps(load),
            headers={"content-type": "text/plain"},
        )
        assert reply.status_code == 415
    assert fresh.names == [BASE]


def test_an_adapter_of_another_base_is_refused_with_both_names(fresh, folder):
    of_the_store(folder, OTHER)
    with pytest.raises(InputError, match=f"{OTHER}.*{DIGEST}, {BASE}"):
        fresh.load(TUNED, folder)
    of_the_store(folder, DIGEST)
    fresh.load(TUNED, folder)


def test_an_adapter_tells_its_base_in_its_configuration_too(fresh, folder):
    config = json.loads((folder / "adapter_config.json").read_text())
    assert trained_on(folder) == ""
    config["base_model_name_or_path"] = "somebody/else"
    (folder / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="somebody/else"):
        fresh.load(TUNED, folder)


def test_nothing_but_safetensors_is_read(fresh, folder):
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(InputError, match=r"adapter_model\.safetensors is missing"):
        fresh.load(TUNED, folder)


def test_an_adapter_shares_the_tensors_of_the_base(fresh, folder, loaded):
    fresh.load(TUNED, folder)
    held = {id(tensor) for tensor in fresh.find(TUNED).module.parameters()}
    assert {id(tensor) for tensor in loaded.model.parameters()} <= held
    fresh.load("again", folder)
    fresh.unload(TUNED)
    assert fresh.names == [BASE, "again"]
