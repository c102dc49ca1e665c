"""A base model in the store: its files, and a digest that changes with any of them."""

import pytest

from tunesmith.data.source_files import gather
from tunesmith.errors import InputError
from tunesmith.stages.base import STAGE, BaseParams

PARAMS = BaseParams(model="some/model")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "sub" / "weights.safetensors").write_bytes(b"w" * 100)
    return tmp_path / "model"


def found(folder):
    return gather(["config.json", "sub/weights.safetensors"], folder)


def test_the_files_lie_in_the_store_as_they_were(store, folder):
    ref = store.build(STAGE, PARAMS, found(folder))
    at = store.path(ref)
    assert (at / "sub" / "weights.safetensors").read_bytes() == b"w" * 100
    assert store.manifest(ref)["files"].keys() == {"config.json", "sub/weights.safetensors"}
    assert ref.model == "some/model"


def test_another_file_under_the_same_name_is_another_model(store, folder):
    first = store.build(STAGE, PARAMS, found(folder))
    (folder / "config.json").write_text('{"a": 1}')
    assert store.build(STAGE, PARAMS, found(folder)).digest != first.digest


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_a_model_that_changes_while_it_is_brought_in_is_refused(store, folder, change):
    files = found(folder)
    path = folder / "sub" / "weights.safetensors"
    path.unlink() if change == "delete" else path.write_bytes(b"v" * 100)
    with pytest.raises(InputError, match="weights.safetensors"):
        store.build(STAGE, PARAMS, files)
    assert list(store.all_records()) == []


@pytest.mark.parametrize("revision", ["main", "v1.0", "abc", "A" * 40, "a" * 41])
def test_a_revision_is_something_that_cannot_change(revision):
    with pytest.raises(ValueError, match="revision"):
        BaseParams(model="m", revision=revision)
    assert BaseParams(model="m", revision="a" * 40).revision
