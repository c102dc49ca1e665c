"""Vectors are read from any shard and type, as they stand in the model."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tunesmith.training.token_vectors import WIDTH, TokenVectors

NAME = "model.embed_tokens.weight"
TABLE = torch.linspace(-2, 2, 7 * 4).reshape(7, 4)


def ids(*numbers):
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("name", [NAME, "transformer.wte.weight", "gpt_neox.embed_in.weight"])
def test_vectors_are_what_the_model_holds(tmp_path, kind, name):
    other = torch.zeros(3, 3, dtype=kind)
    save_file(
        {"a.weight": other, name: TABLE.to(kind), "z.weight": other.clone()},
        tmp_path / "model.safetensors",
    )
    vectors = TokenVectors(tmp_path)
    assert vectors.known
    found = vectors(ids(6, 0, 6))
    assert found.dtype == np.float32
    assert np.array_equal(found, TABLE.to(kind).float().numpy()[[6, 0, 6]])


def test_the_shard_that_holds_the_table_is_read(tmp_path):
    save_file({"lm_head.weight": TABLE + 9}, tmp_path / "model-1.safetensors")
    save_file({NAME: TABLE}, tmp_path / "model-2.safetensors")
    places = {"lm_head.weight": "model-1.safetensors", NAME: "model-2.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert np.array_equal(TokenVectors(tmp_path)(ids(3)), TABLE.numpy()[[3]])


def test_a_token_that_was_added_to_the_tokenizer_alone_has_no_direction(tmp_path):
    save_file({NAME: TABLE}, tmp_path / "model.safetensors")
    found = TokenVectors(tmp_path)(ids(7, 1, 99))
    assert not found[[0, 2]].any()
    assert np.array_equal(found[1], TABLE.numpy()[1])


def test_wide_vectors_are_projected_and_keep_their_angles(tmp_path):
    wide = torch.randn(50, 2 * WIDTH, generator=torch.Generator().manual_seed(1))
    wide[1] = wide[0] + wide[2]
    save_file({NAME: wide}, tmp_path / "model.safetensors")
    found = TokenVectors(tmp_path)(np.arange(50))
    assert found.shape == (50, WIDTH)

    def cosines(rows):
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return rows @ rows.T

    assert np.abs(cosines(found) - cosines(wide.numpy())).max() < 0.15
    assert np.array_equal(found, TokenVectors(tmp_path)(np.arange(50)))


def test_a_folder_with_no_weights_has_no_table(tmp_path):
    assert not TokenVectors(tmp_path).known


@pytest.mark.parametrize(
    "tensors",
    [
        {"lm_head.weight": TABLE},
        {NAME: TABLE.reshape(-1)},
        {NAME: torch.zeros(7, 4, dtype=torch.int8)},
    ],
)
def test_without_a_table_of_numbers_nothing_is_known(tmp_path, tensors):
    save_file(tensors, tmp_path / "model.safetensors")
    vectors = TokenVectors(tmp_path)
    assert not vectors.known
    with pytest.raises(ValueError, match="no table"):
        vectors(ids(1))
