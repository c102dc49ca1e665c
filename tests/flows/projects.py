"""A small project to retrain in."""

from dataclasses import dataclass
from pathlib import Path

from tunesmith.settings import Settings


@dataclass(frozen=True)
class Project:
    """A recipe, and the environment that keeps everything made from it in one folder."""

    recipe: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"TUNESMITH_HOME": str(self.home), "HF_HUB_OFFLINE": "1"}

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)
