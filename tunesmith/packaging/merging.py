"""One model folder from a base and an adapter, for servers that load no adapters.

W + alpha / r * B A is computed in float32 and stored in the number format of the base's own
weights (Hu et al., https://arxiv.org/abs/2106.09685, section 4.1). Beside the weights stand the
base's tokenizer and chat template, untouched, and a `generation_config.json` whose end tokens are
those that training taught.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tunesmith.packaging.serving import DRAWING, GENERATION_CONFIG
from tunesmith.training.loading import load_adapter, load_base, load_tokenizer, quiet
from tunesmith.training.model_folder import PATTERNS, read_header
from tunesmith.training.template import end_ids

_WEIGHTS = "model*.safetensors*"


def merge(base_dir: Path, adapter_dir: Path, target: Path) -> None:
    """Write the merged model to an empty folder.

    Raises:
        InputError: one of the folders is damaged, or the two do not fit.
    """
    import torch

    model = load_adapter(load_base(base_dir, torch.float32), adapter_dir)
    merged = model.merge_and_unload(safe_merge=True).to(getattr(torch, stored_dtype(base_dir)))
    with quiet():
        merged.save_pretrained(target, safe_serialization=True)
    for name in _described(base_dir):
        shutil.copyfile(base_dir / name, target / name)
    write_generation_config(base_dir, target)


def _described(folder: Path) -> Iterable[str]:
    """Return the files of a model that are neither weights nor what follows from them."""
    weights = {path.name for path in folder.glob(_WEIGHTS)}
    names = {path.name for pattern in PATTERNS for path in folder.glob(pattern)}
    return sorted(names - weights - {"config.json", GENERATION_CONFIG})


def write_generation_config(base_dir: Path, target: Path) -> None:
    """Tell servers which tokens end an answer, and that nothing is drawn unless they are asked to.

    Whatever else the base's file says stays, but for how it draws.
    """
    path = base_dir / GENERATION_CONFIG
    told = json.loads(path.read_bytes()) if path.is_file() else {}
    for drawing in DRAWING:
        told.pop(drawing, None)
    told["eos_token_id"] = sorted(end_ids(load_tokenizer(base_dir)))
    (target / GENERATION_CONFIG).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")


def stored_dtype(folder: Path) -> str:
    """Return torch's name of the number format of most weights of a model folder."""
    names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
    counts: Counter[str] = Counter()
    for path in sorted(folder.glob("model*.safetensors")):
        counts.update(tensor["dtype"] for tensor in read_header(path).values())
    known = [names[name] for name, _ in counts.most_common() if name in names]
    return known[0] if known else "float32"
