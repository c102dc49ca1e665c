"""Files appear whole and once, on disk and in an object store alike."""

import os
import stat
import threading
from pathlib import Path

import fsspec
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from tunesmith.errors import RecipeError, Transient
from tunesmith.store.files import TEMPORARY, LocalStorage, ObjectStorage, open_storage


@pytest.fixture(params=["disk", "s3"])
def storage(request, tmp_path):
    if request.param == "disk":
        return open_storage(str(tmp_path / "files"))
    return open_storage(request.getfixturevalue("s3"))


@pytest.fixture
def local(tmp_path):
    return LocalStorage(tmp_path / "files")


@pytest.fixture(params=["bytes", "file"])
def give(request, tmp_path):
    """Give content as bytes, or as a file."""

    def made(content):
        if request.param == "bytes":
            return content
        path = tmp_path / f"given-{len(content)}-{content[:4].hex()}"
        path.write_bytes(content)
        return path

    return made


def test_a_file_is_created_once_and_the_second_changes_nothing(storage, give):
    assert storage.create("a/b/c.json", give(b"one"))
    assert not storage.create("a/b/c.json", give(b"other"))
    assert storage.read("a/b/c.json") == b"one"
    assert storage.sizes("a") == {"b/c.json": 3}


def test_an_empty_file_is_a_file(storage, give):
    assert storage.create("a/empty", give(b""))
    assert not storage.create("a/empty", give(b"x"))
    assert storage.sizes("a") == {"empty": 0}


def test_replacing_makes_or_exchanges(storage, give):
    storage.replace("a/x", give(b"one"))
    storage.replace("a/x", give(b"two!"))
    assert storage.read("a/x") == b"two!"


def test_what_is_not_there_is_not_found(storage, tmp_path):
    storage.create("a/x", b"1")
    for path in ("a/y", "b/x", "a"):
        with pytest.raises((FileNotFoundError, IsADirectoryError)):
            storage.read(path)
    with pytest.raises(FileNotFoundError):
        storage.sha256("a/y")
    with pytest.raises(FileNotFoundError):
        storage.fetch("a/y", tmp_path / "fetched" / "y")
    assert list((tmp_path / "fetched").iterdir()) == []
    assert storage.sizes("nowhere") == {}


def test_sizes_are_of_that_folder_only(storage):
    for path in ("a/1", "a/b/2", "ab/3", "a.json", "c/a/4"):
        storage.create(path, b"x" * len(path))
    assert storage.sizes("a") == {"1": 3, "b/2": 5}
    assert storage.sizes("a/b") == {"2": 5}


def test_deleting_takes_a_file_or_a_folder_and_nothing_beside_it(storage):
    for path in ("a/1", "a/b/2", "a/b/c/3", "ab/3", "a/bc"):
        storage.create(path, b"x")
    storage.delete("a/b")
    assert storage.sizes("a") == {"1": 1, "bc": 1}
    storage.delete("a/1")
    storage.delete("a/1")
    storage.delete("never")
    assert storage.sizes("a") == {"bc": 1}
    assert storage.sizes("ab") == {"3": 1}
    assert storage.create("a/b/2", b"again")


def test_a_fetched_file_is_the_same_and_private(storage, tmp_path):
    storage.create("a/x", b"content")
    target = tmp_path / "down" / "x"
    for _ in range(2):
        storage.fetch("a/x", target)
    assert target.read_bytes() == b"content"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["x"]


def test_hash_and_time_of_a_file(storage):
    import hashlib
    import time

    content = os.urandom(9_000_000)  # more than one piece
    storage.create("a/x", content)
    assert storage.sha256("a/x") == hashlib.sha256(content).hexdigest()
    assert abs(storage.modified("a/x") - time.time()) < 3600


def test_of_many_writers_one_creates_the_file(storage):
    together = threading.Barrier(8)
    created = []

    def write(number):
        together.wait()
        if storage.create("a/x", bytes([number]) * 1000):
            created.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(created) == 1
    assert storage.read("a/x") == bytes(created) * 1000


# On disk


def modes(root):
    return {stat.S_IMODE(path.stat().st_mode): path.is_dir() for path in [root, *root.rglob("*")]}


def test_everything_is_for_this_user_alone_whatever_the_umask(tmp_path, local):
    before = os.umask(0)
    try:
        (tmp_path / "given").write_bytes(b"x")
        local.create("a/b/c/1", b"x")
        local.create("a/d/2", tmp_path / "given")
        local.replace("e/3", b"x")
        local.replace("e/4", tmp_path / "given")
        local.fetch("a/d/2", tmp_path / "files" / "down" / "here" / "5")
    finally:
        os.umask(before)
    assert modes(tmp_path / "files") == {0o700: True, 0o600: False}


def test_nothing_of_a_write_that_fails_is_left(tmp_path, local, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(OSError, match="No space"):
        local.create("a/x", b"content")
    assert local.sizes("a") == local.sizes(TEMPORARY) == {}


def test_a_file_with_any_name_is_listed(local):
    for name in ("x.part", ".hidden", ".x.part", "with space", "ü"):
        local.create(f"a/{name}", b"1")
    assert len(local.sizes("a")) == 5


def test_a_local_url_is_a_local_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_storage("some/where").local == tmp_path / "some" / "where"
    assert open_storage(f"file://{tmp_path}/x").local == tmp_path / "x"
    assert open_storage(str(tmp_path)).local == tmp_path


# In an object store


def client_error(code, **more):
    cause = ClientError({"Error": {"Code": code, "Message": "m", **more}}, "PutObject")
    error = OSError(22, "m")
    error.__cause__ = cause
    return error


@pytest.fixture
def objects(s3):
    return ObjectStorage(s3)


def failing(objects, monkeypatch, error):
    """The store's client as it looks when the network or the store fails."""

    def fail(*args, **kwargs):
        raise error

    for name in ("pipe_file", "put_file", "cat_file", "find", "rm", "modified", "open", "get_file"):
        monkeypatch.setattr(objects._fs, name, fail, raising=True)


def operations(objects, tmp_path):
    return [
        lambda: objects.create("a", b"x"),
        lambda: objects.create("a", Path(__file__)),
        lambda: objects.replace("a", b"x"),
        lambda: objects.read("a"),
        lambda: objects.sizes("a"),
        lambda: objects.delete("a"),
        lambda: objects.modified("a"),
        lambda: objects.sha256("a"),
        lambda: objects.fetch("a", tmp_path / "down" / "a"),
    ]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (client_error("SlowDown"), Transient),
        (client_error("InternalError"), Transient),
        (client_error("ConditionalRequestConflict"), Transient),
        (TimeoutError("too slow"), Transient),
        (ConnectionResetError("gone"), Transient),
        (PermissionError("AccessDenied"), RecipeError),
        (NoCredentialsError(), RecipeError),
    ],
    ids=str,
)
def test_failures_of_the_outside_world_are_told_from_wrong_settings(
    objects, tmp_path, monkeypatch, error, expected
):
    failing(objects, monkeypatch, error)
    for operation in operations(objects, tmp_path):
        with pytest.raises(expected):
            operation()


def test_a_store_that_does_not_say_which_condition_failed_still_says_taken(objects, monkeypatch):
    failing(objects, monkeypatch, client_error("PreconditionFailed"))
    assert not objects.create("a", b"x")


def test_a_server_that_does_not_answer_is_transient(s3, monkeypatch):
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    fsspec.filesystem("s3").clear_instance_cache()
    away = ObjectStorage(s3)
    try:
        with pytest.raises(Transient, match="127.0.0.1:9"):
            away.read("a")
        with pytest.raises(Transient):
            away.create("a", b"x")
    finally:
        fsspec.filesystem("s3").clear_instance_cache()


def test_a_bucket_that_does_not_exist_is_a_wrong_setting(s3, tmp_path):
    nowhere = ObjectStorage("s3://no-such-bucket/store")
    for operation in operations(nowhere, tmp_path)[:5]:
        with pytest.raises(RecipeError, match="bucket"):
            operation()


@pytest.mark.parametrize("url", ["nosuch://bucket/x", "s33://x"])
def test_a_url_that_nothing_can_open_is_a_wrong_setting(url):
    with pytest.raises(RecipeError, match="cannot be opened"):
        open_storage(url)
