"""Requests are timed one at a time, as the package is served, with the machine beside them."""

import json
import socket
import time

import pytest

from tests.tiny_model import tiny_examples
from tests.toy_stages import NoParams, given
from tunesmith.artifacts import Adapter, Base, Package
from tunesmith.errors import InputError
from tunesmith.packaging import serving
from tunesmith.packaging.merging import merge
from tunesmith.packaging.serving import MODEL, Prompt, serve
from tunesmith.stage import Stage
from tunesmith.stages.clock import DOCUMENT, STAGE, WARM_UP, ClockParams, one_of_a_group
from tunesmith.training.rows import turns

ROWS = tiny_examples(12, seed=77)
PARAMS = ClockParams(prompts=5, max_new_tokens=32)


def sealed(store, kind, folder, **facts):
    def body(params, draft):
        return draft.seal_files(kind, folder, **facts)

    return store.build(Stage(kind.__name__, version=1, produces=kind, body=body), NoParams())


@pytest.fixture(params=["merged", "adapter"])
def served(request, store, tiny_base, tiny_adapter, tmp_path):
    """A package with its base and adapter, in either form."""
    base = sealed(store, Base, tiny_base, model="tiny")
    adapter = sealed(store, Adapter, tiny_adapter, base=base.digest)
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    if request.param == "merged":
        (folder / MODEL).mkdir()
        merge(tiny_base, tiny_adapter, folder / MODEL)
    package = sealed(store, Package, folder, base=base.digest, adapter=adapter.digest, passed=True)
    return request.param, package, base, adapter


def document(store, ref):
    return json.loads((store.path(ref) / DOCUMENT).read_bytes())


def test_every_request_is_timed_alone_after_a_warm_up(store, served, monkeypatch):
    form, *refs = served
    asked = []
    whole = serving.Served.answer

    def answer(self, prompt, max_new_tokens):
        asked.append((prompt.turns[-1]["content"], max_new_tokens))
        return whole(self, prompt, max_new_tokens)

    monkeypatch.setattr(serving.Served, "answer", answer)
    start = time.perf_counter()
    ref = store.build(STAGE, PARAMS, *refs, given(store, ROWS))
    wall = time.perf_counter() - start
    made = document(store, ref)
    assert (ref.requests, len(made["requests"])) == (5, 5)
    assert asked[:WARM_UP] == asked[WARM_UP : 2 * WARM_UP]
    assert len(asked) == WARM_UP + 5
    assert {limit for _, limit in asked} == {32}
    rows = {row.row_id: row for row in ROWS}
    contents = [rows[item["row_id"]].prompt[-1].content for item in made["requests"]]
    assert contents == [content for content, _ in asked[WARM_UP:]]
    times = [item["seconds"] for item in made["requests"]]
    assert all(seconds > 0 for seconds in times)
    assert sum(times) < wall
    assert made["machine"]["host"] == socket.gethostname()
    assert made["machine"]["form"] == form


def test_a_slower_server_takes_longer(store, served, monkeypatch):
    _, *refs = served
    whole = serving.Served.answer
    late = iter([0.0] * WARM_UP + [0.0, 0.3, 0.0, 0.0, 0.0])

    def answer(self, prompt, max_new_tokens):
        end = time.perf_counter() + next(late)
        found = whole(self, prompt, max_new_tokens)
        while time.perf_counter() < end:
            pass
        return found

    monkeypatch.setattr(serving.Served, "answer", answer)
    made = document(store, store.build(STAGE, PARAMS, *refs, given(store, ROWS)))
    assert made["requests"][1]["seconds"] >= 0.3


def test_both_forms_answer_as_the_adapter_was_trained_to(tiny_base, tiny_adapter, tmp_path):
    (tmp_path / MODEL).mkdir()
    merge(tiny_base, tiny_adapter, tmp_path / MODEL)
    merged = serve(tmp_path, tiny_base, tiny_adapter)
    adapter = serve(tmp_path / "none", tiny_base, tiny_adapter)
    assert (merged.form, adapter.form) == ("merged", "adapter")
    for row in ROWS[:2]:
        prompt = Prompt(turns(row.prompt))
        answers = [form.answer(prompt, 32) for form in (merged, adapter)]
        assert answers[0] == answers[1]
        assert answers[0].text.startswith("Subject:")
        assert 1 < answers[0].answer_tokens < 32


def test_one_prompt_of_a_group_is_asked():
    rows = [row for row in ROWS[:4]]
    twins = [*rows, rows[0].__class__(**{**_fields(rows[1]), "row_id": "f" * 16})]
    assert one_of_a_group(twins, 9) == rows
    assert one_of_a_group(twins[::-1], 9)[0] == twins[-1]
    assert one_of_a_group(rows, 2) == rows[:2]


def _fields(row):
    return {name: getattr(row, name) for name in row.__struct_fields__}


def test_nothing_to_ask_is_said(store, served):
    _, *refs = served
    with pytest.raises(InputError, match="clock: there is no prompt to ask"):
        store.build(STAGE, PARAMS, *refs, given(store, []))
