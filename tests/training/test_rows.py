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
