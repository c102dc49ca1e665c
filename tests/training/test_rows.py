import msgspec
import pytest
from datasets import Dataset

from tests.tiny_model import tiny_examples
from tunesmith.errors import InputError
from tunesmith.training.loading import load_tokenizer
from tunesmith.training.rows import IGNORED, TokenCounts, turns, write_rows


@pytest.fixture(scope="module")
def tokenizer(tiny_base):
    return load_tokenizer(tiny_base)


def read(path):
    return list(Dataset.from_file(str(path)))


def test_only_the_answer_and_its_end_carry_labels(tokenizer, tmp_path):
    examples = tiny_examples(5)
    counts = write_rows(tmp_path / "rows.arrow", examples, tokenizer, 100)
    rows = read(tmp_path / "rows.arrow")
    for example, row in zip(examples, rows, strict=True):
        labelled = [label for label in row["labels"] if label != IGNORED]
        assert tokenizer.decode(labelled) == example.answer + "<|im_end|>\n"
        assert row["input_ids"][-len(labelled) :] == labelled
        assert len(row["labels"]) == len(row["input_ids"])
    assert counts == TokenCounts(
        rows=5,
        tokens=sum(len(row["input_ids"]) for row in rows),
        answer_tokens=sum(label != IGNORED for row in rows for label in row["labels"]),
    )


def test_tokens_and_labels_are_those_that_trl_would_make(tokenizer, tiny_base, tmp_path):
    from trl import SFTConfig, SFTTrainer

    from tunesmith.training.loading import load_base, quiet

    examples = tiny_examples(20)
    write_rows(tmp_path / "rows.arrow", examples, tokenizer, 100)
    theirs = [
        {
            "prompt": turns(example.prompt),
            "completion": [{"role": "assistant", "content": example.answer}],
        }
        for example in examples
    ]
    import torch

    arguments = SFTConfig(
        output_dir=str(tmp_path),
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        report_to="none",
        dataloader_pin_memory=False,
    )
    with quiet():
        trainer = SFTTrainer(
            load_base(tiny_base, torch.float32),
            arguments,
            train_dataset=Dataset.from_list(theirs),
            processing_class=tokenizer,
        )
    prepared = [
        {name: row[name] for name in ("input_ids", "labels")} for row in trainer.train_dataset
    ]
    assert read(tmp_path / "rows.arrow") == prepared


def test_a_file_of_many_batches_keeps_the_order(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("tunesmith.training.rows.BUFFERED", 3)
    examples = tiny_examples(10)
    write_rows(tmp_path / "parts.arrow", iter(examples), tokenizer, 100)
    monkeypatch.undo()
    write_rows(tmp_path / "whole.arrow", examples, tokenizer, 100)
    assert read(tmp_path / "parts.arrow") == read(tmp_path / "whole.arrow")


def test_a_row_of_just_the_longest_length_passes_and_one_token_more_does_not(tokenizer, tmp_path):
    example = tiny_examples(1)[0]
    path = tmp_path / "rows.arrow"
    length = write_rows(path, [example], tokenizer, 1000).tokens
    path.unlink()
    write_rows(path, [example], tokenizer, length)
    path.unlink()
    with pytest.raises(InputError, match=r"orders.jsonl:1: 1 rows .*longest has"):
        write_rows(path, [example], tokenizer, length - 1)
    assert not path.exists()


def test_rows_that_are_too_long_are_counted_and_the_first_are_named(tokenizer, tmp_path):
    examples = [
        msgspec.structs.replace(example, source=f"x.jsonl:{line}")
        for line, example in enumerate(tiny_examples(5), start=1)
    ]
    with pytest.raises(InputError, match=r"^x.jsonl:1, x.jsonl:2, x.jsonl:3, \.\.\.: 5 rows"):
        write_rows(tmp_path / "rows.arrow", examples, tokenizer, 10)


def test_a_call_of_a_tool_is_trained_as_the_template_writes_it(tokenizer, tmp_path):
    from tests.made_rows import chat
    from tests.training.test_template import TOOL, TOOL_TEMPLATE
    from tunesmith.records import Message, ToolCall

    row = msgspec.structs.replace(
        chat("Where is it?"),
        messages=(
            Message("user", "Where is it?"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "look", '{"id": 7}'),)),
        ),
        tools=(TOOL,),
    )
    with_tools = load_tokenizer(tokenizer.name_or_path)
    with_tools.chat_template = TOOL_TEMPLATE
    write_rows(tmp_path / "rows.arrow", [row], with_tools, 500)
    (written,) = read(tmp_path / "rows.arrow")
    labelled = [label for label in written["labels"] if label != IGNORED]
    assert '"id"' in tokenizer.decode(labelled)
    assert "tool look" in tokenizer.decode(written["input_ids"])
    with pytest.raises(InputError, match="leaves out the tool 'look'"):
        write_rows(tmp_path / "other.arrow", [row], tokenizer, 500)


def test_turns_carry_what_tools_need():
    from tunesmith.records import Message, ToolCall

    call = Message("assistant", "", "Ada", (ToolCall("c1", "look", '{"id": 7}'),))
    assert turns([call, Message("tool", "7", None, (), "c1")]) == [
        {
            "role": "assistant",
            "content": "",
            "name": "Ada",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "look", "arguments": {"id": 7}},
                }
            ],
        },
        {"role": "tool", "content": "7", "tool_call_id": "c1"},
    ]
