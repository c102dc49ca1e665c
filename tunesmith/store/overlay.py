"""A store over another one: reads both, writes only its own.

For builds that are thrown away, such as those of a change that somebody only considers.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tunesmith.artifacts import Ref
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.store import MANIFEST, Store
from tunesmith.store.files import TEMPORARY, owned_name, private_folder


class Overlay(Store):
    """Builds what the store below has not.

    Args:
        below: A store; it is read, and keeps what it fetches from elsewhere, but gets nothing.
        folder: Where artifacts and records of this one go.
    """

    def __init__(self, below: Store, folder: Path) -> None:
        super().__init__(str(folder), engine=below.engine)
        self._below = below

    def build(self, stage: Stage[P, Out, *Ins], params: P, *inputs: *Ins) -> Out:
        """Return the stage's artifact from either store, or build it here."""
        found = self._below.find(stage, params, *inputs)
        return found or super().build(stage, params, *inputs)

    def find(self, stage: Stage[P, Out, *Ins], params: P, *inputs: *Ins) -> Out | None:
        """Return the stage's artifact if either store has it intact; builds nothing."""
        return super().find(stage, params, *inputs) or self._below.find(stage, params, *inputs)

    def manifest(self, ref: Ref) -> dict[str, Any]:
        """Return an artifact's manifest.

        Raises:
            MissingArtifact: when neither store has one, or it is damaged.
        """
        return super().manifest(ref) if self._has(ref) else self._below.manifest(ref)

    def path(self, ref: Ref) -> Path:
        """Return a local folder with an artifact's files.

        Raises:
            MissingArtifact: when a file is missing or altered.
        """
        return super().path(ref) if self._has(ref) else self._below.path(ref)

    def _has(self, ref: Ref) -> bool:
        return MANIFEST in self.storage.sizes(f"{ref.kind}/{ref.digest}")


@contextlib.contextmanager
def over(below: Store) -> Iterator[Overlay]:
    """Lay a store over another one for the block; nothing of it is left afterwards.

    It lies among the temporary files of the store below, where `gc` finds it after a kill.
    """
    folder = below.scratch / TEMPORARY / owned_name()
    private_folder(folder)
    try:
        yield Overlay(below, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
