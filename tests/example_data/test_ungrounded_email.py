"""E-mails without their tickets: distinct, well written, and true of nothing in their row."""

import json

import pytest

from tunesmith.data.grounding import ungrounded
from tunesmith.errors import InputError
from tunesmith.example_data.ungrounded_email import write


def rows(path):
    return [json.loads(line)["messages"] for line in path.read_text("utf-8").splitlines()]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    one, same = write(tmp_path / "a", rows=120), write(tmp_path / "b", rows=120)
    assert one.read_bytes() == same.read_bytes()
    assert one.read_bytes() != write(tmp_path / "c", seed=8, rows=120).read_bytes()


def test_every_email_states_what_its_row_does_not_hold(tmp_path):
    found = rows(write(tmp_path, rows=200))
    assert len({answer["content"] for _, _, answer in found}) == 200
    assert len({asked["content"] for _, asked, _ in found}) == 200
    for system, asked, answer in found:
        assert ungrounded(answer["content"], f"{system['content']}\n{asked['content']}")


@pytest.mark.parametrize("count", [99, 20_001])
def test_other_sizes_are_refused(tmp_path, count):
    with pytest.raises(InputError, match="expected 100 to 20000"):
        write(tmp_path / "new", rows=count)
    assert not (tmp_path / "new").exists()
