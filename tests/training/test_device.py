import pytest

from tunesmith.training import device
from tunesmith.training.device import pick


@pytest.mark.parametrize(
    ("features", "precision"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx2": True}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_bfloat16_only_where_the_processor_has_it(monkeypatch, features, precision):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert pick().precision == precision
    assert pick("fp32").dtype == torch.float32
    assert pick("bf16").dtype == torch.bfloat16


def test_no_more_threads_than_cores(monkeypatch):
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        monkeypatch.setattr(device, "available_cores", lambda: 2)
        assert pick("fp32").threads == torch.get_num_threads() == 2
        monkeypatch.setattr(device, "available_cores", lambda: 9)
        assert pick("fp32").threads == 2
    finally:
        torch.set_num_threads(before)
