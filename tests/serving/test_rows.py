"""Rows come and go in any order, and each is computed as if it were alone."""

import random

import pytest
import torch

from tunesmith.serving import rows as rows_module
from tunesmith.serving.rows import Singles, Strips, open_rows

MOST = 4


@pytest.fixture(scope="module")
def sliding():
    """A model that attends to the last eight tokens only."""
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(3)
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=1, sliding_window=8, head_dim=16,
        )
    ).eval()  # fmt: skip


def scores_alone(model, ids):
    return model(input_ids=torch.tensor([ids])).logits[:, -1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["plain", "sliding"])
def test_a_row_feels_neither_who_comes_nor_who_goes(kind, seed, loaded, sliding, monkeypatch):
    monkeypatch.setattr(rows_module, "ROOM", 8)  # so that strips have to grow
    model = loaded.model if kind == "plain" else sliding
    rows = open_rows(model, MOST)
    assert isinstance(rows, Strips if kind == "plain" else Singles)
    draw = random.Random(seed)
    beginning = [draw.randrange(3, 60) for _ in range(6)]
    running, entered, left = [], 0, 0
    with torch.inference_mode():
        for _ in range(60):
            if len(running) < MOST and draw.random() < 0.5:
                new = []
                for _ in range(draw.randint(1, MOST - len(running))):
                    own = [draw.randrange(3, 60) for _ in range(draw.randrange(1, 14))]
                    new.append(beginning[: draw.randrange(7)] + own)
                expected = torch.cat([scores_alone(model, ids) for ids in new])
                torch.testing.assert_close(rows.enter(new), expected, atol=1e-4, rtol=1e-4)
                running += new
                entered += len(new)
            elif running and draw.random() < 0.3:
                at = draw.randrange(len(running))
                rows.leave(at)
                running[at] = running[-1]
                running.pop()
                left += 1
            elif running:
                tokens = [draw.randrange(3, 60) for _ in running]
                found = rows.step(tokens)
                running = [[*ids, token] for ids, token in zip(running, tokens, strict=True)]
                expected = torch.cat([scores_alone(model, ids) for ids in running])
                torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert entered > 4
    assert left > 2


def test_what_a_prompt_begins_with_is_not_read_again_and_short_rests_are_read_together(loaded):
    read = []
    watching = loaded.model.register_forward_pre_hook(
        lambda module, given, named: read.append(tuple(named["input_ids"].shape)), with_kwargs=True
    )
    try:
        with torch.inference_mode():
            rows = open_rows(loaded.model, MOST)
            rows.enter([[5, 6, 7, 8, 9]])
            rows.enter([[5, 6, 7, 30]])  # begins like a row that goes on
            rows.leave(1)
            rows.leave(0)
            rows.enter([[5, 6, 7, 8, 9]])  # like one that is gone; the last token has to be read
            assert read == [(1, 5), (1, 1), (1, 1)]
            prompts = [[5, 6, 7, 40, 41, 42], [5, 6, 7, 8, 43, 44], [4] * 100]
            found = rows.enter(prompts)
            assert read[3:] == [(2, 3), (1, 100)]
            alone = torch.cat([scores_alone(loaded.model, ids) for ids in prompts])
            torch.testing.assert_close(found, alone, atol=1e-4, rtol=1e-4)
    finally:
        watching.remove()


def test_memory_is_for_the_rows_that_there_are_and_is_given_back(loaded, monkeypatch):
    """One long prompt must not take the memory of as many as there may be."""
    monkeypatch.setattr(rows_module, "ROOM", 8)
    monkeypatch.setattr(rows_module, "KEPT", 64)
    with torch.inference_mode():
        rows = open_rows(loaded.model, MOST)
        rows.enter([[5] * 100])
        room = rows._writing.room
        held = sum(strip.numel() for layer in rows._cache.layers for strip in layer.strips)
        rows.enter([[6, 7, 8]])
        assert (room, rows._writing.room) == (128, 256)
        assert sum(s.numel() for layer in rows._cache.layers for s in layer.strips) == 2 * held
        rows.leave(0)
        rows.leave(0)
        assert rows._writing.room == 0
        found = rows.enter([[6, 7, 8, 9]])
        assert rows._writing.room == 8
        torch.testing.assert_close(
            found, scores_alone(loaded.model, [6, 7, 8, 9]), atol=1e-4, rtol=1e-4
        )
