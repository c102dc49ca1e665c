"""What `tunesmith deploy` says when it cannot; what it does is tested on a real server."""

import socket
from pathlib import Path

import pytest

from tunesmith.deploying import deploy
from tunesmith.errors import InputError, Transient
from tunesmith.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return Settings(home=tmp_path / "home")


def test_it_is_run_in_the_root_of_the_project(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="root of the project"):
        deploy(settings, tmp_path)


def test_a_file_without_deployments_is_refused(settings: Settings, tmp_path: Path) -> None:
    tmp_path.joinpath("deployments").mkdir()
    file = tmp_path / "deployments" / "prefect.yaml"
    for content in ("", "deployments", "deployments: [", "name: other"):
        file.write_text(content)
        with pytest.raises(InputError, match=r"prefect\.yaml"):
            deploy(settings, tmp_path)


def test_without_a_server_it_says_how_to_start_one(settings: Settings) -> None:
    with pytest.raises(Transient, match="tunesmith up"):
        deploy(settings, ROOT)


def test_a_server_that_does_not_answer_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as deaf:  # bound, but nobody listens
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/api"
        monkeypatch.setenv("PREFECT_API_URL", url)
        with pytest.raises(Transient, match=url):
            deploy(settings, ROOT)
