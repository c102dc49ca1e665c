"""What `tunesmith advise` prints: the factors, the failures, and the method they lead to.

Where the stage `advise` has been built, that is what is printed. Before, the same is gathered from
what the store has of its inputs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tunesmith import pipeline, retrains
from tunesmith import recipe as recipes
from tunesmith.advice.document import DOCUMENT, document, failed_answers
from tunesmith.advice.factors import Measured
from tunesmith.advice.failures import FEWEST, SHOWN
from tunesmith.advice.gathering import Given, gather
from tunesmith.artifacts import Advice, Ref
from tunesmith.commands.preview import UNKNOWN, Preview
from tunesmith.data.token_counts import count_rows
from tunesmith.evaluation.prompting import Prompting
from tunesmith.recipe import Recipe
from tunesmith.records import Dropped, FailedAnswer
from tunesmith.reporting.advice_view import named, to_write
from tunesmith.settings import Settings
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.stages import advise as advise_stage
from tunesmith.store import Store
from tunesmith.wording import counted, share_of

R = TypeVar("R", bound=Ref)

_ANSWER = 160
"""Characters of an answer that are shown."""


class Advised(NamedTuple):
    """The advice, and the failures that it rests on."""

    document: Mapping[str, Any]
    failures: Sequence[FailedAnswer]


def advise(path: Path, settings: Settings) -> str:
    """Say whether a recipe's task needs fine-tuning, and which kind; nothing is built.

    Raises:
        RecipeError: the recipe is wrong.
        InputError: a file that it names, or the base model, is missing or damaged.
    """
    recipe = recipes.load(path, training=False)
    return "\n".join(told(recipe.name, advised(recipe, settings), str(path)))


def advised(recipe: Recipe, settings: Settings) -> Advised:
    """Return the advice that was built; else gather what the store has of its inputs."""
    found = retrains.sources(recipe, settings)
    store = settings.store()
    runner = _Looking(store)
    if recipe.golden is None:
        prepared = pipeline.prepare(recipe, found, runner)
        runner.given = _known(prepared.mixture, prepared.split)
    else:
        pipeline.retrain(recipe, found, None, runner)
    if runner.built is not None:
        rows = store.rows(runner.built.failures, FailedAnswer)
        return Advised(store.json(runner.built, DOCUMENT), list(rows))
    asked = pipeline.advise_params(recipe, runner.prompting)
    case = gather(store, asked, runner.given)
    if case.facts.prompt_tokens is None:
        prompt = _reference_prompt(recipe, Path(found.base.root) / "tokenizer.json")
        case = replace(case, facts=replace(case.facts, prompt_tokens=prompt))
    return Advised(document(case, runner.prompting), list(failed_answers(case)))


class _Looking(Preview):
    """Looks through a retrain for what the stage `advise` made, or would be given."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.built: Advice | None = None
        self.given = Given()
        self.prompting = Prompting()

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Note the stage `advise`, and go on."""
        made = super().__call__(stage, label, params, *inputs)
        if isinstance(params, advise_stage.AdviseParams):
            self.given = _known(*inputs)
            self.prompting = params.prompting
            self.built = made if isinstance(made, Advice) and made.digest != UNKNOWN else None
        return made


def _known(*inputs: Any) -> Given:
    """Return the artifacts that are there, and None for the others."""
    return Given(*(None if ref is None or ref.digest == UNKNOWN else ref for ref in inputs))


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


def told(name: str, advised: Advised, recipe: str) -> Iterator[str]:
    """Yield the lines of the advice; commands name the path `recipe`."""
    advice, failures = advised
    yield f"advice for {name}: {named(advice)}"
    yield f"  rule {advice['rule']!r}: {advice['reason']}"
    for text in advice["unless"]:
        yield f"  unless: {_command(text, recipe)}"
    yield ""
    yield from _factors(advice["factors"], recipe)
    yield ""
    yield from _target(advice, recipe)
    yield ""
    yield from _failures(advice["failures"], failures, recipe)
    yield ""
    yield "rules, of which the first that holds names the method:"
    for rule in advice["rules"]:
        mark = {True: "yes", False: "no", None: "unknown"}[rule["holds"]]
        chosen = "  <- chosen" if rule["name"] == advice["rule"] else ""
        yield f"  {mark:<8}{rule['method']:<12} {rule['because']}{chosen}"


def _command(text: str, recipe: str) -> str:
    return text.replace("RECIPE", recipe)


def _target(advice: Mapping[str, Any], recipe: str) -> Iterator[str]:
    baseline, retrieved = (advice["target"][who] for who in ("prompt_baseline", "retrieved"))
    if baseline is None:
        yield f"target: the prompt baseline has not been measured yet: tunesmith run {recipe}"
    else:
        yield f"target: {baseline['reason']}"
        if baseline["interval"] is not None:
            yield f"  the prompt baseline was asked with {_visible(advice['asked'])}"
    # That there is no target is the same of both.
    if retrieved is not None and (baseline is None or retrieved["reason"] != baseline["reason"]):
        yield f"with passages of the documents: {retrieved['reason']}"


def _factors(factors: Sequence[Mapping[str, Any]], recipe: str) -> Iterator[str]:
    """Yield the factors as a table, with what to write where one is unknown."""
    head = ("factor", "value", "speaks for it", "direction", "from")
    rows = [
        (
            *(one[name] for name in ("name", "value", "bound", "direction")),
            one["source"] or _command(to_write(one["ask"]), recipe),
        )
        for one in factors
    ]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    notes = ("", *(one["note"] for one in factors))
    for row, note in zip((head, *rows), notes, strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if note:
            yield f"{'':<{widths[0]}}  ({note})"


def _failures(
    found: Mapping[str, Any] | None, failures: Sequence[FailedAnswer], recipe: str
) -> Iterator[str]:
    if found is None:
        yield f"failures: the prompt baseline has not been measured yet: tunesmith run {recipe}"
        return
    groups = found["groups"]
    yield (
        f"failures of the prompt baseline: {found['failed']:,} of "
        f"{counted(found['answers'], 'answer')}, in {counted(groups, 'group')}, of which the first "
        "of each is sorted"
    )
    if not found["enough"]:
        verb = "is" if groups == 1 else "are"
        yield (
            f"{counted(groups, 'failure')} {verb} fewer than {FEWEST}: too few to say what most of "
            "them are, and no rule rests on them; predict.sample sets how many are answered"
        )
    yield from (f"not looked for: {why}" for why in found["left_out"])
    for item in found["kinds"]:
        yield (
            f"  {item['kind']:<20}{share_of(item['count'], groups):>7}  [{item['low']:.1%}, "
            f"{item['high']:.1%}]  {counted(item['count'], 'failure')}"
        )
        yield from _examples(row for row in failures if row.kind == item["kind"])


def _examples(failures: Iterable[FailedAnswer]) -> Iterator[str]:
    for row in islice(failures, SHOWN):
        yield f"      {_visible(row.source)}: {_visible(row.why)}"
        yield f"        answer: {_visible(row.output) or '(empty)'}"


def _visible(text: str) -> str:
    """Return the start of a text on one line, without what would steer a terminal."""
    line = " ".join(text.split())
    shown = line if len(line) <= _ANSWER else f"{line[: _ANSWER - 1]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)
