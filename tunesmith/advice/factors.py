"""The eight factors: what speaks for fine-tuning, and what against it.

Three are needs: without enough examples, a stable task and answers in one step, fine-tuning does
not hold what it promises. Five are gains: something that it gives and a prompt does not. Each has a
value, a bound and a source; what nobody knows is unknown, and says what would settle it.

| factor | bound |
|---|---|
| examples | under 100 refused, under 500 warned; 1,000 for a style, 10,000 where the model itself \
must hold complex domain knowledge |
| stability | the task stays as it is for 6 months |
| prompt | over 1,000 tokens, which a tuned model need not read |
| latency | under a second, which a small tuned model can give |
| volume | 100,000 calls a day, at which a small model pays |
| format | every answer has the identical one |
| domain | a specialised one |
| reasoning | no more than a single step |

The bounds are rules of thumb of the field, not laws: the gate decides whether a model is better.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tunesmith.advice.use import UseParams
from tunesmith.data.surveys import per_cent
from tunesmith.data.surveys.formats import LOCKED
from tunesmith.wording import counted

Direction = Literal["for", "against", "unknown"]
Name = Literal[
    "examples", "stability", "prompt", "latency", "volume", "format", "domain", "reasoning"
]

REFUSED, WARNED, STYLE, KNOWLEDGE = 100, 500, 1_000, 10_000
"""Examples under which training is refused and warned of, that a style takes, and knowledge."""
STABLE_MONTHS = 6
LONG_PROMPT = 1_000
"""Tokens."""
FAST = 1.0
"""Seconds."""
MANY_CALLS = 100_000
"""A day."""
SPECIALISED = 0.15
"""Share of words unknown to general text. Measured: customers' questions to a bank 2 %, support
mail 4 %, sums for schools 7 %, stories and roles 13 %, tasks with programs 18 %, the documentation
of a statistics package 21 %. The line between is thin: what the recipe says counts before it."""

NEEDS: frozenset[Name] = frozenset(("examples", "stability", "reasoning"))


class Measured(NamedTuple):
    """A figure, and where it comes from."""

    value: float
    source: str


@dataclass(frozen=True)
class Facts:
    """What is known of a task; None where nothing is.

    Attributes:
        use: What the recipe says.
        examples: Rows to train on.
        tokens: Tokens of these rows.
        prompt_tokens: Tokens of a usual prompt.
        form: Share of the answers that have the most frequent form.
        unknown_words: Share of words unknown to general text.
        preferences: Share of the rows that are preferences.
    """

    use: UseParams = field(default_factory=UseParams)
    examples: Measured | None = None
    tokens: Measured | None = None
    prompt_tokens: Measured | None = None
    form: Measured | None = None
    unknown_words: Measured | None = None
    preferences: Measured | None = None


@dataclass(frozen=True)
class Factor:
    """One factor.

    Attributes:
        name: What it is called.
        value: What was found, in words.
        bound: What speaks for fine-tuning.
        direction: Where the value points.
        source: Where the value comes from.
        ask: What to write or run where the value is unknown.
        note: What else to know about it.
    """

    name: Name
    value: str
    bound: str
    direction: Direction
    source: str = ""
    ask: str = ""
    note: str = ""


def factors(facts: Facts) -> tuple[Factor, ...]:
    """Weigh the eight factors, in a fixed order."""
    return tuple(weigh(facts) for weigh in _WEIGHED)


def _unknown(name: Name, bound: str, ask: str, note: str = "") -> Factor:
    return Factor(name, "unknown", bound, "unknown", ask=ask, note=note)


def _towards(speaks_for: bool) -> Direction:
    return "for" if speaks_for else "against"


PREPARE = "run: tunesmith prepare RECIPE"


def _examples(facts: Facts) -> Factor:
    knows = facts.use.knowledge == "stable"
    least = KNOWLEDGE if knows else REFUSED
    bound = f"{least:,} or more{' for complex domain knowledge' if knows else ''}"
    if facts.examples is None:
        return _unknown("examples", bound, PREPARE)
    rows, source = int(facts.examples.value), facts.examples.source
    value = counted(rows, "row")
    if facts.tokens is not None:
        value += f", {counted(int(facts.tokens.value), 'token')}"
    return Factor(
        "examples", value, bound, _towards(rows >= least), source, note=_enough(rows, facts.use)
    )


def _enough(rows: int, use: UseParams) -> str:
    """Say what so many rows are enough for."""
    if rows < REFUSED:
        return f"training is refused under {REFUSED}"
    if rows < WARNED:
        return f"warning: under {WARNED} a model often learns the form alone"
    if rows < STYLE:
        return f"a style takes {STYLE:,} or more"
    if rows < KNOWLEDGE and use.knowledge in (None, "stable"):
        return f"complex domain knowledge would take {KNOWLEDGE:,} or more"
    return ""


def _stability(facts: Facts) -> Factor:
    bound = f"{STABLE_MONTHS} months or more"
    months = facts.use.stable_months
    if months is None:
        return _unknown("stability", bound, "stable_months: 12")
    speaks_for = months >= STABLE_MONTHS
    return Factor(
        "stability", f"{months:g} months", bound, _towards(speaks_for), _said("stable_months")
    )


def _prompt(facts: Facts) -> Factor:
    bound = f"over {LONG_PROMPT:,} tokens"
    if facts.prompt_tokens is None:
        return _unknown("prompt", bound, PREPARE)
    tokens, source = facts.prompt_tokens
    value = counted(round(tokens), "token")
    return Factor("prompt", value, bound, _towards(tokens > LONG_PROMPT), source)


def _latency(facts: Facts) -> Factor:
    bound = f"under {FAST:g} second"
    seconds = facts.use.latency
    if seconds is None:
        return _unknown("latency", bound, "latency: 0.5")
    return Factor("latency", f"{seconds:g} s", bound, _towards(seconds < FAST), _said("latency"))


def _volume(facts: Facts) -> Factor:
    bound = f"{MANY_CALLS:,} calls a day or more"
    calls = facts.use.calls_per_day
    if calls is None:
        return _unknown("volume", bound, "calls_per_day: 20000")
    value = f"{counted(calls, 'call')} a day"
    return Factor("volume", value, bound, _towards(calls >= MANY_CALLS), _said("calls_per_day"))


def _format(facts: Facts) -> Factor:
    """Weigh the format: what the use needs, else what the answers have."""
    bound = "identical in every answer"
    seen = facts.form and f"{per_cent(facts.form.value)} of the answers have one form"
    if facts.use.consistency is not None:
        speaks_for = facts.use.consistency == "identical"
        note = f"measured: {seen}" if seen else ""
        said = _said("consistency")
        return Factor("format", facts.use.consistency, bound, _towards(speaks_for), said, note=note)
    if facts.form is None or not seen:
        return _unknown("format", bound, "consistency: identical  # or free")
    speaks_for = facts.form.value >= LOCKED
    return Factor(
        "format", seen, f"{per_cent(LOCKED)} or more", _towards(speaks_for), facts.form.source
    )


def _domain(facts: Facts) -> Factor:
    """Weigh the domain: what the recipe says, else the words of the rows."""
    bound = "a specialised one"
    unknown = facts.unknown_words
    seen = unknown and f"{per_cent(unknown.value)} of the words are unknown to general text"
    if facts.use.specificity is not None:
        speaks_for = facts.use.specificity == "specialised"
        note = f"measured: {seen}" if seen else ""
        said = _said("specificity")
        return Factor("domain", facts.use.specificity, bound, _towards(speaks_for), said, note=note)
    if unknown is None or not seen:
        return _unknown("domain", bound, "specificity: specialised  # or general")
    speaks_for = unknown.value >= SPECIALISED
    return Factor(
        "domain", seen, f"{per_cent(SPECIALISED)} or more", _towards(speaks_for), unknown.source
    )


def _reasoning(facts: Facts) -> Factor:
    bound = "a single step"
    steps = facts.use.reasoning
    if steps is None:
        return _unknown("reasoning", bound, "reasoning: single_step  # or multi_step")
    value = steps.replace("_", " ")
    return Factor("reasoning", value, bound, _towards(steps == "single_step"), _said("reasoning"))


def _said(key: str) -> str:
    return f"recipe, use.{key}"


_WEIGHED: tuple[Callable[[Facts], Factor], ...] = (
    _examples,
    _stability,
    _prompt,
    _latency,
    _volume,
    _format,
    _domain,
    _reasoning,
)
