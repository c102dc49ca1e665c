"""Keys: what opens the door, what never may, and how often."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.gateway.conftest import gateway
from tunesmith.cli import main
from tunesmith.errors import RecipeError
from tunesmith.gateway import rates
from tunesmith.gateway.config import GatewayParams, load
from tunesmith.gateway.keys import EXAMPLE, Keys, digest_of, is_published, new_key
from tunesmith.gateway.rates import Rates

ROOT = Path(__file__).parents[2]
SHAPE = re.compile(r"tsk_[0-9a-f]{8}_[A-Za-z0-9_-]{16,}")
FILE = "models: {tiny: {upstream: 'http://127.0.0.1:9/v1', serves: m}}\n"


def test_every_key_that_this_project_shows_is_refused():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    shown = set()
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".txt", ".html"}:
            shown.update(SHAPE.findall(path.read_text("utf-8")) if path.is_file() else ())
    assert EXAMPLE in shown
    assert [key for key in shown if not is_published(digest_of(key))] == []


def test_the_shape_that_is_looked_for_is_that_of_keys():
    assert all(SHAPE.fullmatch(new_key("shop")[0]) for _ in range(50))


def test_a_gateway_with_an_example_key_does_not_start(tmp_path):
    file = tmp_path / "g.yaml"
    digest = digest_of(EXAMPLE)
    file.write_text(FILE + f'keys: [{{id: "0badcafe", name: shop, digest: "{digest}"}}]\n')
    with pytest.raises(RecipeError, match=r"keys.0.digest.*example key.*gateway key NAME"):
        load(file)


def test_two_keys_of_one_id_are_told():
    key = {"id": "0badcafe", "name": "shop", "digest": "0" * 64}
    with pytest.raises(ValueError, match="0badcafe: expected each id once"):
        GatewayParams.model_validate({**yaml.safe_load(FILE), "keys": [key, key]})


def test_the_command_makes_a_key_that_opens_the_door_as_it_is_pasted(tmp_path):
    printed = (
        CliRunner()
        .invoke(
            main,
            ["gateway", "key", 'the: shop\'s "é"', "--per-minute", "7"],
            catch_exceptions=False,
        )
        .output
    )
    (line,) = [line for line in printed.splitlines() if line.lstrip().startswith("- {")]
    file = tmp_path / "g.yaml"
    file.write_text(f"{FILE}keys:\n{line}\n", "utf-8")
    (kept,) = load(file).client_keys
    assert (kept.name, kept.per_minute) == ('the: shop\'s "é"', 7)
    key = SHAPE.findall(printed)
    assert len(key) == 1
    with gateway(tmp_path / "i", keys=Keys([kept])) as running:
        assert [model.id for model in running.client(api_key=key[0]).models.list()]


def test_the_short_form_of_the_command_takes_a_file(tmp_path):
    told = CliRunner().invoke(main, ["gateway", str(tmp_path / "none.yaml"), "--port", "0"])
    assert (told.exit_code, "none.yaml: no such file" in told.output) == (3, True)


def test_it_does_not_listen_for_others_without_a_key(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    (tmp_path / "g.yaml").write_text(FILE)
    told = CliRunner().invoke(
        main, ["gateway", "--host", "0.0.0.0", str(tmp_path / "g.yaml"), "--port", "0"]
    )
    assert (told.exit_code, "has no keys" in told.output) == (3, True)


def test_what_is_not_installed_is_told(tmp_path):
    code = (
        "import sys; sys.modules['httptools'] = None; from tunesmith.cli import main;"
        "main(['gateway', 'g.yaml'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert told.returncode == 3
    assert (
        "needs httptools, which is not installed: pip install 'tunesmith[gateway]'" in told.stderr
    )


def test_a_port_that_is_taken_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    (tmp_path / "g.yaml").write_text(FILE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = CliRunner().invoke(main, ["gateway", str(tmp_path / "g.yaml"), "--port", port])
    assert (told.exit_code, f"--port {port} cannot be listened on" in told.output) == (3, True)


# Rates


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(rates.time, "monotonic", lambda: now[0])
    return now


def test_a_rate_lets_so_many_in_at_once_and_then_one_by_one(clock):
    made = Rates(2)
    assert [made.wait(1, 3) for _ in range(3)] == [0.0] * 3
    assert made.wait(1, 3) == pytest.approx(20)
    clock[0] += 19
    assert made.wait(1, 3) == pytest.approx(1)
    clock[0] += 1.001
    assert made.wait(1, 3) == 0.0
    assert made.wait(1, 3) == pytest.approx(20, abs=0.01)
    assert made.wait(0, 3) == 0.0
    clock[0] += 1000
    assert [made.wait(1, 3) for _ in range(4)][:3] == [0.0] * 3


@pytest.mark.parametrize("per_minute", [1, 7, 600, 10_000])
def test_no_rounding_takes_one_away(clock, per_minute):
    clock[0] = 1e7 + 1 / 3
    made = Rates(1)
    let_in = sum(made.wait(0, per_minute) == 0 for _ in range(per_minute + 5))
    assert let_in == per_minute


def test_workers_share_a_rate(clock):
    shared, key = Rates(1), new_key("shop", per_minute=2)[1]
    workers = [Keys([key], shared) for _ in range(3)]
    assert [worker.wait(key) > 0 for worker in workers] == [False, False, True]


def test_each_key_has_a_rate_of_its_own(clock):
    one, other = new_key("shop", per_minute=1)[1], new_key("mail", per_minute=1)[1]
    keys = Keys([one, other])
    assert [keys.wait(key) > 0 for key in (one, one, other, other)] == [False, True, False, True]
