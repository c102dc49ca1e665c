"""Where a process runs: from the environment, read anew when it changes."""

import json
import os
from pathlib import Path

import pytest

from tunesmith import settings
from tunesmith.errors import RecipeError
from tunesmith.processes import started


def test_without_any_setting_everything_is_in_one_folder_here(settings_of, tmp_path):
    found = settings_of()
    home = tmp_path / ".tunesmith"
    assert found.home == home
    assert found.store_location == str(home / "store")
    assert found.database == f"sqlite:///{home}/tunesmith.db"
    assert found.mlflow == f"sqlite:///{home}/mlflow.db"
    assert found.mlflow_artifacts == home / "mlflow-artifacts"
    assert not home.exists()


def test_an_existing_folder_further_up_is_the_home(settings_of, tmp_path, monkeypatch):
    (tmp_path / ".tunesmith").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert settings.load().home == tmp_path / ".tunesmith"


def test_each_place_can_be_set_and_a_relative_home_is_of_this_folder(settings_of, tmp_path):
    found = settings_of(TUNESMITH_HOME="there")
    assert found.store_location == str(tmp_path / "there" / "store")
    assert found.store().storage.local == tmp_path / "there" / "store"
    found = settings_of(
        TUNESMITH_STORE="s3://b/x", TUNESMITH_DATABASE="postgresql://h/d",
        TUNESMITH_MLFLOW="http://m", TUNESMITH_CACHE="/cache",
    )  # fmt: skip
    assert (found.store_location, found.database, found.mlflow, found.cache) == (
        "s3://b/x", "postgresql://h/d", "http://m", Path("/cache"),
    )  # fmt: skip
    assert found.mlflow_artifacts is None  # its server says where they go


def test_a_store_elsewhere_gets_a_scratch_folder_at_home(settings_of, s3, tmp_path):
    store = settings_of(TUNESMITH_STORE=s3, TUNESMITH_REBUILD='["train"]').store()
    assert (store.storage.local, store._local) == (None, tmp_path / ".tunesmith" / "scratch")
    assert store.rebuild == {"train"}


def test_a_change_of_the_environment_or_the_folder_is_seen(settings_of, monkeypatch, tmp_path):
    assert settings_of(TUNESMITH_STORE="one").store_location == "one"
    assert settings.load() is settings.load()
    monkeypatch.setenv("TUNESMITH_STORE", "other")
    assert settings.load().store_location == "other"
    (tmp_path / "sub").mkdir()
    monkeypatch.delenv("TUNESMITH_STORE")
    monkeypatch.chdir(tmp_path / "sub")
    assert settings.load().home == tmp_path / "sub" / ".tunesmith"


@pytest.mark.parametrize("value", ["train", '{"a": 1}', "[1", '"train"', '["trian"]'])
def test_a_setting_that_is_wrong_is_named(settings_of, value):
    with pytest.raises(RecipeError, match="TUNESMITH_\\* settings are wrong: .*rebuild"):
        settings_of(TUNESMITH_REBUILD=value)


def test_a_home_that_can_be_no_folder_is_named(settings_of, tmp_path):
    (tmp_path / "file").touch()
    for wrong in ("file", "file/below"):
        with pytest.raises(RecipeError, match=f"TUNESMITH_HOME={wrong} can be no folder"):
            settings_of(TUNESMITH_HOME=wrong)
    assert not settings_of(TUNESMITH_HOME="a/b").home.exists()


def test_where_all_is_elsewhere_no_home_is_needed(settings_of, monkeypatch):
    """A worker whose folder nobody may write to takes a candidate back as any other."""
    monkeypatch.setattr(settings.os, "access", lambda path, mode: mode == os.F_OK)
    assert settings_of(TUNESMITH_DATABASE="sqlite:///t.db").database == "sqlite:///t.db"
    with pytest.raises(RecipeError, match="TUNESMITH_HOME=a can be no folder"):
        settings_of(TUNESMITH_HOME="a")


def test_servers_that_run_are_used_and_those_that_ended_are_not(settings_of, tmp_path):
    found = settings_of()
    assert found.servers == {}
    (tmp_path / ".tunesmith").mkdir()
    me = {"url": "http://127.0.0.1:1", "pid": os.getpid(), "started": started(os.getpid())}
    ended = {**me, "url": "http://127.0.0.1:2", "started": me["started"] - 3600}
    servers = tmp_path / ".tunesmith" / settings.SERVERS
    servers.write_text(json.dumps({"mlflow": me, "prefect": ended}))
    assert found.servers == {"mlflow": me}
    assert found.mlflow == me["url"]
    servers.write_text(json.dumps({"mlflow": ended}))
    assert found.mlflow.startswith("sqlite:")


def test_stages_do_not_know_the_settings():
    # Nothing that says where a process runs can become part of what is built.
    import subprocess
    import sys

    code = "import sys, tunesmith.pipeline; print('tunesmith.settings' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "False\n"
