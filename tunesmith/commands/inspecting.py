"""What `tunesmith inspect` prints: dropped rows by reason, and what a change would do to them.

The data stages are taken from the store, or built into it as `tunesmith prepare` would. A change
is tried in a store of its own that lies over it and is thrown away, so that nothing of anybody's
changes; whatever the change leaves alone is read from the store. In memory are the sources of
dropped and of flagged rows, and the few rows that are shown.
"""

import copy
import shlex
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tunesmith import pipeline, retrains
from tunesmith import recipe as recipes
from tunesmith.artifacts import Base, Examples, Mixture, Split
from tunesmith.commands.flagged import Evidence, Flagged, flagged
from tunesmith.errors import InputError, RecipeError, Unready
from tunesmith.observe import labelled
from tunesmith.recipe import Recipe
from tunesmith.records import Dropped, Example, LabelExample, PreferenceExample
from tunesmith.sampling import Largest, fraction
from tunesmith.settings import Settings
from tunesmith.stage import Ins, Out, P, Stage
from tunesmith.stages.score import CHECKS, ScoreParams
from tunesmith.store import Store
from tunesmith.store.overlay import over
from tunesmith.wording import counted, share_of

WIDTH = 79
_ENDS = 140
"""Characters that are shown of each end of a text: about four lines together."""
_INDENT = " " * 4
_SALT = "inspect"
_STAGES = ("ingest", "validate", "score", "dedup", "split", "mix")


class Part(NamedTuple):
    """One artifact of rows that a data stage made, with its stage."""

    stage: str
    ref: Examples


class Built(NamedTuple):
    """What the data stages made, as far as they came."""

    store: Store
    base: Base | None
    parts: tuple[Part, ...]
    split: Split | None
    mixture: Mixture | None
    stopped: str
    """Why they came no further; empty when they did."""

    @property
    def last(self) -> Examples | None:
        """The rows that are kept before they are split, as far as the stages came."""
        return next((ref for stage, ref in self.parts[::-1] if stage in _STAGES[:4]), None)

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """Dropped rows by stage and reason."""
        counts: Counter[tuple[str, str]] = Counter()
        for stage, ref in self.parts:
            for reason, number in self.store.manifest(ref)["counts"]["dropped"].items():
                counts[stage, reason] += number
        return counts

    @property
    def sizes(self) -> dict[str, int]:
        """Rows that came in, and that are left, by name."""
        first = next((ref for stage, ref in self.parts if stage == "ingest"), None)
        found = {} if first is None else {"rows in": first.rows + first.dropped}
        last = [(stage, ref) for stage, ref in self.parts if stage in _STAGES[:4]]
        if last:
            found[f"kept by {last[-1][0]}"] = last[-1][1].rows
        if self.split is not None:
            for side in ("train", "validation", "test"):
                found[f"in {side}"] = getattr(self.split, side).rows
        if self.mixture is not None:
            found["in the training set"] = self.mixture.train.rows
        return found


class _Enough(Exception):
    """Everything that was asked for is built."""


class _Stages:
    """A runner that notes what it builds, and runs no model over the rows."""

    def __init__(self, store: Store, last: str) -> None:
        self._store, self._last = store, last
        self.made: dict[str, Any] = {}

    def __call__(self, stage: Stage[P, Out, *Ins], label: str, params: P, *inputs: *Ins) -> Out:
        """Build a stage.

        Raises:
            Unready: when the stage would have to run the base model over every row.
        """
        if stage.name == "predict" and self._store.find(stage, params, *inputs) is None:
            raise Unready(
                "split and mix need the base's answers to every row, which nobody has generated "
                "yet: run `tunesmith prepare`"
            )
        with labelled(label):
            made = self._store.build(stage, params, *inputs)
        self.made[label] = made
        if label == self._last:
            raise _Enough
        return made

    def look(self, examples: Mapping[str, Examples]) -> None:
        """Stop for no drops: this is where somebody looks at them."""


def build(
    recipe: Recipe, sources: pipeline.Sources, store: Store, last: str = _STAGES[-1]
) -> Built:
    """Run the data stages as far as they go, at most until the one named `last`."""
    runner = _Stages(store, last)
    stopped = ""
    try:
        pipeline.prepare(recipe, sources, runner)
    except _Enough:
        pass
    except Unready as error:
        stopped = str(error)
    made = {name: runner.made[name] for name in _STAGES if name in runner.made}
    split, mixture = made.pop("split", None), made.pop("mix", None)
    parts = [Part(stage, ref) for stage, ref in made.items()]
    if split is not None:
        parts += [Part("split", ref) for ref in (split.train, split.validation, split.test)]
    if mixture is not None:
        parts.append(Part("mix", mixture.train))
    return Built(store, runner.made.get("base"), tuple(parts), split, mixture, stopped)


def inspect(path: Path, settings: Settings, reason: str, rows: int, changes: Sequence[str]) -> str:
    """Show what a recipe drops; with changes, what would come of them.

    Args:
        path: The recipe.
        settings: Where its store is.
        reason: The only reason to show; all if empty.
        rows: How many rows to show of each kind.
        changes: As `key=value`, the value in YAML.

    Raises:
        RecipeError: when a change cannot be made, or makes a recipe that is wrong.
        InputError: when nothing was dropped for the reason.
    """
    recipe = recipes.load(path, training=False)
    changed = recipes.load(path, training=False, change=changing(changes)) if changes else None
    store = settings.store()
    now = build(recipe, retrains.sources(recipe, settings), store)
    if changed is None:
        more = _next(path, now) if not reason else ()
        return "\n".join((*_shown(recipe, now, reason, rows), *more))
    with over(store) as throwaway:
        then = build(changed, retrains.sources(changed, settings), throwaway)
        return "\n".join(_compared(now, then, reason, rows, changes, changed.score))


# Changes


def changing(changes: Sequence[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return the function that makes the changes in the raw content of a recipe."""
    wanted = [_change(change) for change in changes]

    def apply(raw: dict[str, Any]) -> dict[str, Any]:
        raw = copy.deepcopy(raw)
        for key, value in wanted:
            _put(raw, key, value)
        return raw

    return apply


def _change(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not all(key.split(".")):
        raise RecipeError(f"--set {text}: expected KEY=VALUE, such as --set score.minimum=0.7")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {text}: the value is not YAML: {error}") from error


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    *above, last = key.split(".")
    at: Any = raw
    for depth, name in enumerate(above, 1):
        if isinstance(at, dict) and at.get(name) is None:
            at[name] = {}
        at = _inside(at, name)
        if not isinstance(at, dict | list):
            here, found = ".".join(above[:depth]), textwrap.shorten(repr(at), 40, placeholder="…")
            raise RecipeError(
                f"--set {key}: {here} is {found} in the recipe and has no keys; set {here} itself"
            )
    if isinstance(at, dict):
        at[last] = value
    else:
        at[_index(at, last, key)] = value


def _inside(at: Any, name: str) -> Any:
    return at[name] if isinstance(at, dict) else at[_index(at, name, name)]


def _index(items: list[Any], name: str, key: str) -> int:
    if not name.isdecimal() or int(name) >= len(items):
        raise RecipeError(
            f"--set {key}: found {name!r}; expected the place of an item in a list of "
            f"{len(items)}, counted from 0"
        )
    return int(name)


# The recipe as it is


def _shown(recipe: Recipe, now: Built, reason: str, rows: int) -> Iterator[str]:
    counts = now.counts
    flags = flagged(now.store, now.last, rows)
    wanted = [item for item in counts if reason in ("", item[1])]
    if reason and not wanted and reason not in flags.counts:
        known = sorted({name for _, name in counts} | set(flags.counts))
        raise InputError(
            f"{recipe.path}: no row was dropped or flagged for {reason!r}; expected "
            f"{', '.join(known) or 'nothing: every row was kept'}"
        )
    if not reason:
        yield from _table(now.sizes, counts, flags.counts)
    if rows:
        yield from _samples_shown(recipe, now, flags, reason, rows)
    if now.stopped:
        yield from ("", "The data stages came no further:", *_paragraphs(now.stopped))


def _samples_shown(
    recipe: Recipe, now: Built, flags: Flagged, reason: str, rows: int
) -> Iterator[str]:
    """Yield rows of each reason, then of each flag, then those that were nearly dropped."""
    counts = now.counts
    wanted = [item for item in counts if reason in ("", item[1])]
    samples = _samples(now, set(wanted), rows)
    evidence = Evidence(now.store, now.base, recipe.score)
    for stage, name in wanted:
        number = counts[stage, name]
        yield from _sample(f"{stage}: {name}", number, "dropped", samples[stage, name])
    for name, number in flags.counts.items():
        if reason in ("", name):
            yield from _sample(name, number, "flagged and kept", flags.rows[name], evidence)
    if reason in ("", *CHECKS) and flags.lowest:
        title = f"kept, nearest to score.minimum {recipe.score.minimum:g}"
        yield from _sample(title, len(flags.lowest), "", flags.lowest, evidence)


def _next(path: Path, now: Built) -> Iterator[str]:
    """Say how to see more of one reason, and how to try a change."""
    command = f"  tunesmith inspect {shlex.quote(str(path))}"
    if now.counts:
        ((_, most), _), *_ = now.counts.most_common(1)
        yield from ("", "More rows of one reason or flag, and what a change would do:")
        yield f"{command} {most} -n 20"
    else:
        yield from ("", "What a change would do:")
    yield f"{command} --set KEY=VALUE"


def _table(
    sizes: Mapping[str, int], counts: Mapping[tuple[str, str], int], flags: Mapping[str, int]
) -> Iterator[str]:
    whole = sizes.get("rows in", 0)
    lines = [(name, number, "") for name, number in sizes.items()]
    drops = [
        (f"{stage}: {reason}", number, "dropped") for (stage, reason), number in counts.items()
    ]
    kept = [(name, number, "flagged and kept") for name, number in flags.items()]
    for name, number, what in [*lines[:1], *drops, *lines[1:2], *kept, *lines[2:]]:
        yield f"{name:<34}{number:>9,}{share_of(number, whole):>8}  {what}".rstrip()


def _samples(
    now: Built, wanted: set[tuple[str, str]], rows: int
) -> dict[tuple[str, str], list[Dropped]]:
    found: dict[tuple[str, str], Largest[Dropped]] = {}
    for stage, row in _dropped(now):
        if (stage, row.reason) in wanted:
            kept = found.setdefault((stage, row.reason), Largest(max(rows, 1)))
            kept.add((fraction(row.source, _SALT), row.source), row)
    return {name: found[name].items()[:rows] for name in found}


def _dropped(built: Built) -> Iterator[tuple[str, Dropped]]:
    for stage, ref in built.parts:
        for row in built.store.dropped(ref):
            yield stage, row


# A change of the recipe


class _Moves:
    """Rows that a change treats otherwise, counted by why, with a sample of each."""

    def __init__(self, rows: int) -> None:
        self._rows = max(rows, 1)
        self.counts: Counter[str] = Counter()
        self._samples: dict[str, Largest[Dropped]] = {}

    def add(self, why: str, row: Dropped) -> None:
        self.counts[why] += 1
        samples = self._samples.setdefault(why, Largest(self._rows))
        samples.add((fraction(row.source, _SALT), row.source), row)

    def shown(self, what: str, rows: int) -> Iterator[str]:
        for why, number in self.counts.most_common():
            yield from _sample(why, number, what, self._samples[why].items()[:rows])


def _compared(
    now: Built,
    then: Built,
    reason: str,
    rows: int,
    changes: Sequence[str],
    params: ScoreParams,
) -> Iterator[str]:
    before, after = (flagged(one.store, one.last, 0) for one in (now, then))
    yield f"with {' '.join(changes)}"
    yield from _both(now, then, before.counts, after.counts)
    gone, back, other = _moves(now, then, reason, rows)
    if not (gone.counts or back.counts or other.counts):
        about = f" for {reason}" if reason else ""
        yield from ("", f"The change drops the same rows{about}.")
    yield from gone.shown("would go", rows)
    yield from back.shown("would come back", rows)
    yield from other.shown("dropped for another reason", rows)
    yield from _flag_moves(then, before, after, reason, rows, params)
    for built, who in ((now, "As the recipe is"), (then, "With the change")):
        if built.stopped:
            yield from ("", f"{who}, the data stages come no further:", *_paragraphs(built.stopped))
    yield from ("", "Nothing was changed or kept. To keep the change, put it into the recipe.")


def _both(
    now: Built, then: Built, flags: Mapping[str, int], flags_then: Mapping[str, int]
) -> Iterator[str]:
    yield f"{'':<34}{'now':>9}{'then':>9}{'change':>9}"
    before, after = now.counts, then.counts
    sizes = list(dict.fromkeys((*now.sizes, *then.sizes)))
    lines = [(name, now.sizes.get(name, 0), then.sizes.get(name, 0)) for name in sizes]
    drops = [
        (f"{stage}: {reason}", before[stage, reason], after[stage, reason])
        for stage, reason in sorted(
            before | after, key=lambda item: (_STAGES.index(item[0]), item[1])
        )
    ]
    kept = [
        (f"flagged: {name}", flags.get(name, 0), flags_then.get(name, 0))
        for name in dict.fromkeys((*flags, *flags_then))
    ]
    for name, one, two in [*lines[:1], *drops, *lines[1:2], *kept, *lines[2:]]:
        change = f"{two - one:+,}" if two != one else ""
        yield f"{name:<34}{one:>9,}{two:>9,}{change:>9}".rstrip()


def _moves(now: Built, then: Built, reason: str, rows: int) -> tuple[_Moves, _Moves, _Moves]:
    """Find the rows that go, that come back, and that are dropped for another reason."""
    gone, back, other = _Moves(rows), _Moves(rows), _Moves(rows)
    before = {row.source: f"{stage}: {row.reason}" for stage, row in _dropped(now)}
    still = set()
    for stage, row in _dropped(then):
        why, was = f"{stage}: {row.reason}", before.get(row.source)
        if was is None:
            if reason in ("", row.reason):
                gone.add(why, row)
            continue
        still.add(row.source)
        if was != why and reason in ("", row.reason, was.split(": ")[1]):
            other.add(f"{was} → {why}", row)
    for stage, row in _dropped(now):
        if row.source not in still and reason in ("", row.reason):
            back.add(f"{stage}: {row.reason}", row)
    return gone, back, other


def _flag_moves(
    then: Built, before: Flagged, after: Flagged, reason: str, rows: int, params: ScoreParams
) -> Iterator[str]:
    """Show rows that a change keeps, and flags where it did not before."""
    counts: Counter[str] = Counter()
    samples: dict[str, Largest[Example]] = {}
    fresh = {
        source: [name for name in names if name not in before.by_source.get(source, ())]
        for source, names in after.by_source.items()
    }
    if not any(fresh.values()) or then.last is None:
        return
    for row in then.store.rows(then.last, Example):
        for name in fresh.get(row.source, ()):
            if reason in ("", name):
                counts[name] += 1
                kept = samples.setdefault(name, Largest(max(rows, 1)))
                kept.add((fraction(row.source, _SALT), row.source), row)
    evidence = Evidence(then.store, then.base, params)
    for name, number in counts.most_common():
        yield from _sample(
            name, number, "kept and newly flagged", samples[name].items()[:rows], evidence
        )


# Rows as text


def _sample(
    title: str,
    number: int,
    what: str,
    rows: Sequence[Example | Dropped],
    evidence: Callable[[Example], Iterable[tuple[str, str]]] | None = None,
) -> Iterator[str]:
    yield ""
    head = f"{title}: {counted(number, 'row')} {what}, {len(rows)} shown" if what else f"{title}:"
    yield from textwrap.wrap(head, WIDTH, break_on_hyphens=False)
    for row in rows:
        yield f"  {_printable(row.source)}"
        if isinstance(row, Dropped):
            yield from _wrapped(row.detail)
        else:
            yield from _wrapped("" if row.quality is None else f"quality {row.quality:g}")
            for name, found in evidence(row) if evidence else ():
                yield from _wrapped(f"flag {name}{found and f': {found}'}")
        content = row.row if isinstance(row, Dropped) else row
        for name, text in _texts(content):
            yield from _wrapped(f"{name}: {text}")


def _texts(row: Example | str) -> Iterator[tuple[str, str]]:
    if isinstance(row, str):
        yield "line", row
        return
    if isinstance(row, LabelExample):
        yield from (("text", row.text), ("label", row.label))
        return
    last = row.prompt[-1]
    yield last.role, last.content
    if isinstance(row, PreferenceExample):
        yield from (("chosen", row.chosen), ("rejected", row.rejected))
        return
    calls = ", ".join(call.name for call in row.messages[-1].tool_calls)
    yield "assistant", row.answer or f"calls {calls}"


def _wrapped(text: str) -> Iterable[str]:
    """Indent a text and leave out its middle; no terminal obeys what stands in it."""
    if len(text) > 2 * _ENDS:
        text = f"{text[:_ENDS]} … {text[-_ENDS:]}"
    return textwrap.wrap(
        _printable(" ".join(text.split())),
        WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_on_hyphens=False,
    )


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from textwrap.wrap(paragraph, WIDTH, break_on_hyphens=False)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
