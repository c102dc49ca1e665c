"""What makes a folder a model, and how to tell that it is whole without loading it."""

import json
from pathlib import Path
from typing import Any

from tunesmith.errors import InputError

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
PATTERNS = (
    CONFIG,
    "generation_config.json",
    "model*.safetensors",
    WEIGHTS_INDEX,
    TOKENIZER,
    TOKENIZER_CONFIG,
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    TEMPLATE,
)
"""The files that make a model. Pickles, code and weights in other formats stay where they are."""

MAX_HEADER = 100 << 20
"""Most bytes of a safetensors header, as the format's reference implementation has it."""


def check_folder(folder: Path) -> list[str]:
    """Return the names of the files that make the model in a folder, in order.

    Raises:
        InputError: a file is missing, is not what it claims or is shorter than its own header
            says, or the model needs code of its own.
    """
    config = _json_object(folder / CONFIG, "the architecture; copy it from the model's source")
    tokenizer = _json_object(
        folder / TOKENIZER_CONFIG, "the tokenizer's settings; copy it from the model's source"
    )
    _json_object(
        folder / TOKENIZER,
        "the tokenizer; AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes it",
    )
    for name, content in ((CONFIG, config), (TOKENIZER_CONFIG, tokenizer)):
        if "auto_map" in content:
            raise InputError(
                f"{folder / name}: auto_map asks to run Python code from the model's folder, which"
                " is never done; use a model of an architecture that transformers knows"
            )
    if "model_type" not in config:
        raise InputError(
            f"{folder / CONFIG}: model_type is missing; expected the configuration of a"
            " transformers model, not of an adapter"
        )
    if "chat_template" not in tokenizer and not (folder / TEMPLATE).is_file():
        raise InputError(
            f"{folder}: neither {TEMPLATE} nor chat_template in {TOKENIZER_CONFIG}; without it"
            " nobody knows how a chat becomes text. Use the instruct version of the model, or add"
            " the template it was trained with"
        )
    _check_weights(folder)
    return sorted({path.name for pattern in PATTERNS for path in folder.glob(pattern)})


def _json_object(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path.parent}: {path.name} is missing; it holds {what}") from None
    except ValueError as error:
        raise InputError(
            f"{path}: not JSON ({error}); copy the file anew from the model's source"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: found a JSON {type(content).__name__}; expected an object")
    return content


def _check_weights(folder: Path) -> None:
    if (folder / WEIGHTS_INDEX).is_file():
        index = _json_object(folder / WEIGHTS_INDEX, "the shards of the weights")
        places = index.get("weight_map")
        if not isinstance(places, dict) or not all(map(_is_file_name, places.values())):
            raise InputError(
                f"{folder / WEIGHTS_INDEX}: weight_map is missing or names files outside the"
                " folder; copy the file anew from the model's source"
            )
        for shard in sorted(set(places.values())):
            held = read_header(folder / shard)
            lacking = [
                name for name, place in places.items() if place == shard and name not in held
            ]
            if lacking:
                raise InputError(
                    f"{folder / shard}: {lacking[0]} is missing, which {WEIGHTS_INDEX} places"
                    " there; copy both anew from the model's source"
                )
    elif (folder / WEIGHTS).is_file():
        read_header(folder / WEIGHTS)
    else:
        _refuse_without_weights(folder)


def _is_file_name(value: object) -> bool:
    return isinstance(value, str) and value.endswith(".safetensors") and Path(value).name == value


def _refuse_without_weights(folder: Path) -> None:
    pickles = sorted(
        path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)
    )
    if pickles:
        raise InputError(
            f"{folder}: the weights are the pickle {pickles[0]}, and loading a pickle can run any"
            f" code; expected {WEIGHTS}. If you trust the file, convert it once, with"
            " AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)"
        )
    raise InputError(
        f"{folder}: no {WEIGHTS} and no {WEIGHTS_INDEX}; copy the weights to the folder"
    )


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Return dtype, shape and place of each tensor of a safetensors file.

    The format: eight bytes, the header's length as a little-endian integer; the header, JSON that
    gives each tensor's place; then the data, without a gap.
    https://github.com/huggingface/safetensors#format

    Raises:
        InputError: the file has no such header, or is not as long as the header promises.
    """
    remedy = "the file is damaged or was not copied to its end; copy it anew from its source"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= min(MAX_HEADER, size - 8):
                raise InputError(f"{path}: {size} bytes without a safetensors header; {remedy}")
            header: dict[str, dict[str, Any]] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        promised = (
            8 + length + max((spot["data_offsets"][1] for spot in header.values()), default=0)
        )
    except FileNotFoundError:
        raise InputError(f"{path.parent}: {path.name} is missing; {remedy}") from None
    except (ValueError, AttributeError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"{path}: the safetensors header cannot be read; {remedy}") from error
    if size != promised:
        raise InputError(f"{path}: {size} bytes, but its header promises {promised}; {remedy}")
    return header
