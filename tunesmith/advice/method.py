"""Which method to use, by a table of rules; the first that holds names it.

| rule | when | method |
|---|---|---|
| good enough | the prompt baseline reaches the target | prompt |
| passages do | with passages of the recipe's documents the base reaches it | retrieve |
| too few | there are fewer than 100 examples | prompt |
| ambiguous | most failures have inputs that do not settle the answer | prompt |
| changing facts | answers rest on knowledge that changes | retrieve |
| deep knowledge | the model must hold complex knowledge itself, on under 10,000 examples \
| retrieve |
| missing facts | most failures are of fact, and not all facts are in the input | retrieve |
| unstable | the task changes within 6 months | prompt |
| unlike training | most failures have inputs unlike the training rows | prompt |
| checked reasoning | several steps of reasoning, and a program can tell a right answer | RL |
| reasoning | several steps of reasoning | prompt |
| nothing to gain | no gain speaks for fine-tuning, nor do failures of format or terminology \
| prompt |
| preferences | the rows are preferences | DPO |
| managed | a vendor trains and serves | managed SFT |
| else | | LoRA SFT |

A rule holds, does not, or is not known. One that is not known does not stop the search, but it is
told with the answer that would settle it. "Most" is more than half, "failures of format" a quarter,
each by the lower limit of the share's interval, and only of enough failures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tunesmith.advice.factors import KNOWLEDGE, NEEDS, REFUSED, Factor, Facts, factors
from tunesmith.advice.failures import Kind, Sorted
from tunesmith.advice.target import Reached

Method = Literal["prompt", "retrieve", "managed SFT", "LoRA SFT", "DPO", "RL"]

MOST = 0.5
MANY = 0.25
PREFERENCES = 0.95
"""Share of the rows that must be preferences."""


@dataclass(frozen=True)
class Case:
    """All that the rules look at.

    Attributes:
        facts: What is known of the task.
        failures: What the prompt baseline gets wrong; None where it was not measured.
        reached: Whether it reaches the target; None where it was not measured but there is one.
        retrieved: The same of the base with passages from documents.
    """

    facts: Facts
    failures: Sorted | None = None
    reached: Reached | None = None
    retrieved: Reached | None = None

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The eight factors."""
        return factors(self.facts)

    def speaks_for(self, name: str) -> bool | None:
        """Whether a factor speaks for fine-tuning; None where it is unknown."""
        found = next(factor for factor in self.factors if factor.name == name)
        return None if found.direction == "unknown" else found.direction == "for"

    def share_above(self, kind: Kind, least: float) -> bool:
        """Whether a kind of failure credibly is more than so large a share of them."""
        if self.failures is None or not self.failures.enough:
            return False
        return self.failures.share(kind).low > least


Holds = Callable[[Case], bool | None]


class Rule(NamedTuple):
    """A rule: where it holds, its method is the one."""

    name: str
    method: Method
    holds: Holds
    because: str
    ask: str
    """What settles it where it is not known."""


class Unsettled(NamedTuple):
    """Another method, that one of the rules before would choose if it held, and nobody knows."""

    method: Method
    rules: tuple[Rule, ...]
    """They have the same question."""

    @property
    def text(self) -> str:
        """What would change the method."""
        causes = "; or ".join(rule.because for rule in self.rules)
        return f"{self.method}, if {causes}. To settle it, {self.rules[0].ask}"


@dataclass(frozen=True)
class Recommendation:
    """What to do, by which rule, and why.

    Attributes:
        method: What to use.
        rule: The rule that chose it.
        reason: The rule, and the factors on each side.
        unless: Rules that would choose another method, if they held.
    """

    method: Method
    rule: str
    reason: str
    unless: tuple[Unsettled, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether no answer that is missing could change the method."""
        return not self.unless


def choose(case: Case) -> Recommendation:
    """Name the method for a case."""
    unknown: list[Rule] = []
    for rule in RULES:
        holds = rule.holds(case)
        if holds is None:
            unknown.append(rule)
        elif holds:
            others = [item for item in unknown if item.method != rule.method]
            return Recommendation(rule.method, rule.name, _reason(rule, case), _asked(others))
    raise AssertionError("the last rule always holds")


def _asked(rules: Sequence[Rule]) -> tuple[Unsettled, ...]:
    """Put the rules together that choose the same method and ask the same."""
    by_question: dict[tuple[Method, str], list[Rule]] = {}
    for rule in rules:
        by_question.setdefault((rule.method, rule.ask), []).append(rule)
    return tuple(Unsettled(key[0], tuple(found)) for key, found in by_question.items())


def _reason(rule: Rule, case: Case) -> str:
    sides = {"for": "for fine-tuning", "against": "against it", "unknown": "unknown"}
    named = []
    for side, words in sides.items():
        names = [factor.name for factor in case.factors if factor.direction == side]
        if names:
            named.append(f"{words}: {', '.join(names)}")
    return f"{rule.because} ({'; '.join(named)})"


def _not(known: bool | None) -> bool | None:
    return None if known is None else not known


def _both(one: bool | None, other: bool | None) -> bool | None:
    """Whether both hold: no if either is known not to."""
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _good_enough(case: Case) -> bool | None:
    return None if case.reached is None else case.reached.stop


def _too_few(case: Case) -> bool | None:
    rows = case.facts.examples
    return None if rows is None else rows.value < REFUSED


def _knowledge(case: Case, *places: str) -> bool | None:
    said = case.facts.use.knowledge
    return None if said is None else said in places


def _deep(case: Case) -> bool | None:
    rows = case.facts.examples
    return _both(_knowledge(case, "stable"), None if rows is None else rows.value < KNOWLEDGE)


def _missing_facts(case: Case) -> bool | None:
    return _both(case.share_above("fact", MOST), _not(_knowledge(case, "input")))


def _several_steps(case: Case) -> bool | None:
    return _not(case.speaks_for("reasoning"))


def _no_gain(case: Case) -> bool | None:
    if case.share_above("format", MANY) or case.share_above("terminology", MANY):
        return False
    gains = {factor.direction for factor in case.factors if factor.name not in NEEDS}
    if "for" in gains:
        return False
    return None if "unknown" in gains else True


def _preferences(case: Case) -> bool | None:
    share = case.facts.preferences
    return None if share is None else share.value >= PREFERENCES


RULES: tuple[Rule, ...] = (
    Rule(
        "good enough",
        "prompt",
        _good_enough,
        "the prompt baseline reaches the target",
        "measure the prompt baseline: tunesmith run RECIPE",
    ),
    Rule(
        "passages do",
        "retrieve",
        lambda case: case.retrieved is not None and case.retrieved.stop,
        "with passages of the documents the base reaches the target",
        "",
    ),
    Rule(
        "too few",
        "prompt",
        _too_few,
        f"there are fewer than {REFUSED} examples",
        "run tunesmith prepare RECIPE",
    ),
    Rule(
        "ambiguous",
        "prompt",
        lambda case: case.share_above("ambiguous", MOST),
        "most failures have inputs that do not settle the answer: mend the inputs, then ask again",
        "",
    ),
    Rule(
        "changing facts",
        "retrieve",
        lambda case: _knowledge(case, "changing"),
        "answers rest on knowledge that changes",
        "write under use: knowledge: input, or stable, or changing",
    ),
    Rule(
        "deep knowledge",
        "retrieve",
        _deep,
        f"the model must hold complex knowledge itself, on fewer than {KNOWLEDGE:,} examples",
        "write under use: knowledge: input, or stable, or changing",
    ),
    Rule(
        "missing facts",
        "retrieve",
        _missing_facts,
        "most failures are of fact, and not all facts are in the input",
        "write under use: knowledge: input, or stable, or changing",
    ),
    Rule(
        "unstable",
        "prompt",
        lambda case: _not(case.speaks_for("stability")),
        "the task changes within 6 months: what is trained would be out of date",
        "write under use: stable_months: 12",
    ),
    Rule(
        "unlike training",
        "prompt",
        lambda case: case.share_above("out of distribution", MOST),
        "most failures have inputs unlike the training rows: collect rows like these first",
        "",
    ),
    Rule(
        "checked reasoning",
        "RL",
        lambda case: _both(_several_steps(case), case.facts.use.checkable),
        "answers take several steps of reasoning, and a program can tell a right one",
        "write under use: reasoning: single_step, or multi_step and checkable: true, or false",
    ),
    Rule(
        "reasoning",
        "prompt",
        _several_steps,
        "answers take several steps of reasoning: ask for them one by one, or take a larger model",
        "write under use: reasoning: single_step, or multi_step",
    ),
    Rule(
        "nothing to gain",
        "prompt",
        _no_gain,
        "nothing is gained over a prompt",
        "answer the unknown factors",
    ),
    Rule(
        "preferences",
        "DPO",
        _preferences,
        "the rows are preferences",
        "run tunesmith prepare RECIPE",
    ),
    Rule(
        "managed",
        "managed SFT",
        lambda case: case.facts.use.hosting == "managed",
        "a vendor's service trains and serves",
        "",
    ),
    Rule(
        "else",
        "LoRA SFT",
        lambda case: True,
        "fine-tuning pays, and an adapter is its cheapest form",
        "",
    ),
)
