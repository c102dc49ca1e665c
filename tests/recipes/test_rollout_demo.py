"""The demo's rollouts: the tick promotes the better side and rolls the worse one back."""

import datetime
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.scripted_upstream import completion, serving
from tunesmith import recipe as recipes
from tunesmith import rollouts
from tunesmith.gateway.segments import FOLDER
from tunesmith.rollout import ledger
from tunesmith.rollout.ledger import Version
from tunesmith.settings import Settings

FILE = Path(__file__).parents[2] / "recipes/support_email/rollout.py"
GOOD, BAD = Version(version="2", model="good"), Version(version="1", model="bad")


@pytest.fixture(scope="module")
def demo():
    spec = importlib.util.spec_from_file_location("rollout_demo", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def gateway(tmp_path, demo):
    """A gateway before a model that is as good as its name."""
    with serving() as upstream:
        upstream.answer = lambda handler, body: handler.reply(completion(body["model"]))
        file = tmp_path / "gateway.yaml"
        routed = {"support-email": {"upstream": upstream.url, "serves": "bad"}}
        file.write_text(yaml.safe_dump({"models": routed}))
        port = demo._free_port()
        environment = {**os.environ, "TUNESMITH_HOME": str(tmp_path)}
        program = Path(sys.executable).with_name("tunesmith")
        server = subprocess.Popen(
            [program, "gateway", str(file), "--port", str(port)], env=environment
        )
        try:
            demo._wait(f"http://127.0.0.1:{port}/readyz", server, tmp_path / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # does not wait, as SIGTERM does
            server.wait()


@pytest.mark.parametrize(
    ("control", "treatment", "status"), [(BAD, GOOD, "done"), (GOOD, BAD, "rolled_back")]
)
def test_who_is_treatment_decides_what_becomes_of_it(
    demo, gateway, tmp_path, monkeypatch, capsys, control, treatment, status
):
    monkeypatch.setattr(demo.Users, "_of_use", lambda self, messages, answer: answer == "good")
    settings = Settings(home=tmp_path)
    recipe = recipes.load(FILE.parents[1] / "support_email.yaml")

    def tick(name):
        now = datetime.datetime.now(datetime.UTC)
        rollouts.tick(settings.database, tmp_path / FOLDER, name, now)

    # Whatever served before, it begins with the control that it shows.
    now = datetime.datetime.now(datetime.UTC)
    ledger.settle(settings.database, recipe.name, control, treatment, "ann", "", now)
    users = demo.Users(gateway, recipe, 1)
    found = demo.show(settings, recipe, control, treatment, users, tick)
    assert found.position.status == status
    told = capsys.readouterr().out
    if status == "rolled_back":
        assert "credibly worse: task completion" in told
