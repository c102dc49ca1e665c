"""What a stage is: a named, versioned function from parameters and artifacts to an artifact."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts import Ref
from tunesmith.canonical import canonical, digest

if TYPE_CHECKING:
    from tunesmith.store.draft import Draft


class Params(BaseModel):
    """Base of every stage's parameters: frozen, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


P = TypeVar("P", bound=Params)
Out = TypeVar("Out", bound=Ref)
Ins = TypeVarTuple("Ins")


@dataclass(frozen=True)
class Stage(Generic[P, Out, *Ins]):
    """A stage.

    `body` builds the artifact in the draft it is given. Raise `version` when its meaning
    changes, so that older artifacts are no longer taken for it. A stage is `repeatable` when the
    same key always gives the same digest; a lost artifact of any other is not rebuilt unasked.
    """

    name: str
    version: int
    produces: type[Out]
    body: Callable[[P, "Draft", *Ins], Out]
    repeatable: bool = True

    def identity(self, params: P, *inputs: *Ins) -> dict[str, Any]:
        """Return what the key is taken over: stage, version, parameters, input digests.

        Raises:
            TypeError: when a parameter has no stable form, such as a set.
        """
        plain: Any = json.loads(canonical(params.model_dump()))
        return {
            "stage": self.name,
            "version": self.version,
            "params": plain,
            "inputs": [_digests(value) for value in inputs],
        }

    def key(self, params: P, *inputs: *Ins) -> str:
        """Return the key under which the record of this build stands."""
        return digest(self.identity(params, *inputs))


def _digests(value: object) -> Any:
    if value is None:
        return None
    if isinstance(value, Ref):
        return {"kind": value.kind, "digest": value.digest}
    if isinstance(value, tuple | list):
        return [_digests(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _digests(item) for name, item in value.items()}
    raise TypeError(f"a stage's input is an artifact reference, not a {type(value).__name__}")
