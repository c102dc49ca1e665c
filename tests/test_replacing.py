"""A file is replaced whole or not at all."""

import os

import pytest

from tunesmith.replacing import replace_file


def test_what_was_there_stays_until_the_new_content_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "page.html"
    replace_file(path, b"old")

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
