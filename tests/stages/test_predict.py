"""A model is asked in just the tokens that training showed it before the answer."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import Dataset

from tests.made_rows import chat
from tests.tiny_model import tiny_examples
from tests.toy_stages import NoParams, given
from tests.training.test_template import TOOL, TOOL_TEMPLATE
from tunesmith.artifacts import Base
from tunesmith.canonical import digest
from tunesmith.errors import InputError
from tunesmith.evaluation.generation import Generation, Output, answering
from tunesmith.evaluation.prompting import Prompting
from tunesmith.records import ChatExample, LabelExample, Message, Prediction, ToolCall
from tunesmith.sampling import sample
from tunesmith.stage import Stage
from tunesmith.stages.predict import STAGE, PredictParams
from tunesmith.store import Store
from tunesmith.training import device as devices
from tunesmith.training.loading import load_tokenizer
from tunesmith.training.rows import IGNORED, turns, write_rows

CALL = Message("assistant", "", tool_calls=(ToolCall("c1", "look", '{"id": 7}'),))
COMMON = {"group_id": "g", "source": "rows.jsonl:1", "origin": "human"}
PLAIN = chat("Who?", "Me.", system="Answer.")
OFFERED = ChatExample(
    **COMMON, row_id="1" * 16, messages=(Message("user", "Where is it?"), CALL), tools=(TOOL,)
)
CALLED = ChatExample(
    **COMMON, row_id="2" * 16,
    messages=(
        Message("user", "Where is it?", name="Ann"), CALL,
        Message("tool", "in the hall", tool_call_id="c1"), Message("assistant", "In the hall."),
    ),
    tools=(TOOL,),
)  # fmt: skip
ROWS = [PLAIN, OFFERED, CALLED]


@pytest.fixture
def asked(monkeypatch):
    """The prompts that the model is asked, as tokens."""
    found = []

    def answer(loaded, ids, **_):
        found.extend(ids)
        return Generation([Output("a", "stop", len(row), 1) for row in ids])

    monkeypatch.setattr(answering, "answer", answer)
    return found


def based(store, folder):
    def body(params, draft):
        return draft.seal_files(Base, folder, model="tiny")

    return store.build(Stage("base", version=1, produces=Base, body=body), NoParams())


@pytest.fixture
def base(store, tiny_base, tmp_path):
    """The tiny base with a template that knows tools."""
    folder = tmp_path / "base"
    shutil.copytree(tiny_base, folder)
    (folder / "chat_template.jinja").write_text(TOOL_TEMPLATE)
    return based(store, folder)


def predict(store, rows, base, examples=(), **fields):
    params = PredictParams(max_new_tokens=5, **fields)
    made = store.build(
        STAGE, params, given(store, rows), base, None, given(store, examples) if examples else None
    )
    return list(store.rows(made, Prediction))


def test_a_prompt_has_the_tokens_that_training_saw(store, base, asked, tmp_path):
    found = predict(store, ROWS, base)
    tokenizer = load_tokenizer(store.path(base))
    order = {row.row_id: row for row in ROWS}
    write_rows(tmp_path / "rows", [order[row.row_id] for row in found], tokenizer, 1000)
    trained = list(Dataset.from_file(str(tmp_path / "rows")))
    assert len(asked) == len(trained) == 3
    for ids, row in zip(asked, trained, strict=True):
        assert ids == row["input_ids"][: row["labels"].count(IGNORED)]
    texts = {row.row_id: tokenizer.decode(ids) for row, ids in zip(found, asked, strict=True)}
    assert "tool look" in texts[OFFERED.row_id]
    assert '"id": 7' in texts[CALLED.row_id].replace('{"id":7', '"id": 7')
    assert "tool look" not in texts[PLAIN.row_id]


def test_a_prompt_s_digest_tells_what_was_offered(store, base, asked):
    bare = ChatExample(**COMMON, row_id="3" * 16, messages=OFFERED.messages)
    found = {row.row_id: row for row in predict(store, [*ROWS, bare], base)}
    assert found[OFFERED.row_id].prompt_digest != found[bare.row_id].prompt_digest
    assert found[PLAIN.row_id].prompt_digest == digest(turns(PLAIN.prompt))


def test_shots_with_calls_and_rows_without_tools_are_asked_too(store, base, asked):
    label = LabelExample(**COMMON, row_id="4" * 16, text="Is it lost?", label="lost")
    predict(store, [label], base, [CALLED], prompting=Prompting(shots=1))
    text = load_tokenizer(store.path(base)).decode(asked[0])
    assert text.index("in the hall") < text.index("In the hall.") < text.index("Is it lost?")


def test_of_more_shots_than_the_context_holds_the_first_are_asked(store, base, asked):
    context = json.loads((store.path(base) / "config.json").read_text())["max_position_embeddings"]
    pool = [chat(f"Question {n}?", f"{'word ' * 40}{n}.") for n in range(40)]
    predict(store, [PLAIN], base, pool, prompting=Prompting(shots=40))
    (record,) = store.all_records("predict")
    ((shown, rows),) = record["notes"]["shots"].items()
    assert (0 < int(shown) < 40, rows) == (True, 1)
    assert len(asked[0]) + 5 <= context < len(asked[0]) + 5 + len(asked[0]) / int(shown)
    text = load_tokenizer(store.path(base)).decode(asked[0])
    order = [row.answer in text for row in sample(pool, 40, "predict 0")]
    assert order == [True] * int(shown) + [False] * (40 - int(shown))


def test_steps_get_room_to_think_in_and_leave_the_final_answer(store, base, monkeypatch):
    limits = []

    def answer(loaded, ids, *, max_new_tokens, **_):
        limits.append(max_new_tokens)
        return Generation([Output("Well.\nFinal answer: 42", "stop", len(row), 9) for row in ids])

    monkeypatch.setattr(answering, "answer", answer)
    (steps,) = predict(store, [PLAIN], base, prompting=Prompting(style="steps", reasoning_tokens=7))
    (plain,) = predict(store, [PLAIN], base)
    assert limits == [12, 5]
    assert (steps.output, steps.completion_tokens) == ("42", 9)
    assert plain.output == "Well.\nFinal answer: 42"
    assert steps.prompt_digest != plain.prompt_digest


def test_a_schema_holds_the_answers(store, base):
    way = Prompting(style="schema", json_schema='{"enum": ["a", "b"]}')
    (found,) = predict(store, [PLAIN], base, prompting=way)
    assert found.output in ('"a"', '"b"')


def test_a_template_without_tools_is_refused_and_not_asked_without_them(store, tiny_base, asked):
    with pytest.raises(InputError, match="leaves out the tool 'look'"):
        predict(store, [OFFERED], based(store, tiny_base))
    assert asked == []


DRAWN = {"temperature": 1.5, "top_p": 0.95}


def outputs(store, rows, base, **fields):
    return {row.row_id: row.output for row in predict(store, rows, base, **fields)}


def test_a_row_is_drawn_the_same_in_any_company(store, tiny_base):
    base, rows = based(store, tiny_base), tiny_examples(6, seed=3)
    options = {"batch_size": 4, "precision": "fp32"}
    greedy, drawn = (outputs(store, rows, base, **options, **how) for how in ({}, DRAWN))
    assert greedy != drawn
    few = outputs(store, rows[2:], base, **options, **DRAWN)
    assert few == {row_id: drawn[row_id] for row_id in few}
    assert outputs(store, rows, base, **options, **DRAWN, seed=1) != drawn


def test_another_precision_does_not_go_on_with_what_one_left(store, tiny_base, monkeypatch):
    base, rows = based(store, tiny_base), tiny_examples(4, seed=3)
    real = answering.answer
    asked = []

    def dies(loaded, ids, *, on_batch, finished, **more):
        def keep(*batch):
            on_batch(*batch)
            raise KeyboardInterrupt

        asked.append((loaded.device.precision, len(finished)))
        return real(loaded, ids, on_batch=keep, finished=finished, **more)

    monkeypatch.setattr(answering, "answer", dies)
    usual = devices.pick
    for precision in ("fp32", "bf16", "fp32"):
        # As if the same build went on where another machine left it.
        monkeypatch.setattr(devices, "pick", lambda _, best=precision: usual(best))
        with pytest.raises(KeyboardInterrupt):
            predict(store, rows, base, batch_size=1)
    assert asked == [("fp32", 0), ("bf16", 0), ("fp32", 1)]


KILLED_AND_STRAIGHT = """
import os, signal, sys
from tunesmith.artifacts import Base, Examples
from tunesmith.evaluation.generation import answering
from tunesmith.stages.predict import STAGE, PredictParams
from tunesmith.store import Store
params, base, rows, *stores = sys.argv[1:]
params = PredictParams.model_validate_json(params)
inputs = Examples.model_validate_json(rows), Base.model_validate_json(base), None, None

def killed_after_two_batches():
    real, kept = answering.answer, []
    def answer(*given, on_batch, **more):
        def keep(*batch):
            on_batch(*batch)
            kept.append(batch)
            if len(kept) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, on_batch=keep, **more)
    answering.answer = answer
    Store(stores[0]).build(STAGE, params, *inputs)

child = os.fork()
if not child:
    killed_after_two_batches()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
for url in stores:
    print(Store(url).build(STAGE, params, *inputs).digest)
"""


def test_killed_or_not_the_same_is_answered_again_in_another_process(tiny_base, tmp_path):
    """In the machine's own number format: what keeps the answers is that the batches stay."""
    params, rows = PredictParams(max_new_tokens=24, batch_size=4), tiny_examples(11, seed=4)
    urls = [str(tmp_path / name) for name in ("killed", "straight", "here")]
    for url in urls:
        source, base = given(Store(url), rows), based(Store(url), tiny_base)
    made = Store(urls[2]).build(STAGE, params, source, base, None, None)
    arguments = [one.model_dump_json() for one in (params, base, source)]
    told = subprocess.run(
        [sys.executable, "-c", KILLED_AND_STRAIGHT, *arguments, *urls[:2]],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert told == [str(-signal.SIGKILL), made.digest, made.digest]
    (resumed,) = Store(urls[0]).all_records("predict")
    (straight,) = Store(urls[1]).all_records("predict")
    assert resumed["notes"]["batches"] == straight["notes"]["batches"] == 3
