"""An adapter refuses another base wherever the two meet, and names the command that trains one."""

import pytest

from tests.made_rows import chat
from tests.toy_stages import given
from tunesmith.artifacts import Adapter, Base, Examples, Package
from tunesmith.errors import InputError
from tunesmith.packaging.pinning import check_base
from tunesmith.stages import clock, package, predict, probe

BASE = Base(digest="b" * 64, model="org/small")
OTHER = Base(digest="c" * 64, model="org/small")
"""As when its name stays and its weights change."""
ADAPTER = Adapter(digest="a" * 64, base=BASE.digest)
PACKAGE = Package(digest="d" * 64, base=BASE.digest, adapter=ADAPTER.digest, passed=True)


def test_its_own_base_is_taken():
    check_base(ADAPTER, BASE)
    check_base(None, OTHER)


def test_another_base_is_refused_with_the_command_that_trains_on_it():
    with pytest.raises(InputError) as raised:
        check_base(ADAPTER, OTHER)
    assert str(raised.value) == (
        "adapter aaaaaaaaaaaa was trained on the base bbbbbbbbbbbb, not on cccccccccccc "
        "(org/small), and fits no other. Put that base into the recipe, or train on this one with "
        "`tunesmith run RECIPE`"
    )


@pytest.mark.parametrize("stage", ["package", "clock", "predict", "probe"])
def test_every_stage_that_puts_the_two_together_refuses(store, stage):
    rows: Examples = given(store, [chat("so?")])
    with pytest.raises(InputError, match="was trained on the base .* `tunesmith run RECIPE`"):
        if stage == "package":
            store.build(package.STAGE, package.PackageParams(), OTHER, ADAPTER, rows)
        elif stage == "clock":
            params = clock.ClockParams(prompts=1, max_new_tokens=1)
            store.build(clock.STAGE, params, PACKAGE, OTHER, ADAPTER, rows)
        elif stage == "predict":
            store.build(predict.STAGE, predict.PredictParams(), rows, OTHER, ADAPTER, None)
        else:
            store.build(probe.STAGE, probe.ProbeParams(), OTHER, ADAPTER, rows, rows)
