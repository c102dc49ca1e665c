"""What `tunesmith advise` prints: the factors, the failures, and the method they lead to."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tunesmith import pipeline, retrains
from tunesmith import recipe as recipes
from tunesmith.advice.factors import Factor, Measured
from tunesmith.advice.failures import FEWEST, KINDS, Sorted
from tunesmith.advice.gathering import Asked, Measurement, gather
from tunesmith.advice.method import RULES, Advice, Case, choose
from tunesmith.artifacts import Examples, Mixture, Predictions, Ref, Scores, Split
from tunesmith.commands.preview import Preview, Step
from tunesmith.data.token_counts import count_rows
from tunesmith.recipe import Recipe
from tunesmith.records import Dropped
from tunesmith.settings import Settings
from tunesmith.wording import counted, share_of

R = TypeVar("R", bound=Ref)

_ANSWER = 160
"""Characters of an answer that are shown."""


def advise(path: Path, settings: Settings) -> str:
    """Say whether a recipe's task needs fine-tuning, and which kind; nothing is built.

    Raises:
        RecipeError: the recipe is wrong.
        InputError: a file that it names, or the base model, is missing or damaged.
    """
    recipe = recipes.load(path, training=False)
    case = case_of(recipe, settings)
    return "\n".join(told(recipe.name, case, choose(case), str(path)))


def case_of(recipe: Recipe, settings: Settings) -> Case:
    """Gather what the store has of a recipe's stages."""
    found = retrains.sources(recipe, settings)
    store = settings.store()
    runner = Preview(store)
    if recipe.golden is None:
        pipeline.prepare(recipe, found, runner)
    else:
        pipeline.retrain(recipe, found, None, runner)
    steps = {step.label: step for step in runner.steps}
    asked = Asked(recipe.use, recipe.evaluate, recipe.target, recipe.gate.alpha)
    split = _ref(steps, "split", Split)
    mixture = _ref(steps, "mix", Mixture)
    retrieved = _ref(steps, "evaluate retrieved test", Scores)
    case = gather(store, asked, mixture, split, _baseline(steps, split), retrieved)
    if case.facts.prompt_tokens is None:
        prompt = _reference_prompt(recipe, Path(found.base.root) / "tokenizer.json")
        facts = replace(case.facts, prompt_tokens=prompt)
        case = replace(case, facts=facts)
    return case


def _ref(steps: dict[str, Step], label: str, kind: type[R]) -> R | None:
    step = steps.get(label)
    return step.ref if step is not None and isinstance(step.ref, kind) else None


def _baseline(steps: dict[str, Step], split: Split | None) -> dict[str, Measurement]:
    """Return the sets on which the prompt baseline has been measured."""
    golden = _ref(steps, "ingest golden", Examples)
    sets = {"test": None if split is None else split.test, "golden": golden}
    measured = {}
    for where, examples in sets.items():
        predictions = _ref(steps, f"predict prompt_baseline {where}", Predictions)
        scores = _ref(steps, f"evaluate prompt_baseline {where}", Scores)
        if examples is not None and predictions is not None and scores is not None:
            measured[where] = Measurement(examples, predictions, scores)
    return measured


def _reference_prompt(recipe: Recipe, tokenizer: Path) -> Measured | None:
    """Count the prompts of the reference examples, before anything is prepared."""
    if recipe.reference_examples is None or not tokenizer.is_file():
        return None
    rows = recipes.read_examples(recipe.reference_examples, recipe.root)
    examples = [row for row in rows if not isinstance(row, Dropped)]
    counts = sorted(one.prompt for one in count_rows(tokenizer.read_text("utf-8"), examples))
    if not counts:
        return None
    return Measured(counts[len(counts) // 2], "reference examples, median without shots")


def told(name: str, case: Case, advice: Advice, recipe: str) -> Iterator[str]:
    """Yield the lines of the advice; commands name the path `recipe`."""
    missing = "" if advice.settled else ", as far as is known"
    yield f"advice for {name}: {advice.method}{missing}"
    yield f"  rule {advice.rule!r}: {advice.reason}"
    for other in advice.unless:
        yield f"  unless: {_command(other.text, recipe)}"
    yield ""
    yield from _factors(case.factors, recipe)
    yield ""
    yield f"target: {_target(case, recipe)}"
    if case.retrieved is not None and case.retrieved.interval is not None:
        yield f"with passages of the documents: {case.retrieved.reason}"
    yield ""
    yield from _failures(case.failures, recipe)
    yield ""
    yield "rules, of which the first that holds names the method:"
    for rule in RULES:
        mark = {True: "yes", False: "no", None: "unknown"}[rule.holds(case)]
        chosen = "  <- chosen" if rule.name == advice.rule else ""
        yield f"  {mark:<8}{rule.method:<12} {rule.because}{chosen}"


def _command(text: str, recipe: str) -> str:
    return text.replace("RECIPE", recipe)


def _target(case: Case, recipe: str) -> str:
    if case.reached is None:
        return f"the prompt baseline has not been measured yet: tunesmith run {recipe}"
    return case.reached.reason


def _factors(factors: tuple[Factor, ...], recipe: str) -> Iterator[str]:
    """Yield the factors as a table, with what to write where one is unknown."""
    head = ("factor", "value", "speaks for it", "direction", "from")
    rows = [
        (one.name, one.value, one.bound, one.direction, one.source or _to_write(one.ask, recipe))
        for one in factors
    ]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row, note in zip((head, *rows), ("", *(one.note for one in factors)), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if note:
            yield f"{'':<{widths[0]}}  ({note})"


def _to_write(ask: str, recipe: str) -> str:
    return _command(ask, recipe) if ask.startswith("run: ") else f"write under use: {ask}"


def _failures(found: Sorted | None, recipe: str) -> Iterator[str]:
    if found is None:
        yield f"failures: the prompt baseline has not been measured yet: tunesmith run {recipe}"
        return
    groups = len(found.failures)
    yield (
        f"failures of the prompt baseline: {found.failed:,} of {counted(found.answers, 'answer')}, "
        f"in {counted(groups, 'group')}, of which the first of each is sorted"
    )
    if not found.enough:
        verb = "is" if groups == 1 else "are"
        yield (
            f"{counted(groups, 'failure')} {verb} fewer than {FEWEST}: too few to say what most of "
            "them are, and no rule rests on them; predict.sample sets how many are answered"
        )
    yield from (f"not looked for: {why}" for why in found.left_out)
    for kind in KINDS if groups else ():
        share = found.share(kind)
        count = round(share.estimate * groups)
        yield (
            f"  {kind:<20}{share_of(count, groups):>7}  [{share.low:.1%}, {share.high:.1%}]"
            f"  {counted(count, 'failure')}"
        )
        for failure in found.examples(kind):
            row = failure.judged
            yield f"      {row.where} {_visible(row.example.source)}: {_visible(failure.why)}"
            yield f"        answer: {_visible(row.prediction.output) or '(empty)'}"


def _visible(text: str) -> str:
    """Return the start of a text on one line, without what would steer a terminal."""
    line = " ".join(text.split())
    shown = line if len(line) <= _ANSWER else f"{line[: _ANSWER - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
