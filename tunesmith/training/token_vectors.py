"""Read the vectors that a model begins with: one for each token, from its input embeddings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunesmith.training.model_folder import WEIGHTS, WEIGHTS_INDEX, read_header

WIDTH = 1_024
"""Most numbers of a vector; wider ones are projected, which bounds the memory."""

# As the architectures of transformers name the table.
_NAMES = (
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
)
_TYPES: dict[str, np.dtype[Any]] = {
    "BF16": np.dtype("<u2"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
}
_BLOCK = 4_096


class TokenVectors:
    """The input embeddings of a model, read a few at a time.

    Args:
        folder: The folder of the model, as `model_folder.check_folder` passes it.
    """

    def __init__(self, folder: Path) -> None:
        self._table, self._kind = _find(folder)

    @property
    def known(self) -> bool:
        """Whether there is a table, in a form that can be read: bf16, f16 or f32."""
        return self._table is not None

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of tokens, one a row; zeros for a token that is not in the table.

        Vectors of more than `WIDTH` numbers are projected to so many, at random with a fixed seed
        (Johnson and Lindenstrauss, 1984): a cosine then moves by about 0.03.

        Raises:
            ValueError: when there is no table.
        """
        if self._table is None:
            raise ValueError("no table of token vectors was found")
        rows, width = self._table.shape
        found = np.zeros((len(tokens), min(width, WIDTH)), np.float32)
        project = None
        if width > WIDTH:
            project = np.random.default_rng(0).standard_normal((width, WIDTH), np.float32)
        for start in range(0, len(tokens), _BLOCK):
            block = tokens[start : start + _BLOCK]
            inside = np.flatnonzero(block < rows)
            values = _numbers(self._table[block[inside]], self._kind)
            found[start + inside] = values if project is None else values @ project
        return found


def _numbers(raw: NDArray[Any], kind: str) -> NDArray[np.float32]:
    if kind == "BF16":  # the upper half of a float32
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32)


def _find(folder: Path) -> tuple[NDArray[Any] | None, str]:
    """Return the table, mapped into memory, and the type of its numbers."""
    shards = [folder / WEIGHTS]
    if (folder / WEIGHTS_INDEX).is_file():
        places = json.loads((folder / WEIGHTS_INDEX).read_bytes())["weight_map"]
        shards = [folder / place for name, place in sorted(places.items()) if name.endswith(_NAMES)]
    for shard in filter(Path.is_file, shards):
        for name, spot in sorted(read_header(shard).items()):
            kind, shape = spot["dtype"], spot["shape"]
            if name.endswith(_NAMES) and kind in _TYPES and len(shape) == 2:
                with shard.open("rb") as file:
                    header = int.from_bytes(file.read(8), "little")
                start = 8 + header + spot["data_offsets"][0]
                return np.memmap(shard, _TYPES[kind], "r", start, tuple(shape)), kind
    return None, ""
