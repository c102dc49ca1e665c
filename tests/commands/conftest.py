"""What tests of several commands share."""

import pytest

from tests.made_release import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One MLflow and one database; each test has models of its own in it."""
    return World(tmp_path_factory.mktemp("world"))
