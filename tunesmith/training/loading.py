"""Load a base model, its tokenizer and an adapter, and refuse what would load only in part.

Only safetensors are read, and no code that a model folder brings is run.
"""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.errors import InputError
from tunesmith.training.model_folder import read_header

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def load_tokenizer(model_dir: Path) -> "PreTrainedTokenizerBase":
    """Load the tokenizer of a model folder; a missing pad token becomes the end token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        model_dir, local_files_only=True, trust_remote_code=False
    )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # masked wherever it pads, so it teaches nothing
    return tokenizer


def load_base(model_dir: Path, dtype: "torch.dtype") -> "PreTrainedModel":
    """Load the weights of a model folder on the CPU.

    Raises:
        InputError: weights that the architecture needs are not in the folder. Transformers only
            warns and fills them with random numbers.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with quiet():
            model, report = AutoModelForCausalLM.from_pretrained(
                model_dir,
                dtype=dtype,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except SafetensorError as error:
        raise InputError(f"{model_dir}: the weights cannot be read: {error}") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{model_dir}: not a causal language model: {error}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"{model_dir}: {len(missing)} weights are missing, the first is {missing[0]}; copy all"
            " *.safetensors of the model to the folder"
        )
    return model


def load_adapter(model: "PreTrainedModel", adapter_dir: Path) -> "PreTrainedModel":
    """Put a LoRA adapter on a base model, in the base's number format.

    The caller has compared the digest of the base with the one that the adapter was trained on:
    the weights of another model of the same shape would fit and be wrong.

    Raises:
        InputError: the folder is not an adapter, or it was made for another architecture.
    """
    from peft import PeftModel, get_peft_model_state_dict

    check_adapter(adapter_dir)
    held = set(read_header(adapter_dir / ADAPTER_WEIGHTS))
    try:
        with quiet(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Found missing adapter keys")  # told better below
            adapted = PeftModel.from_pretrained(model, adapter_dir, autocast_adapter_dtype=False)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{adapter_dir}: does not fit the base model: {error}") from error
    expected = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if held != expected:
        raise InputError(
            f"{adapter_dir}: does not fit the base model: {len(expected - held)} weights are"
            f" missing and {len(held - expected)} have no place, such as"
            f" {min(held ^ expected)}; use the base that it was trained on"
        )
    for name, parameter in adapted.named_parameters():
        # Only what the adapter brought: `.to` would also round the base's buffers, such as the
        # angles of rotary positions, which stand in 32 bits whatever the weights do.
        if adapted.base_model.prefix in name:
            parameter.data = parameter.data.to(model.dtype)
    return adapted


def check_adapter(adapter_dir: Path) -> None:
    """Refuse a folder that is not a LoRA adapter in safetensors, before torch is imported."""
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (adapter_dir / name).is_file():
            raise InputError(
                f"{adapter_dir}: {name} is missing; expected a LoRA adapter as `tunesmith run`"
                " stores it"
            )
    try:
        config = json.loads((adapter_dir / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{adapter_dir / ADAPTER_CONFIG}: not JSON: {error}") from error
    kind = config.get("peft_type") if isinstance(config, dict) else None
    if kind != "LORA":
        raise InputError(f"{adapter_dir / ADAPTER_CONFIG}: peft_type is {kind!r}; expected 'LORA'")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from drawing progress bars (ours go through callbacks).

    Also silences PEFT asking transformers for a property by its old name, which the person at
    the keyboard can do nothing about.
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # the hub's bars too
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
