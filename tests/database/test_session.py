"""The database: its tables are what the migrations make, on SQLite and on PostgreSQL."""

import datetime
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError

from tunesmith.database import session as sessions
from tunesmith.database.session import reading, session
from tunesmith.database.tables import Interaction, Retrain, Table
from tunesmith.errors import RecipeError, Transient

NOW = datetime.datetime(2026, 11, 21, 5, 30, 0, 123456, tzinfo=datetime.UTC)


@pytest.fixture
def url(database_url):
    return database_url


@pytest.fixture(autouse=True)
def opened_anew(monkeypatch):
    """Every test opens its databases for the first time, and leaves no connection."""
    engines = []
    create = sessions.create_engine
    monkeypatch.setattr(
        sessions, "create_engine", lambda *a, **k: engines.append(create(*a, **k)) or engines[-1]
    )
    yield
    sessions._engine.cache_clear()
    for engine in engines:
        engine.dispose()


def retrain(name="r1", **fields):
    values = {
        "id": name, "recipe": "tiny", "recipe_digest": "d" * 64, "trigger": "manual", "why": "é" * 2000,
        "started_by": "ann", "started": NOW, **fields,
    }  # fmt: skip
    return Retrain(**values)


def engine(url):
    return sessions._engine(url)


def test_the_tables_are_those_that_the_migrations_make(url):
    with session(url):
        pass
    with engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []
        assert context.get_current_revision() == "0004"


def test_what_the_comparison_would_miss_is_the_same_too(url, tmp_path):
    """Nullability, lengths and keys, against tables made from the classes."""
    with session(url):
        pass

    def described(bound):
        found = inspect(bound)
        return {
            table: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in found.get_columns(table)
                ],
                [(index["name"], index["column_names"]) for index in found.get_indexes(table)],
                found.get_pk_constraint(table)["constrained_columns"],
                [key["referred_table"] for key in found.get_foreign_keys(table)],
            )
            for table in Table.metadata.tables
        }

    migrated = described(engine(url))
    with engine(url).begin() as connection:
        Table.metadata.drop_all(connection)
        Table.metadata.create_all(connection)
    assert described(engine(url)) == migrated


@pytest.mark.parametrize("revision", ["0002", "0003"])
def test_rows_of_the_revision_before_are_kept(url, revision):
    config = Config()
    config.set_main_option("script_location", str(Path(sessions.__file__).parent / "migrations"))
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    else:
        Path(parsed.database).parent.mkdir()
    before = create_engine(parsed)
    with before.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text(
            "INSERT INTO retrains (id, recipe, recipe_digest, trigger, why, started_by, started) "
            "VALUES ('r1', 'tiny', 'd', 'manual', '', 'ann', '2026-11-21 05:30:00')"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO interactions (id, at, recipe, rollout, stage, assigned, served, model, "
            "unit, key, streamed, ending, status, attempts, seconds, length, refusal, "
            "finish_reason) VALUES ('i1', 5, 'tiny', '7', 1, 'control', 'control', 'm', 'u', '', "
            "false, 'answered', 200, 1, 0.5, 9, false, 'stop')"
        ))  # fmt: skip
    before.dispose()
    with session(url) as opened:
        assert opened.get_one(Retrain, "r1").recipe == "tiny"
        row = opened.get_one(Interaction, "i1")
        assert (row.rollout, row.length, row.shadow_of) == ("7", 9, "")


def test_a_row_comes_back_as_it_was(url):
    champion = {"version": "3", "digest": "a" * 64, "nested": [1, None, "é"]}
    with session(url) as opened:
        opened.add(retrain(champion=champion))
    with session(url) as opened:
        found = opened.scalars(select(Retrain)).one()
    assert (found.id, found.why, found.champion) == ("r1", "é" * 2000, champion)
    assert (found.mlflow_run, found.outcome, found.ended) == (None, None, None)
    assert found.started.replace(tzinfo=datetime.UTC) == NOW


def test_no_error_tells_what_was_to_be_written(url):
    with session(url) as opened:
        opened.add(retrain())
    with pytest.raises(IntegrityError) as told, session(url) as opened:
        opened.add(retrain(why="jane@example.com wrote"))
    assert "retrains" in str(told.value) and "jane" not in str(told.value)


def test_a_transaction_that_raises_leaves_nothing(url):
    with pytest.raises(ValueError, match="half-way"), session(url) as opened:
        opened.add(retrain())
        opened.flush()
        raise ValueError("half-way")
    with session(url) as opened:
        assert opened.scalars(select(Retrain)).all() == []


def test_whoever_reads_waits_for_nobody_who_writes_and_keeps_nothing(url):
    with session(url) as writing:
        # More than SQLite keeps in memory by itself, before it locks everybody out.
        writing.add_all([retrain(f"r{number}") for number in range(1500)])
        writing.flush()
        with reading(url) as opened:
            assert opened.scalars(select(Retrain)).all() == []
    with reading(url) as opened:
        assert len(opened.scalars(select(Retrain)).all()) == 1500
        opened.add(retrain("another"))
        opened.flush()
    with session(url) as opened:
        assert opened.get(Retrain, "another") is None


def test_opening_again_keeps_what_is_there(url):
    with session(url) as opened:
        opened.add(retrain())
    sessions._engine.cache_clear()
    with session(url) as opened:
        assert len(opened.scalars(select(Retrain)).all()) == 1


def test_many_processes_can_be_the_first_to_open_it(url):
    code = (
        "import sys; from tunesmith.database.session import session;"
        "from sqlalchemy import text;"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with session(sys.argv[1]) as opened:\n"
        "    print(opened.execute(text('select count(*) from retrains')).scalar())"
    )
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for opener in openers:
        assert opener.stdout.readline() == "ready\n"
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    assert [opener.communicate(timeout=60)[0] for opener in openers] == ["0\n"] * 2


def test_two_that_read_and_then_write_do_not_lose_an_update(url):
    """The second waits, or fails in a way that may be tried again; it never writes what it misread."""
    with session(url) as opened:
        opened.add(retrain(why="0"))
    together = threading.Barrier(2)

    def add():
        together.wait()
        for _ in range(5):
            with session(url) as opened:
                row = opened.scalars(select(Retrain).with_for_update()).one()
                row.why = str(int(row.why) + 1)

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with session(url) as opened:
        assert opened.scalars(select(Retrain.why)).one() == "10"


def test_a_plain_postgresql_url_uses_the_driver_that_is_installed(postgres):
    plain = make_url(postgres.get_uri()).set(drivername="postgresql")
    name = plain.render_as_string(hide_password=False)
    with session(name) as opened:
        assert opened.execute(text("select 1")).scalar() == 1
    assert sessions._engine(name).dialect.driver == "psycopg"


def test_a_sqlite_file_lies_in_a_folder_for_this_user_alone(tmp_path):
    with session(f"sqlite:///{tmp_path}/new/x.db"):
        pass
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_database_that_does_not_answer_is_transient_and_no_password_is_told():
    url = "postgresql://ann:geheim7@127.0.0.1:9/none?connect_timeout=2"
    with pytest.raises(Transient) as raised, session(url):
        pass
    assert "geheim7" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["not a url", "nosuch://host/db", "mysql://host/db", "", "sqlite"],
)
def test_a_url_that_is_none_or_has_no_driver_is_a_wrong_setting(url):
    with pytest.raises(RecipeError, match="^TUNESMITH_DATABASE: .*Expected a URL"), session(url):
        pass


def test_a_folder_that_cannot_be_made_is_told_with_both_settings_that_place_it():
    told = "^the folder of the database sqlite:.*TUNESMITH_HOME or TUNESMITH_DATABASE"
    with pytest.raises(RecipeError, match=told), session("sqlite:////proc/no/x.db"):
        pass


@pytest.mark.parametrize("error", [ModuleNotFoundError("x"), FileNotFoundError("x")])
def test_an_error_of_whoever_uses_it_is_not_the_settings(tmp_path, error):
    with pytest.raises(type(error)), session(f"sqlite:///{tmp_path}/x.db"):
        raise error


def test_a_database_of_a_later_version_is_not_touched(tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    with session(url) as opened:
        opened.execute(text("update alembic_version set version_num = '9999'"))
    sessions._engine.cache_clear()
    with pytest.raises(RecipeError, match="9999"), session(url):
        pass
    engine = create_engine(url)
    with engine.connect() as connection:
        assert (
            connection.execute(text("select version_num from alembic_version")).scalar() == "9999"
        )
    engine.dispose()
