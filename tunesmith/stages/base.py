"""Bring a base model into the store: weights, tokenizer and chat template.

Reads the files of a resolved model folder, writes a `Base`. Its digest is part of every later
key, so a model that changes under the same name is a different model.
"""

from pydantic import Field

from tunesmith.artifacts import Base, Files
from tunesmith.data.source_files import copy
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft


class BaseParams(Params):
    """Which base model."""

    model: str = Field(
        min_length=1, description="Hub name such as HuggingFaceTB/SmolLM2-135M-Instruct, or folder."
    )
    revision: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{40}$|^[0-9a-f]{64}$",
        description="Commit of the hub, or sha256 of the source: something that cannot change.",
    )


def _write(params: BaseParams, draft: Draft, files: Files) -> Base:
    folder = draft.scratch()
    copy(files, folder)
    return draft.seal_files(Base, folder, model=params.model)


STAGE = Stage("base", version=1, produces=Base, body=_write)
