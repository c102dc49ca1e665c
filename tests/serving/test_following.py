"""What is served follows the registry and the rollouts, and nothing is restarted."""

import datetime
import logging
import threading

import pytest

from tests.serving.conftest import BASE
from tunesmith.artifacts import Adapter, Base
from tunesmith.commands import serving
from tunesmith.commands.serving import GRACE, Following, Named, Released
from tunesmith.errors import RecipeError, Unready
from tunesmith.reporting.tracking import CANDIDATE, CHAMPION, Registered, Tracker
from tunesmith.rollout import ledger
from tunesmith.rollout.params import RolloutParams
from tunesmith.serving import server
from tunesmith.serving.models import Models
from tunesmith.settings import Settings
from tunesmith.store import Store

NOW = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
BASE_REF = Base(digest="1" * 64, model=BASE)
RUN_TAGS = dict.fromkeys(("started_by", "trigger", "why", "commit", "recipe"), "x")


def adapter_of(number, base=BASE_REF):
    return Adapter(digest=f"{number:064x}", base=base.digest)


def released(number, base=BASE_REF):
    return Released(f"orders-v{number}-2026-11", adapter_of(number, base), base)


def version(number):
    return ledger.Version(version=str(number), model=f"orders-v{number}-2026-11")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def registry(settings, tiny_adapter):
    """Versions 1 to 3 of `orders`; the first has an adapter of the tiny base in the store."""
    tracker = Tracker(settings.mlflow, settings.mlflow_artifacts)
    for number in (1, 2, 3):
        run = tracker.start_run("orders", f"retrain-{number}", RUN_TAGS)
        tags = {
            "adapter": adapter_of(number).model_dump_json(),
            "base": BASE_REF.model_dump_json(),
            "release": f"orders-v{number}-2026-11",
        }
        tracker.register("orders", f"retrain-{number}", run, tiny_adapter, tags)
    return tracker


def named(registry, database, now=NOW):
    return [item.model.split("-")[1] for item in Named(registry, database, "orders").look(now)]


def alias(registry, **numbers):
    for name, number in numbers.items():
        registry.set_alias(Registered(name="orders", version=str(number)), name)


def move(database, *kinds, now=NOW):
    for kind in kinds:
        ledger.move(database, ledger.latest(database, "orders"), kind, "ada", "test", now)


def test_who_is_named_by_aliases_and_rollouts(registry, tmp_path):
    database = f"sqlite:///{tmp_path}/t.db"
    params = RolloutParams(stages=(5, 100), rollback_window_days=14)
    assert named(registry, database) == []
    alias(registry, **{CHAMPION: 1, CANDIDATE: 1})
    assert named(registry, database) == ["v1"]
    alias(registry, **{CANDIDATE: 2})
    assert named(registry, database) == ["v1", "v2"]
    ledger.start(database, "orders", version(1), version(3), params, "ada", NOW)
    assert named(registry, database) == ["v1", "v2", "v3"]
    move(database, "roll_back")
    assert named(registry, database) == ["v1", "v2"]

    ledger.start(database, "orders", version(1), version(2), params, "ada", NOW + DAY)
    move(database, "advance", "finish", now=NOW + 2 * DAY)
    alias(registry, **{CHAMPION: 2})
    assert named(registry, database, NOW + 15 * DAY) == ["v2", "v1"]
    # The next rollout does not end the window of the one before.
    ledger.start(database, "orders", version(2), version(3), params, "ada", NOW + 3 * DAY)
    assert sorted(named(registry, database, NOW + 15 * DAY)) == ["v1", "v2", "v3"]
    assert sorted(named(registry, database, NOW + 17 * DAY)) == ["v2", "v3"]


@pytest.fixture
def store(tmp_path, tiny_adapter):
    made = Store(str(tmp_path / "store"))
    for number in (1, 2):
        made.seal(adapter_of(number), tiny_adapter, {})
    return made


@pytest.fixture
def models(loaded):
    return Models(loaded, BASE, {BASE_REF.digest})


def test_what_is_named_is_served_and_what_is_not_goes_after_a_while(models, store):
    following = Following(models, store, BASE_REF)
    following.follow([released(1)], NOW)
    following.follow([released(1), released(2)], NOW + DAY)
    assert models.names == [BASE, "orders-v1-2026-11", "orders-v2-2026-11"]
    following.follow([released(2)], NOW + DAY + GRACE)
    assert "orders-v1-2026-11" in models.names
    following.follow([released(2)], NOW + DAY + 2 * GRACE)
    assert models.names == [BASE, "orders-v2-2026-11"]
    following.follow([released(1)], NOW + DAY + 2 * GRACE)
    assert "orders-v1-2026-11" in models.names


def test_no_fault_ends_the_looking(monkeypatch, caplog):
    """A server that looks no more never has the next candidate, and a rollout of it fails."""
    looks, ending = [], threading.Event()

    class Named:
        def look(self, now):
            looks.append(now)
            if len(looks) == 4:
                ending.set()
            if len(looks) < 3:
                raise PermissionError("the store")
            return []

    monkeypatch.setattr(serving, "EVERY", 0)
    with caplog.at_level(logging.WARNING):
        serving._watch(Named(), Following(None, None, None), ending)
    assert len(looks) == 4
    assert [record.exc_info[0] for record in caplog.records] == [PermissionError]


def test_what_cannot_be_served_is_told_once_and_the_rest_is_served(models, store, caplog):
    following = Following(models, store, BASE_REF)
    other = Base(digest="2" * 64, model="other")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            following.follow([released(7), released(2, other), released(1)], NOW)
    assert models.names == [BASE, "orders-v1-2026-11"]
    assert [record.args[0] for record in caplog.records] == [
        "orders-v7-2026-11",
        "orders-v2-2026-11",
    ]
    assert other.digest[:12] in caplog.text
    assert BASE_REF.digest[:12] in caplog.text


def test_the_command_serves_what_is_named(registry, settings, tiny_base, tiny_adapter, monkeypatch):
    made = settings.store()
    made.seal(adapter_of(1), tiny_adapter, {})
    made.seal(BASE_REF, tiny_base, {})
    alias(registry, **{CHAMPION: 1, CANDIDATE: 1})
    served = []

    def run(desk, opened):
        served.append((desk.models.names, desk.allow_loading, opened.getsockname()[0]))
        opened.close()

    monkeypatch.setattr(server, "run", run)
    serving.serve("orders", settings, "127.0.0.1", 0, True, "fp32")
    assert served == [([BASE, "orders-v1-2026-11"], True, "127.0.0.1")]
    with pytest.raises(Unready, match="nothing to serve"):
        serving.serve("nothing", settings, "127.0.0.1", 0, False, "fp32")


@pytest.mark.parametrize(
    ("host", "key", "told"),
    [
        ("0.0.0.0", "", "TUNESMITH_SERVING_KEY"),
        ("example.com", "", "TUNESMITH_SERVING_KEY"),
        ("127.0.0.1", "sk-1234", "7 characters"),
        ("192.0.2.1", "a-key-of-many-characters", "take another"),
    ],
)
def test_an_address_that_is_open_or_not_ours_is_refused(host, key, told):
    with pytest.raises(RecipeError, match=told):
        server.listen(host, 0, key)
