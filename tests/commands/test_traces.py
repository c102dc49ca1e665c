"""What a row left outside the store's rows, and what the command says and does about it."""

import json
import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from tests.made_rows import chat, chats, line
from tests.toy_stages import DRAW, NoParams, given
from tunesmith import retrains
from tunesmith.cli import main
from tunesmith.commands import traces
from tunesmith.commands.forgetting import find
from tunesmith.errors import InputError
from tunesmith.records import Dropped, Example
from tunesmith.settings import load
from tunesmith.store.files import TEMPORARY

ROW = chat("Who called?", "Mrs. Whitcombe did.", source="calls.jsonl:2")
OTHERS = chats("one", "two")
RAW = Dropped(source="calls.jsonl:1", reason="bad_json", detail="column 1", row="{raw")


@pytest.fixture
def settings(settings_of):
    return settings_of(TUNESMITH_WORKERS="1")


@pytest.fixture
def trained(settings):
    """A store with an adapter that was trained on the row, and one that was not."""
    store = settings.store()
    rows = given(store, [RAW, ROW, *OTHERS])
    dropped = given(store, [Dropped(source=ROW.source, reason="x", detail="", row=ROW), *OTHERS])
    adapters = [store.build(DRAW, NoParams(), ref) for ref in (rows, dropped)]
    reports = settings.home / "reports"
    reports.mkdir(parents=True)
    (reports / "shows.html").write_text(f"<code>{ROW.row_id}</code>")
    (reports / "other.html").write_text("<code>0</code>")
    return store, rows, adapters


class Pages(list):
    token = None


def mlflow_with(monkeypatch, settings, rows, adapters):
    """A tracking store that answers; two pages of versions, so that the second is asked for."""
    first = Pages([SimpleNamespace(name="calls", version=1, tags={"tunesmith.adapter": adapters[1].model_dump_json()})])  # fmt: skip
    first.token = "more"
    second = Pages([SimpleNamespace(name="calls", version=2, tags={"tunesmith.adapter": adapters[0].model_dump_json()})])  # fmt: skip
    shown = {
        "shows": ("shows.html", rows.digest),
        "not": ("shows.html", "0"),  # it read something else
        "none": (None, rows.digest),
        "other": ("other.html", rows.digest),
        "away": ("away", rows.digest),
    }
    runs = []
    for name, (report, digest) in shown.items():
        folder = settings.home / "artifacts" / name
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_text("{}")
        if report in ("shows.html", "other.html"):
            shutil.copy(settings.home / "reports" / report, folder / "report.html")
        tags = {
            "tunesmith.artifact.ingest": f"examples/{digest}",
            "other": f"examples/{rows.digest}",
        }
        info = SimpleNamespace(run_id=name, artifact_uri=folder.as_uri())
        runs.append(SimpleNamespace(info=info, data=SimpleNamespace(tags=tags)))

    def listed(run):
        if run == "away":
            raise MlflowException("the bucket does not answer")
        return [
            SimpleNamespace(path=file.name)
            for file in (settings.home / "artifacts" / run).iterdir()
        ]

    def search_runs(experiments, run_view_type, max_results, page_token):
        assert run_view_type == ViewType.ALL  # a deleted run still has its files
        return Pages(runs)

    client = SimpleNamespace(
        search_model_versions=lambda max_results, page_token: second if page_token else first,
        search_experiments=lambda view: (
            [SimpleNamespace(experiment_id="1")] * (view == ViewType.ALL)
        ),
        search_runs=search_runs,
        list_artifacts=listed,
        download_artifacts=lambda run, path, to: str(settings.home / "artifacts" / run / path),
    )
    (settings.home / "mlflow.db").write_text("")
    tracker = SimpleNamespace(client=client, run_url=lambda run: f"run {run}")
    monkeypatch.setattr(retrains, "open_tracker", lambda settings: tracker)


def test_models_and_reports_are_found(settings, trained, monkeypatch):
    store, rows, adapters = trained
    mlflow_with(monkeypatch, settings, rows, adapters)
    found = traces.trace(settings, store, find(store, ROW.row_id))
    assert list(found.adapters) == [adapters[0].digest]
    assert found.versions == ("calls version 2",)
    assert [(copy.run, copy.url, copy.read) for copy in found.copies] == [
        ("shows", "run shows", True), ("away", "run away", False)
    ]  # fmt: skip
    assert [path.name for path in found.reports] == ["shows.html"]
    assert found.silent == ""


def test_a_report_in_mlflow_that_shows_the_row_goes_and_nothing_else(
    settings, trained, monkeypatch
):
    mlflow_with(monkeypatch, settings, *trained[1:])
    before = {path for path in (settings.home / "artifacts").rglob("*") if path.is_file()}
    listed = tunesmith("forget", ROW.row_id, "--why", "asked to").output
    assert "MLflow runs whose report.html shows it; that file goes too:\n  run shows\n" in listed
    assert (
        "MLflow runs whose report.html could not be read, and may show it:\n  run away\n" in listed
    )
    told = tunesmith("forget", ROW.row_id, "--why", "asked to", "--yes")
    assert told.output.endswith("forgotten: 2 rows in 2 artifacts\n")
    left = {path for path in (settings.home / "artifacts").rglob("*") if path.is_file()}
    assert before - left == {settings.home / "artifacts" / "shows" / "report.html"}
    assert "run shows" not in tunesmith("forget", ROW.row_id, "--why", "asked to", "--yes").output


@pytest.mark.parametrize("deletes", [lambda self, path: None, lambda self, path: refuse()])
def test_a_report_that_cannot_be_deleted_is_told(settings, trained, monkeypatch, deletes):
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    mlflow_with(monkeypatch, settings, *trained[1:])
    monkeypatch.setattr(LocalArtifactRepository, "delete_artifacts", deletes)
    told = tunesmith("forget", ROW.row_id, "--why", "asked to", "--yes")
    assert told.exit_code == 0
    assert "run shows: report.html could not be deleted (" in told.output.splitlines()[-1]
    assert (settings.home / "artifacts" / "shows" / "report.html").exists()


def refuse():
    raise PermissionError("not yours")


def test_without_mlflow_none_is_made(settings, trained):
    store, _, _ = trained
    found = traces.trace(settings, store, find(store, ROW.row_id))
    assert (found.versions, found.copies, found.silent) == ((), (), "")
    assert not (settings.home / "mlflow.db").exists()


def test_mlflow_that_does_not_answer_is_told(settings, trained, monkeypatch):
    def away(settings):
        raise MlflowException("no route\nto it")

    store, _, _ = trained
    (settings.home / "mlflow.db").write_text("")
    monkeypatch.setattr(retrains, "open_tracker", away)
    found = find(store, ROW.row_id)
    text = traces.described(found, traces.trace(settings, store, found))
    assert "did not answer" in text and "no route" in text


def test_temporary_files_are_counted_where_they_lie(settings, any_store):
    row = given(any_store, [ROW])
    assert any_store.rows(row, Example)
    for name in ("a/examples/x", "b"):
        path = any_store.scratch / TEMPORARY / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    found = find(any_store, ROW.row_id)
    told = traces.described(found, traces.trace(settings, any_store, found))
    assert "2 temporary files in the store, of a writer at work or one that died" in told


def tunesmith(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_without_yes_everything_is_listed_and_nothing_changes(settings, trained):
    store, rows, adapters = trained
    told = tunesmith("forget", ROW.row_id, "--why", "asked to")
    assert told.exit_code == 0
    for said in (
        f"examples {rows.short}: 1 to forget", "calls.jsonl:2", f"adapter {adapters[0].short}",
        "shows.html", "add --yes",
    ):  # fmt: skip
        assert said in told.output
    assert "Whitcombe" not in told.output
    assert find(store, ROW.row_id).rows == 2
    assert (settings.home / "reports" / "shows.html").exists()


def test_with_yes_it_is_gone_and_asked_again_it_says_so(settings, trained):
    store, rows, adapters = trained
    told = tunesmith("forget", ROW.row_id, "--why", "asked to", "--yes")
    assert told.output.endswith("forgotten: 2 rows in 2 artifacts\n")
    assert list(store.rows(rows, Example)) == OTHERS
    assert [path.name for path in (settings.home / "reports").iterdir()] == ["other.html"]
    again = tunesmith("forget", ROW.row_id, "--why", "asked to", "--yes")
    assert (again.exit_code, f"{rows.short}: 1 forgotten" in again.output) == (0, True)
    assert f"adapter {adapters[0].short}" in again.output
    assert tunesmith("doctor").output == "everything is in order\n"


def test_a_dropped_line_is_forgotten_by_its_place(settings, trained):
    store, rows, _ = trained
    assert tunesmith("forget", "calls.jsonl:1", "--why", "w", "--yes").exit_code == 0
    assert list(store.dropped(rows)) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["forget", "nowhere", "--why", "w", "--yes"], InputError.exit_code),
        (["forget", ROW.row_id, "--why", " ", "--yes"], InputError.exit_code),
        (["forget", ROW.row_id], 2),
        (["export", "ffff", "--as", "openai", "--out", "out"], InputError.exit_code),
        (["export", "ffff", "--as", "csv", "--out", "out"], 2),
        (["quarantine", "show", "ffff"], InputError.exit_code),
        (["quarantine", "show", "none.yaml"], 3),
        (["quarantine", "retry", "none.jsonl", "--out", "good.jsonl"], InputError.exit_code),
    ],
)
def test_a_wrong_argument_has_a_message_and_a_code(settings, trained, arguments, code):
    told = tunesmith(*arguments)
    assert told.exit_code == code
    assert "Traceback" not in told.output and told.output.strip()
    assert (settings.home / "reports" / "shows.html").exists()


def test_rows_go_out_and_through_quarantine_by_the_commands(settings, trained, tmp_path):
    _, rows, _ = trained
    told = tunesmith("export", rows.short, "--as", "openai", "--out", tmp_path / "out")
    assert told.output == f"{tmp_path / 'out' / 'rows.jsonl'}: 3 rows\n"
    file, good = tmp_path / "q.jsonl", tmp_path / "good.jsonl"
    row = {"source": "a:1", "reason": "r", "detail": "d"}
    file.write_text(json.dumps({**row, "raw": line()}) + "\n" + json.dumps({**row, "raw": "{"}))
    told = tunesmith("quarantine", "retry", file, "--out", good)
    assert told.output.splitlines() == [
        f"{good}: 1 good row now; name the file as a further source in the recipe",
        f"{file}: 1 row left: 1 bad_json",
    ]
    assert load().home == settings.home
