"""The models that are served by name: a base, and adapters that share its weights.

An adapter is put on a copy of the base that has modules of its own and the base's very tensors, in
the same way as `evaluate` does it. So it comes and goes beside running answers, and costs the
memory of its own weights.
"""

import copy
import json
import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.errors import InputError
from tunesmith.evaluation.generation.loaded import LoadedModel
from tunesmith.serving.answers import Answer
from tunesmith.serving.rows import Rows, open_rows
from tunesmith.training.loading import ADAPTER_CONFIG, check_adapter, load_adapter

if TYPE_CHECKING:
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

TOGETHER = 32
"""Answers of one model that are computed together."""
_MANIFEST = "manifest.json"


@dataclass(eq=False)
class Model:
    """A model that answers, and the answers that it is at.

    Attributes:
        name: What clients call it.
        base: The base, with its tokenizer.
        module: What computes.
        folder: Of its adapter; None for the base itself.
    """

    name: str
    base: LoadedModel
    module: "PreTrainedModel"
    folder: Path | None = None
    answers: list[Answer] = field(default_factory=list)
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = open_rows(self.module, TOGETHER)

    @property
    def free(self) -> int:
        """How many more answers it can be at."""
        return TOGETHER - len(self.answers)

    def leave(self, places: Sequence[int]) -> None:
        """Let the answers in these places go; given in ascending order."""
        for at in reversed(places):
            self.rows.leave(at)
            last = self.answers.pop()
            if at < len(self.answers):
                self.answers[at] = last

    def renew(self) -> list[Answer]:
        """Begin anew after a failure, and return the answers that are lost."""
        lost, self.answers = self.answers, []
        self.rows = open_rows(self.module, TOGETHER)
        return lost


class Models:
    """The models that are served now.

    Args:
        base: The base, loaded without an adapter.
        name: What clients call it.
        known_as: Names that an adapter may have its base by, such as its digest.
    """

    def __init__(self, base: LoadedModel, name: str, known_as: Collection[str] = ()) -> None:
        self._base = base
        self._known_as = frozenset({name, *known_as})
        self._models = {name: Model(name, base, base.model)}
        self._loading = threading.Lock()
        self.base_name = name

    @property
    def names(self) -> list[str]:
        """What can be asked for, the base first."""
        return list(self._models)

    def find(self, name: str) -> Model | None:
        """Return the model of a name."""
        return self._models.get(name)

    def load(self, name: str, adapter_dir: Path) -> None:
        """Serve an adapter under a name, from now on.

        Raises:
            InputError: it is not a LoRA adapter in safetensors, was trained on another base, or
                the name is taken.
        """
        check_adapter(adapter_dir)
        self._check_base(adapter_dir)
        with self._loading:
            if name in self._models:
                raise InputError(f"{name} is served already; unload it first, or take another name")
            model = load_adapter(self._shared(), adapter_dir).eval()
            self._models[name] = Model(name, self._base, model, adapter_dir)
        logger.info("%s is served, from %s", name, adapter_dir)

    def unload(self, name: str) -> None:
        """Serve it no longer; answers that it is at end first.

        Raises:
            InputError: no adapter of this name is served.
        """
        with self._loading:
            if name == self.base_name or name not in self._models:
                known = ", ".join(self.names[1:]) or "none"
                raise InputError(f"{name} is no adapter that is served; expected one of: {known}")
            del self._models[name]
        logger.info("%s is served no longer", name)

    def _shared(self) -> "PreTrainedModel":
        """Return a copy of the base with the same tensors."""
        base = self._base.model
        same = {id(tensor): tensor for tensor in (*base.parameters(), *base.buffers())}
        return copy.deepcopy(base, same)

    def _check_base(self, adapter_dir: Path) -> None:
        told = trained_on(adapter_dir)
        if told and told not in self._known_as:
            ours = ", ".join(sorted(self._known_as))
            raise InputError(
                f"{adapter_dir}: the adapter was trained on the base {told}, and fits no other; "
                f"served is {ours}"
            )


def trained_on(adapter_dir: Path) -> str:
    """Return which base an adapter says it was trained on; empty if it says nothing.

    An adapter of the store tells the base's digest in its manifest, others tell a name in their
    configuration. Where nothing is told, whether the weights fit decides alone.
    """
    told: object = None
    if (adapter_dir / _MANIFEST).is_file():
        manifest = _read(adapter_dir / _MANIFEST)
        told = manifest.get("ref", {}).get("base")
    if not told:
        told = _read(adapter_dir / ADAPTER_CONFIG).get("base_model_name_or_path")
    return told if isinstance(told, str) else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    return content if isinstance(content, dict) else {}
