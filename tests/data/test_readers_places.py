"""Source files on this machine, in object stores, in saved data sets and on the model hub."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import fsspec
import pytest

from tests.made_rows import line
from tunesmith.data.readers import read_files
from tunesmith.data.readers.places import find, matches
from tunesmith.data.source_files import gather
from tunesmith.errors import InputError, Transient, TunesmithError

# Object stores


@pytest.fixture
def bucket(s3):
    files, path = fsspec.core.url_to_fs(s3)
    for name in ("a.jsonl", "b.jsonl", "sub/c.jsonl", "d.txt"):
        files.pipe_file(f"{path}/{name}", line(name).encode())
    return s3


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.jsonl", ["a.jsonl"]),
        ("*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("**/*.jsonl", ["a.jsonl", "b.jsonl", "sub/c.jsonl"]),
        ("sub/*", ["sub/c.jsonl"]),
        ("[ad].*", ["a.jsonl", "d.txt"]),
    ],
)
def test_files_in_an_object_store_are_found_and_read(bucket, tmp_path, pattern, names):
    files = gather([f"{bucket}/{pattern}"], tmp_path)
    assert list(files.names) == [f"{bucket}/{name}" for name in names]
    found = list(read_files(files))
    assert [item.source for item in found] == [f"{bucket}/{name}:1" for name in names]
    assert all(matches(name, f"{bucket}/{pattern}") for name in files.names)


def test_tables_in_an_object_store_are_read_too(s3, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["a", "b"], "label": [1, 2]}), tmp_path / "x.parquet")
    fsspec.core.url_to_fs(s3)[0].put_file(str(tmp_path / "x.parquet"), f"{s3}/x.parquet")
    found = list(read_files(gather([f"{s3}/x.parquet"], tmp_path)))
    assert [item.values["text"] for item in found] == ["a", "b"]


@pytest.mark.parametrize("pattern", ["a.jsonl", "[ab]*.jsonl"])
def test_provenance_in_an_object_store_goes_with_its_rows(bucket, tmp_path, pattern):
    fsspec.core.url_to_fs(bucket)[0].pipe_file(f"{bucket}/a.provenance.jsonl", b"{}")
    files = gather([f"{bucket}/{pattern}"], tmp_path)
    assert f"{bucket}/a.provenance.jsonl" in files.names
    first, *rest = read_files(files)
    assert (first.source, first.provenance) == (f"{bucket}/a.jsonl:1", b"{}")
    assert all(item.provenance is None for item in rest)


def test_provenance_that_may_not_be_seen_is_not_there(bucket, tmp_path, monkeypatch):
    refused = PermissionError("HeadObject: Forbidden")
    found, _ = fsspec.core.url_to_fs(bucket)
    info = type(found).info

    def forbid(self, path, *args, **options):
        if "provenance" in path:
            raise refused
        return info(self, path, *args, **options)

    monkeypatch.setattr(type(found), "info", forbid)
    assert gather([f"{bucket}/a.jsonl"], tmp_path).names == (f"{bucket}/a.jsonl",)


def test_an_object_that_changes_after_it_was_hashed_voids_what_was_read(bucket, tmp_path):
    files = gather([f"{bucket}/*.jsonl"], tmp_path)
    fsspec.core.url_to_fs(bucket)[0].pipe_file(f"{bucket}/b.jsonl", line("other").encode())
    with pytest.raises(InputError, match=r"b\.jsonl: changed while it was being read"):
        list(read_files(files))
    fsspec.core.url_to_fs(bucket)[0].rm(f"{bucket}/b.jsonl")
    with pytest.raises(InputError, match=r"b\.jsonl: cannot be read"):
        list(read_files(files))


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("{s3}/none.jsonl", InputError, "no such file"),
        ("{s3}/*.parquet", InputError, "no such file"),
        ("{s3}", InputError, "no such file"),
        ("s3://no-such-bucket/a.jsonl", InputError, "no-such-bucket"),
        ("nosuch://x/a.jsonl", InputError, "nosuch"),
        ("s3://user:password@bucket/a.jsonl", InputError, "credentials belong in the environment"),
        ("zip://a.jsonl::s3://bucket/a.zip", InputError, "one plain URL"),
    ],
)
def test_a_url_that_leads_nowhere_is_told(bucket, tmp_path, url, kind, says):
    with pytest.raises(kind) as raised:
        gather([url.format(s3=bucket)], tmp_path)
    assert says in str(raised.value)
    assert "password" not in str(raised.value).replace("user or password", "")


def test_a_store_that_does_not_answer_may_do_so_later(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    client = fsspec.get_filesystem_class("s3")
    client.clear_instance_cache()  # one may still know a server of another test
    try:
        for name in ("a.jsonl", "*.jsonl"):
            with pytest.raises(Transient, match=r"s3://bucket/.*jsonl: cannot be read now"):
                gather([f"s3://bucket/{name}"], tmp_path)
    finally:
        client.clear_instance_cache()


# Saved data sets


def saved(folder, splits=None):
    from datasets import Dataset, DatasetDict

    made = Dataset.from_dict({"text": [f"t{n}" for n in range(6)], "label": [0, 1] * 3})
    held = DatasetDict({name: made for name in splits}) if splits else made
    held.save_to_disk(str(folder), **({} if splits else {"num_shards": 2}))


def test_a_saved_data_set_is_its_arrow_files(tmp_path):
    saved(tmp_path / "data")
    files = gather(["data"], tmp_path)
    assert files.names == ("data/data-00000-of-00002.arrow", "data/data-00001-of-00002.arrow")
    assert [item.values["text"] for item in read_files(files)] == [f"t{n}" for n in range(6)]
    assert all(matches(name, "data") and matches(name, "./data") for name in files.names)
    assert not matches("data/sub/x.arrow", "data")
    assert not matches("data/x.jsonl", "data")


def test_a_saved_data_set_with_splits_asks_for_one(tmp_path):
    saved(tmp_path / "data", ["train", "test"])
    with pytest.raises(InputError, match="name one: data/train, data/test"):
        gather(["data"], tmp_path)
    assert gather(["data/test"], tmp_path).names == ("data/test/data-00000-of-00001.arrow",)


@pytest.mark.parametrize(
    "state",
    ["{", "[]", "{}", '{"_data_files": [{"filename": "../x.arrow"}]}', '{"_data_files": [{"filename": "x.py"}]}',
     '{"_data_files": [7]}', '{"_data_files": [], "_indices_files": [{"filename": "i.arrow"}]}'],
)  # fmt: skip
def test_notes_that_save_to_disk_does_not_write_are_told(tmp_path, state):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.json").write_text(state)
    with pytest.raises(InputError, match=r"data/state\.json|no such file"):
        gather(["data"], tmp_path)


def test_a_saved_data_set_in_an_object_store_is_read_too(s3, tmp_path):
    saved(tmp_path / "data")
    fsspec.core.url_to_fs(s3)[0].put(f"{tmp_path}/data/", f"{s3}/data/", recursive=True)
    files = gather([f"{s3}/data"], tmp_path)
    assert [item.values["text"] for item in read_files(files)] == [f"t{n}" for n in range(6)]
    assert all(matches(name, f"{s3}/data") for name in files.names)


# The hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HELD = {
    "README.md": b"# Data",
    "dataset_infos.json": b"{}",
    "data/train-00000-of-00002.jsonl": line("1").encode(),
    "data/train-00001-of-00002.jsonl": line("2").encode(),
    "data/test-00000-of-00001.jsonl": line("3").encode(),
}


class Hub(BaseHTTPRequestHandler):
    """The few answers of the hub that reading a data set's files needs."""

    held = HELD

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def entries(self, folder):
        found = {}
        for name, content in self.held.items():
            if not folder or name.startswith(f"{folder}/"):
                rest = name[len(folder) + 1 if folder else 0 :]
                top = f"{folder}/{rest.split('/')[0]}".strip("/")
                found[top] = (
                    {"type": "directory", "path": top, "oid": "d" * 40}
                    if "/" in rest
                    else {"type": "file", "path": name, "size": len(content), "oid": "f" * 40}
                )
        return list(found.values())

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        repo = "/api/datasets/us/set"
        if path in (repo, f"{repo}/revision/main", f"{repo}/revision/{COMMIT}"):
            body = {"_id": "1", "id": "us/set", "sha": COMMIT, "siblings": [], "private": False}
            return self.answer(200, json.dumps(body).encode(), Content_Type="application/json")
        if path.startswith((f"{repo}/tree/main", f"{repo}/tree/{COMMIT}")):
            folder = path[len(f"{repo}/tree/") :].partition("/")[2]
            entries = self.entries(folder)
            if "recursive=true" in self.path.lower():
                files = [
                    entry
                    for name in self.held
                    for entry in self.entries(name.rpartition("/")[0])
                    if entry["path"] == name
                ]
                entries = [*files, *(e for e in entries if e["type"] == "directory")]
                entries = [e for e in entries if e["path"].startswith(folder)]
            return self.answer(200, json.dumps(entries).encode(), Content_Type="application/json")
        start = "/datasets/us/set/resolve/"
        if path.startswith(start):
            name = path[len(start) :].partition("/")[2]
            if name in self.held:
                return self.answer(200, self.held[name], X_Repo_Commit=COMMIT, ETag='"e"')
        return self.answer(404, b"{}", X_Error_Code="RepoNotFound")

    do_HEAD = do_GET

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["paths"]
        found = [
            entry
            for path in asked
            for entry in self.entries(path.rpartition("/")[0])
            if entry["path"] == path
        ]
        self.answer(200, json.dumps(found).encode(), Content_Type="application/json")

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import HfFileSystem, constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants._HF_DEFAULT_ENDPOINT, url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    HfFileSystem.clear_instance_cache()
    yield url
    HfFileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()


def test_a_data_set_on_the_hub_is_the_files_of_its_train_split(hub, tmp_path):
    url = "hf://datasets/us/set"
    files = gather([url], tmp_path)
    assert [name.rpartition("/")[2] for name in files.names] == [
        "train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl",
    ]  # fmt: skip
    assert len(list(read_files(files))) == 2
    assert all(matches(name, url) for name in files.names)


def test_a_split_on_the_hub_is_named_by_its_files(hub, tmp_path):
    files = gather(["hf://datasets/us/set/data/test-*.jsonl"], tmp_path)
    assert len(files.names) == len(list(read_files(files))) == 1


def test_rows_in_several_folders_of_the_hub_ask_for_one(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(Hub, "held", {"main/train.jsonl": b"{}", "socratic/train.jsonl": b"{}"})
    with pytest.raises(InputError, match="several folders; name one, such as hf://.*set/main, hf"):
        find("hf://datasets/us/set", tmp_path)
    assert len(find("hf://datasets/us/set/main", tmp_path)) == 1


def test_a_data_set_that_the_hub_does_not_have_is_told(hub, tmp_path):
    with pytest.raises(InputError, match="us/none"):
        gather(["hf://datasets/us/none"], tmp_path)


def test_a_hub_that_does_not_answer_may_do_so_later(tmp_path, monkeypatch):
    from huggingface_hub import HfFileSystem, constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    HfFileSystem.clear_instance_cache()
    with pytest.raises(Transient, match="hf://datasets/us/set: cannot be read now"):
        gather(["hf://datasets/us/set"], tmp_path)
    HfFileSystem.clear_instance_cache()


def test_a_hub_that_may_not_be_asked_is_told(tmp_path):
    with pytest.raises(TunesmithError, match="HF_HUB_OFFLINE|offline") as raised:
        gather(["hf://datasets/us/other"], tmp_path)
    assert not isinstance(raised.value, Transient)
