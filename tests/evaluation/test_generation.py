import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_model import CONTEXT, letter, orders, tiny_examples
from tunesmith.errors import InputError
from tunesmith.evaluation.generation import Output, answer, generate, load
from tunesmith.evaluation.generation.work import common_prefix, plan_batches
from tunesmith.training.device import pick
from tunesmith.training.rows import turns
from tunesmith.training.template import prompt_ids

ROWS = 13


@pytest.fixture(scope="module")
def device():
    return pick("fp32")


@pytest.fixture(scope="module")
def loaded(tiny_base, device):
    return load(tiny_base, None, device)


@pytest.fixture(scope="module")
def prompts():
    """Prompts with two shots each, of clearly different lengths."""
    first, second, *rows = tiny_examples(ROWS + 2, seed=5)
    shots = [*turns(first.messages), *turns(second.messages)[1:]]
    return [
        [*shots, {"role": "user", "content": row.prompt[-1].content + " Thanks!" * (index % 4)}]
        for index, row in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def ids(loaded, prompts):
    return [prompt_ids(loaded.tokenizer, prompt) for prompt in prompts]


@given(st.lists(st.integers(1, 50)), st.integers(1, 9))
def test_every_prompt_is_in_one_batch_with_its_neighbours_in_length(lengths, size):
    batches = plan_batches(lengths, size)
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    assert all(len(batch) == size for batch in batches[:-1])
    assert [lengths[place] for batch in batches for place in batch] == sorted(lengths, reverse=True)


def test_prompts_of_one_length_keep_their_order():
    assert plan_batches([3, 7, 3, 7, 3], 2) == [(1, 3), (0, 2), (4,)]


def test_answers_of_different_limits_are_never_in_one_batch_and_the_short_come_first():
    assert plan_batches([3, 7, 3, 7, 3], 2, [9, 9, 4, 4, 9]) == [(3, 2), (1, 0), (4,)]


@given(st.lists(st.lists(st.integers(0, 2), min_size=1), min_size=1))
def test_the_common_prefix_is_the_longest_that_leaves_each_row_a_token(rows):
    length = common_prefix(rows)
    assert all(row[:length] == rows[0][:length] for row in rows)
    assert all(len(row) > length for row in rows)
    longer = length + 1
    assert any(len(row) == longer or row[:longer] != rows[0][:longer] for row in rows)


def test_greedy_answers_are_those_of_the_library(loaded, ids):
    import torch

    ours = answer(loaded, ids, max_new_tokens=30, batch_size=4).outputs
    for row, output in zip(ids, ours, strict=True):
        with torch.inference_mode():
            theirs = loaded.model.generate(
                torch.tensor([row]),
                attention_mask=torch.ones(1, len(row), dtype=torch.long),
                max_new_tokens=30,
                do_sample=False,
            )[0, len(row) :]
        assert output.text == loaded.tokenizer.decode(theirs, skip_special_tokens=True)
        assert output.prompt_tokens == len(row)


@pytest.mark.parametrize(("batch_size", "share_prefix"), [(1, False), (8, False), (8, True)])
def test_neither_batch_nor_padding_nor_shared_prefix_changes_an_answer(
    loaded, ids, batch_size, share_prefix
):
    alone = answer(loaded, ids, max_new_tokens=30, batch_size=1).outputs
    found = answer(loaded, ids, max_new_tokens=30, batch_size=batch_size, share_prefix=share_prefix)
    assert found.outputs == alone
    assert len(set(map(len, ids))) > 3, "padding is not put to the test"
    expected = common_prefix(ids) if share_prefix else 0
    assert found.notes["shared_tokens"] == expected
    assert common_prefix(ids) > 40, "the shared prefix is not put to the test"


def test_prompts_with_limits_of_their_own_are_answered_as_in_two_runs(loaded, ids):
    limits = [4 if place % 3 else 30 for place in range(len(ids))]
    mixed = answer(loaded, ids, max_new_tokens=limits, batch_size=4).outputs
    for limit in (4, 30):
        places = [place for place, own in enumerate(limits) if own == limit]
        rows = [ids[place] for place in places]
        alone = answer(loaded, rows, max_new_tokens=limit, batch_size=4).outputs
        assert [mixed[place] for place in places] == alone


def test_the_next_token_s_scores_do_not_feel_padding_or_prefix(loaded, ids):
    import torch

    from tunesmith.evaluation.generation.decoding import _Batch, _read_prefix

    shared = common_prefix(ids)
    with torch.inference_mode():
        batch = _Batch(loaded, _read_prefix(loaded, ids[0][:shared]), [r[shared:] for r in ids], 5)
        scores = loaded.model(
            input_ids=batch.tokens,
            attention_mask=batch.mask[:, : shared + batch.tokens.shape[1]],
            position_ids=batch.positions[:, shared : shared + batch.tokens.shape[1]],
            past_key_values=batch.cache,
        ).logits[:, -1]
        alone = [loaded.model(input_ids=torch.tensor([row])).logits[0, -1] for row in ids]
    torch.testing.assert_close(scores, torch.stack(alone), atol=1e-4, rtol=1e-4)


def test_an_answer_ends_at_the_stop_token_and_holds_nothing_after_it(loaded):
    order = orders(1, seed=3)[0]
    example = tiny_examples(1, seed=3)[0]
    row = prompt_ids(loaded.tokenizer, turns(example.prompt))
    output = answer(loaded, [row], max_new_tokens=40, batch_size=1).outputs[0]
    expected = letter(*order)
    tokens = loaded.tokenizer.encode(expected, add_special_tokens=False)
    assert output == Output(expected, "stop", len(row), len(tokens))

    # With room for exactly the answer but not its end, or for less, it counts as cut off.
    for room in (len(tokens), 3):
        cut = answer(loaded, [row], max_new_tokens=room, batch_size=1).outputs[0]
        text = loaded.tokenizer.decode(tokens[:room])
        assert cut == Output(text, "length", len(row), room)


def test_a_batch_goes_on_without_its_ended_answers_once_they_are_half_of_it(loaded, ids):
    alone = answer(loaded, ids, max_new_tokens=60, batch_size=1).outputs
    steps = sorted(one.completion_tokens + (one.finish_reason == "stop") for one in alone)
    expected = [len(ids)]
    for done in range(1, steps[-1]):
        unended = sum(step > done for step in steps)
        expected.append(unended if 2 * unended <= expected[-1] else expected[-1])
    assert len(set(expected)) > 2, "no answer ends much before the others"

    rows = []
    hook = loaded.model.register_forward_pre_hook(
        lambda _, __, given: rows.append(len(given["input_ids"])), with_kwargs=True
    )
    try:
        found = answer(
            loaded, ids, max_new_tokens=60, batch_size=len(ids), share_prefix=False
        ).outputs
    finally:
        hook.remove()
    assert rows == expected
    assert found == alone


def test_an_interrupted_run_forms_the_same_batches_and_keeps_what_is_done(
    tiny_base, prompts, device
):
    options = {"max_new_tokens": 20, "batch_size": 4, "device": device}
    kept, progress = {}, []
    straight = generate(
        tiny_base, None, prompts, **options, on_batch=kept.__setitem__, on_progress=progress.append
    )
    assert [len(batch) for batch in kept.values()] == [4, 4, 4, 1]
    assert progress == [4, 8, 12, 13]

    mark = Output("kept from before", "stop", 1, 1)
    finished = dict.fromkeys(kept[1], mark)
    finished[next(iter(kept[2]))] = mark  # of a batch that was not finished
    again = {}
    resumed = generate(
        tiny_base, None, prompts, **options, finished=finished, on_batch=again.__setitem__
    )
    assert again == {number: kept[number] for number in (0, 2, 3)}
    for place, output in enumerate(resumed.outputs):
        assert output == (mark if place in kept[1] else straight.outputs[place])


def test_what_is_wholly_done_needs_no_model(tmp_path):
    finished = {0: Output("a", "stop", 1, 1), 1: Output("b", "stop", 1, 1)}
    found = generate(
        tmp_path / "gone",
        None,
        [[], []],
        max_new_tokens=1,
        batch_size=1,
        finished=finished,
    )
    assert found.outputs == [finished[0], finished[1]]


def test_a_prompt_that_leaves_no_room_for_its_answer_is_named(tiny_base, prompts, device, loaded):
    width = len(prompt_ids(loaded.tokenizer, prompts[2]))
    longest = max(len(prompt_ids(loaded.tokenizer, prompt)) for prompt in prompts)
    options = {"batch_size": 1, "device": device}
    # What fits exactly is answered; the near miss is one token more.
    generate(tiny_base, None, [prompts[2]], max_new_tokens=CONTEXT - width, **options)
    with pytest.raises(InputError, match=r"^prompt 1: "):
        generate(tiny_base, None, [prompts[2]], max_new_tokens=CONTEXT - width + 1, **options)
    names = [f"test.jsonl:{line}" for line in range(1, ROWS + 1)]
    with pytest.raises(InputError, match=r"^test.jsonl:\d+: "):
        generate(
            tiny_base,
            None,
            prompts,
            max_new_tokens=CONTEXT - longest + 1,
            names=names,
            **options,
        )


def test_an_adapter_makes_the_difference(tiny_base, tiny_adapter, device):
    examples = tiny_examples(20, seed=99)
    asked = [turns(example.prompt) for example in examples]
    options = {"max_new_tokens": 40, "batch_size": 20, "device": device}
    before = generate(tiny_base, None, asked, **options).outputs
    after = generate(tiny_base, tiny_adapter, asked, **options).outputs
    assert [o.text for o in before] == [letter(*order) for order in orders(20, seed=99)]
    right = sum(o.text == e.answer for o, e in zip(after, examples, strict=True))
    assert right >= 15


def test_bfloat16_answers_are_the_same_from_run_to_run(tiny_base, tiny_adapter, prompts):
    options = {"max_new_tokens": 20, "batch_size": 4, "device": pick("bf16")}
    first = generate(tiny_base, tiny_adapter, prompts, **options)
    assert first.notes["precision"] == "bf16"
    assert generate(tiny_base, tiny_adapter, prompts, **options).outputs == first.outputs


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda a: (a / "adapter_config.json").unlink(), "adapter_config.json is missing"),
        (lambda a: (a / "adapter_model.safetensors").unlink(), "adapter_model.safetensors is miss"),
        (lambda a: (a / "adapter_config.json").write_text("{"), "not JSON"),
        (lambda a: (a / "adapter_config.json").write_text('{"peft_type": "IA3"}'), "'IA3'"),
        (
            lambda a: (a / "adapter_model.safetensors").write_bytes(
                (a / "adapter_model.safetensors").read_bytes()[:-1]
            ),
            "header promises",
        ),
    ],
)
def test_a_damaged_adapter_is_refused(tiny_base, tiny_adapter, tmp_path, device, damage, message):
    adapter = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    damage(adapter)
    with pytest.raises(InputError, match=message):
        load(tiny_base, adapter, device)


def test_an_adapter_for_another_shape_is_refused(tiny_base, tiny_adapter, tmp_path, device):
    from safetensors.numpy import load_file, save_file

    adapter = shutil.copytree(tiny_adapter, tmp_path / "adapter")
    weights = load_file(adapter / "adapter_model.safetensors")
    name = next(name for name in sorted(weights) if name.endswith("lora_A.weight"))

    save_file({**weights, name: weights[name][:, :-1]}, adapter / "adapter_model.safetensors")
    with pytest.raises(InputError, match="does not fit"):
        load(tiny_base, adapter, device)

    # A missing matrix would stay at its random start, one too many would be left out.
    for changed in (
        {key: value for key, value in weights.items() if key != name},
        {**weights, name.replace("layers.0", "layers.2"): weights[name]},
    ):
        save_file(changed, adapter / "adapter_model.safetensors")
        with pytest.raises(InputError, match="does not fit"):
            load(tiny_base, adapter, device)


def test_a_base_that_lacks_a_weight_is_refused(tiny_base, tmp_path, device):
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(tiny_base, tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"1 weights are missing.*model\.norm\.weight"):
        load(folder, None, device)
