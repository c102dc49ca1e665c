"""Which rows a training reads, in which order."""

from tests.made_rows import distinct
from tunesmith.stages.train import TrainParams, _ordered


def test_a_sample_keeps_the_order_of_a_curriculum():
    rows = distinct(40)
    easy_first = TrainParams(method="sft", sample=15, shuffle=False)
    kept = _ordered(rows, easy_first, "salt")
    assert kept == [row for row in rows if row in kept]
    assert len(kept) == 15
    mixed = _ordered(rows, TrainParams(method="sft", sample=15), "salt")
    assert mixed != kept
    assert {row.row_id for row in mixed} == {row.row_id for row in kept}


def test_a_row_that_mix_repeats_is_read_as_often():
    rows = [*distinct(3), *distinct(3)]
    for shuffle in (True, False):
        assert len(_ordered(rows, TrainParams(method="sft", shuffle=shuffle), "salt")) == 6
