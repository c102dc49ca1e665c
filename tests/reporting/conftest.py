"""Retrains that end in each way, made once."""

import pytest

from tests.reporting.made_retrain import INCONCLUSIVE, REJECTED, Made, make
from tunesmith.store import Store


def _made(factory: pytest.TempPathFactory, name: str, **changes: object) -> Made:
    return make(Store(str(factory.mktemp(name))), **changes)


@pytest.fixture(scope="session")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _made(tmp_path_factory, "promoted")


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _made(tmp_path_factory, "unchanged", outcome="unchanged")


@pytest.fixture(scope="session")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _made(tmp_path_factory, "rejected", outcome="reject", right=REJECTED)


@pytest.fixture(scope="session")
def unsettled(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _made(tmp_path_factory, "unsettled", outcome="inconclusive", right=INCONCLUSIVE)


@pytest.fixture(scope="session")
def unfit(tmp_path_factory: pytest.TempPathFactory) -> Made:
    found = "2 of 8 answers end by a stop token"
    return _made(tmp_path_factory, "unfit", outcome="reject", unfit=found)
