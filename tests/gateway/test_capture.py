"""What is kept of texts: nothing unless asked for, redacted before it is written, and not for ever."""

import json

import pytest
from sqlalchemy import select

from tests.gateway.conftest import RECIPE, gateway
from tests.scripted_upstream import says, says_in_pieces
from tunesmith.database.session import session
from tunesmith.database.tables import Interaction as Row
from tunesmith.gateway import retention
from tunesmith.gateway.capture import LARGEST, Capture, is_drawn
from tunesmith.gateway.importing import import_all
from tunesmith.gateway.retention import forget_texts

ALL = Capture(b"k", 1.0)


def texts(body, answer="", capture=ALL):
    return capture.texts(json.dumps(body).encode(), answer)


def test_secrets_and_personal_data_are_taken_out_of_both():
    said = 'Write to jo@corp.co:\n"password": "hx7#kQ29zz"'
    request, answer = texts({"messages": [{"content": said}]}, "jo@corp.co, call +44 20 7946 0958")
    (message,) = json.loads(request)["messages"]
    assert message["content"] == 'Write to <EMAIL_1>:\n"password": "[password]"'
    assert answer == "<EMAIL_1>, call <PHONE_1>"


@pytest.mark.parametrize("escaped", ["jo\\u0040corp.co", "\\njo@corp.co", "\\u006ao@corp.co"])
def test_an_escape_hides_nothing(escaped):
    request, _ = ALL.texts(f'{{"a": ["{escaped}", {{"jo@corp.co": 1.5}}]}}'.encode(), None)
    assert "corp" not in request
    assert json.loads(request)["a"][1] == {"<EMAIL_1>": 1.5}


def test_who_asks_is_never_kept():
    asker = {"user": "jane", "safety_identifier": "jane", "prompt_cache_key": "jane"}
    body = {**asker, "metadata": {"user_id": "jane"}, "model": "m"}
    for capture in (ALL, Capture(b"k", 1.0, redact=False)):
        assert json.loads(texts(body, capture=capture)[0]) == {"model": "m"}


def test_without_redaction_it_stays_as_it_came():
    raw = Capture(b"k", 1.0, redact=False)
    assert texts({"a": "jo@corp.co"}, "jo@corp.co", raw) == ('{"a":"jo@corp.co"}', "jo@corp.co")


def test_files_in_a_request_are_left_out():
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 200
    request, _ = texts(
        {"content": [{"url": picture}, {"data": "A" * 5000}, {"text": "a b " * 900}]}
    )
    url, data, text = (next(iter(one.values())) for one in json.loads(request)["content"])
    assert (url, data) == (
        f"[a file of {len(picture):,} characters]",
        "[a file of 5,000 characters]",
    )
    assert text == "a b " * 900


def test_what_no_database_takes_is_replaced():
    assert texts({"a": "x\0y"}, "\0") == ('{"a":"x\ufffdy"}', "\ufffd")


def test_what_is_beyond_reason_is_not_captured():
    assert ALL.texts(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "a") == (None, None)
    assert ALL.texts(b'{"temperature": 1e999}', "a") == (None, None)
    assert texts({}, "a" * (LARGEST + 1)) == (None, None)
    assert ALL.takes("i1", LARGEST)
    assert not ALL.takes("i1", LARGEST + 1)


def test_a_sample_is_drawn_by_a_key_and_for_each_purpose_anew():
    ids = [f"{number:032x}" for number in range(4000)]

    def drawn(key, purpose, share=0.3):
        return {one for one in ids if is_drawn(key, purpose, one, share)}

    # Six standard deviations of a binomial count.
    assert abs(len(drawn(b"k", "capture")) - 1200) < 6 * (4000 * 0.3 * 0.7) ** 0.5
    assert drawn(b"k", "capture") == drawn(b"k", "capture") != drawn(b"l", "capture")
    assert abs(len(drawn(b"k", "capture") & drawn(b"k", "shadow")) - 360) < 6 * 18.1
    assert drawn(b"k", "capture") < drawn(b"k", "capture", 0.5)
    assert drawn(b"k", "capture", 0.0) == set()
    assert drawn(b"k", "capture", 1.0) == set(ids)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_captured_is_redacted_before_it_is_written(tmp_path, streamed):
    whole, pieces = says("for jo@corp.co"), says_in_pieces("for jo@", "corp.co")
    with gateway(tmp_path / "i", capture=ALL) as running:
        running.treatment.answer = pieces if streamed else whole
        body = {"model": RECIPE, "messages": [{"role": "user", "content": "al@corp.co"}]}
        answer = running.client().chat.completions.create(**body, user="u1", stream=streamed)
        if streamed:
            answer = list(answer)
        (path,) = running.folder.glob("*.jsonl")
        assert "corp.co" not in path.read_text()
        assert oct(path.stat().st_mode)[-3:] == "600"
        record = running.record()
    assert record["answer"] == "for <EMAIL_2>"
    assert json.loads(record["request"])["messages"][0]["content"] == "<EMAIL_1>"


def test_a_fault_costs_the_text_and_neither_the_answer_nor_the_record(tmp_path, caplog):
    class Faulty(Capture):
        def texts(self, request, answer):
            raise KeyError(answer)

    drops = []
    with gateway(tmp_path / "i", capture=Faulty(b"k", 1.0)) as running:
        running.door.metrics.drop = lambda: drops.append(1)
        running.treatment.answer = says("for jo@corp.co")
        assert running.ask().choices[0].message.content == "for jo@corp.co"
        record = running.record()
    assert {"request", "answer"}.isdisjoint(record)
    assert record["length"] == 14
    assert drops == [1]
    assert "KeyError" in caplog.text and "corp.co" not in caplog.text


def test_by_default_nothing_is(running):
    running.ask()
    assert {"request", "answer"}.isdisjoint(running.record())


# Retention


def record(number, days, **more):
    made = {"id": f"i{number}", "at": days * 86_400_000, "recipe": "tiny", "unit": "u", **more}
    return json.dumps(made).encode() + b"\n"


def test_texts_are_removed_when_their_time_is_over_and_the_rest_stays(
    tmp_path, database_url, monkeypatch
):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    lines = [
        record(number, 10 + number, request="{}", answer="secret words") for number in range(7)
    ]
    (tmp_path / "1.jsonl").write_bytes(b"".join(lines) + record(8, 1))
    assert import_all(tmp_path, database_url).rows == 8
    assert forget_texts(database_url, 15 * 86_400_000) == 5
    assert forget_texts(database_url, 15 * 86_400_000) == 0
    with session(database_url) as opened:
        rows = {row.id: row for row in opened.scalars(select(Row))}
    assert len(rows) == 8
    kept = {name for name, row in rows.items() if row.answer is not None}
    assert kept == {"i5", "i6"} == {name for name, row in rows.items() if row.request is not None}
    assert rows["i0"].unit == "u"


def test_a_removed_text_does_not_lie_in_the_file_of_the_database(tmp_path):
    url = f"sqlite:///{tmp_path}/t.db"
    words = "secret words " * 2000  # longer than a page of the database
    (tmp_path / "1.jsonl").write_bytes(record(1, 1, request="{}", answer=words))
    import_all(tmp_path, url)
    assert b"secret words" in (tmp_path / "t.db").read_bytes()
    forget_texts(url, 10 * 86_400_000)
    assert b"secret words" not in (tmp_path / "t.db").read_bytes()
