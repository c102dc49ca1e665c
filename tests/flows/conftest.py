"""A temporary Prefect server for the session, and a small project to retrain in."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.projects import Project

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server on an empty database; its start, some ten seconds, is most of what it costs."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_HOME,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    # Without heartbeats a flow run is a second shorter.
    changed = {
        PREFECT_HOME: str(tmp_path_factory.mktemp("prefect")),
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with temporary_settings(changed), prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def new_project(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """Make a project with the tiny recipe, and nothing built yet."""

    def make() -> Project:
        root = tmp_path_factory.mktemp("project")
        shutil.copy(RECIPES / "tiny.yaml", root)
        shutil.copytree(RECIPES / "tiny", root / "tiny", ignore=shutil.ignore_patterns("base"))
        shutil.copytree(tiny_base, root / "tiny" / "base")
        return Project(root / "tiny.yaml", root / "home")

    return make
