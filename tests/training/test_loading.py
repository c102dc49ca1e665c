import torch

from tunesmith.training.loading import load_adapter, load_base


def test_an_adapter_leaves_all_of_its_base_as_it_is(tiny_base, tiny_adapter):
    """Angles of rotary positions stay in 32 bits, or far positions of the candidate would differ."""
    before = dict(load_base(tiny_base, torch.bfloat16).named_buffers())
    adapted = load_adapter(load_base(tiny_base, torch.bfloat16), tiny_adapter)
    after = dict(adapted.base_model.model.named_buffers())
    assert before.keys() == after.keys()
    assert any(buffer.dtype == torch.float32 for buffer in before.values())
    for name, buffer in before.items():
        assert after[name].dtype == buffer.dtype
        assert torch.equal(after[name], buffer)
    brought = [value for name, value in adapted.named_parameters() if "lora_" in name]
    assert brought
    assert {value.dtype for value in brought} == {torch.bfloat16}
