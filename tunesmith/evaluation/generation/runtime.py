"""Which library answers.

Two runtimes round differently, and in bfloat16 a near tie then turns: some answers of the same
model differ. So the runtime stands in the artifact and its record beside the precision, what one
runtime left unfinished is not finished by the other, and answers of two are not compared.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal

from tunesmith.artifacts import Predictions, Probes
from tunesmith.errors import RecipeError, Unready
from tunesmith.training.device import Device

Runtime = Literal["transformers", "vllm"]


def choose_runtime(device: Device, wanted: Runtime | None = None) -> Runtime:
    """Return vLLM on a GPU where it is installed, else transformers, unless one is asked for.

    Raises:
        RecipeError: vLLM is asked for and cannot be had here.
    """
    missing = _missing(device)
    if wanted == "vllm" and missing:
        raise RecipeError(
            f"predict.runtime: found vllm, but here {missing}; run on a machine that has it, or "
            "take the key out to answer with what a machine has"
        )
    return wanted or ("transformers" if missing else "vllm")


def check_same_runtime(answers: Mapping[str, Predictions | Probes]) -> None:
    """Refuse to compare models that were answered for in different ways.

    Answers may come from the store, where another machine put them.

    Args:
        answers: By "who where", as in "base test".

    Raises:
        Unready: those on one set came from different runtimes, or in different precisions.
    """
    for where in dict.fromkeys(name.partition(" ")[2] for name in answers):
        found = {
            name: made.answered_by
            for name, made in answers.items()
            if name.partition(" ")[2] == where and made.answered_by
        }
        if len(set(found.values())) > 1:
            told = "; ".join(f"{name} by {by}" for name, by in found.items())
            raise Unready(
                f"answers that were made in different ways do not compare: {told}. Have all "
                "answered in the way of this machine: run the same command with --rebuild STAGE "
                "for the stages that answer (predict, probe, examine); or say in the recipe which "
                "it is: predict: {runtime: ..., precision: ...}"
            )


def _missing(device: Device) -> str:
    if device.kind != "cuda":
        return f"is no GPU ({device.name})"
    if find_spec("vllm") is None:
        return "it is not installed (`pip install 'tunesmith[vllm]'`)"
    return ""
