"""Make what training reads: the train side, weighted, with replay, in an order.

Reads the train side of a `Split` in two passes, replay `Examples`, and what must stay unseen;
writes a `Mixture`: the rows, and a document that says what they are made of.

| part | the rows |
|---|---|
| weights | a source's rows as often as its weight says, by a hash of the row's id; a row that \
does not go in is dropped as `weight` |
| replay | general instructions, so that the model keeps what it could do before (Scialom et al., \
"Fine-tuned Language Models are Continual Learners", EMNLP 2022) |
| curriculum | from easy to hard by a stated score (Bengio et al., "Curriculum Learning", 2009); \
else the order of the split, then replay |

A row of replay goes in at most `repeat` times: beyond about four, repeated data teach little
(Muennighoff et al., "Scaling Data-Constrained Language Models", NeurIPS 2023).

The fence is checked once more, on every row that goes in: golden and benchmarks as `dedup` checks
them (group, near copies, runs of words), test and validation by group, by text and by near copy.
What is found here is an error, and the stage refuses. How many test rows share their input, or
much of their text, with training is noted.
"""

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from tunesmith.artifacts import Base, Examples, Mixture, Scores, Split
from tunesmith.data.comparing.external_sort import in_order
from tunesmith.data.comparing.fence import fenced
from tunesmith.data.comparing.held_out import HeldOut
from tunesmith.data.semantic import ReadBags, semantic_copies
from tunesmith.data.surveys import per_cent
from tunesmith.data.surveys.look import (
    LEAKS_TOLD,
    SAMPLED,
    Amount,
    Behind,
    Counts,
    CountTokens,
    Look,
    Origin,
    Weights,
    file_of,
    merged,
    tokens_by_reason,
    weight_of,
)
from tunesmith.errors import Unready
from tunesmith.evaluation.metrics import Metric
from tunesmith.records import Dropped, Example, Score
from tunesmith.sampling import copies
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft
from tunesmith.training.token_vectors import TokenVectors

GENERAL = "general"
_REPLAY_SALT = "replay"
_FILES_TOLD = 100
_BATCH_ROWS = 4096


class WeightParams(Params):
    """How often the rows of some files go in."""

    path: str = Field(description="File or glob, as in ingest.sources.")
    weight: float = Field(
        ge=0, le=20, description="Times each row goes in, on average: 0.5 takes half of them."
    )


class ReplayParams(Params):
    """General instructions beside the task's own rows."""

    source: str = Field(
        GENERAL,
        min_length=1,
        description="`general`, a small set that comes with Tunesmith, or a file or glob.",
    )
    share: float = Field(0.15, gt=0, le=0.5, description="Share of the mixture's rows.")
    repeat: int = Field(4, ge=1, le=20, description="Times a row of it goes in at most.")


Curriculum = Literal["answer_tokens", "quality", "difficulty"]


class MixParams(Params):
    """What training reads, and in which order."""

    replay: ReplayParams | None = Field(
        None, description="General instructions, 0.1 to 0.2 of the rows; none by default."
    )
    weights: tuple[WeightParams, ...] = Field(
        (), description="Weights of sources; the first that matches a file counts, else 1."
    )
    curriculum: Curriculum | None = Field(
        None,
        description=(
            "Easy to hard: short answers first, high quality first, or what the base does well "
            "first (split.difficulty). By default the split's order, which training shuffles."
        ),
    )
    difficulty: Metric = Field("overlap", description="`split.difficulty` by default.")
    system_prompt: str | None = Field(
        None, description="The system prompt that serving uses; rows with another are warned of."
    )
    threshold: float = Field(
        0.8, ge=0.5, le=1, description="As in dedup, from which it is taken by default."
    )
    overlap: float = Field(
        0.5, gt=0, le=1, description="As in dedup, from which it is taken by default."
    )
    salt: str = Field("", description="Key of the hash; the recipe's name by default.")


def replay_weight(share: float, repeat: int, rows: int, replay: int) -> float:
    """Return how often a row of replay goes in, for its share of a mixture with so many others."""
    if not replay:
        return 0.0
    return min(share / (1 - share) * rows / replay, float(repeat))


def _write(
    params: MixParams,
    draft: Draft,
    split: Split,
    stages: dict[str, Examples],
    fences: dict[str, Examples],
    replay: Examples | None,
    base: Base,
    scores: Scores | None,
) -> Mixture:
    tokenizer = (draft.path(base) / "tokenizer.json").read_text("utf-8")
    lengths = array("Q")
    look = Look(
        tokenizer,
        weights=_weights(params),
        salt=params.salt,
        share=min(1.0, SAMPLED / max(split.train.rows, 1)),
        served=params.system_prompt,
        lengths=params.curriculum == "answer_tokens",
        behind=_behind(params, draft, fences),
    )
    with draft.timed("survey"):
        task = merged(_noting(draft.survey(split.train, look), lengths), params.system_prompt)
        times, extra = _replay(params, draft, look, task, replay, lengths)
    _refuse(task.leaked + extra.leaked, [*task.leaks, *extra.leaks])
    with draft.timed("mix"), closing(_held_out(params, draft, split)) as held_out:
        mixing = _Mixing(params, draft, split, replay, times, held_out)
        if params.curriculum is None:
            train = draft.seal_examples(mixing.rows())
        else:
            keys = _keys(params, draft, lengths, scores)
            train = draft.seal_examples(mixing.by(keys))
        draft.notes["held_out"] = held_out.figures()
    with draft.timed("tokens"):
        tokens = _tokens(draft, tokenizer, split, stages, task)
    document = _document(params, task, extra, tokens, replay)
    with draft.timed("semantic"):
        draft.notes["semantic_copies"] = _semantic(draft, tokenizer, split, base)
    draft.notes.update(
        warnings=document["warnings"],
        tokens=document["tokens"]["mixture"],
        replay_share=document["replay_share"],
    )
    return draft.seal_json(Mixture, "mixture.json", document, train=train)


def _weights(params: MixParams) -> Weights:
    return tuple((item.path, item.weight) for item in params.weights)


def _behind(params: MixParams, draft: Draft, fences: Mapping[str, Examples]) -> Behind | None:
    rows = tuple(fenced(row) for ref in fences.values() for row in draft.peek(ref))
    return Behind(rows, params.threshold, params.overlap) if rows else None


def _held_out(params: MixParams, draft: Draft, split: Split) -> HeldOut:
    sides = {"test": split.test, "validation": split.validation}
    rows = {name: draft.peek(ref) for name, ref in sides.items()}
    return HeldOut(rows, params.threshold, draft.scratch())


def _refuse(count: int, named: Sequence[str]) -> None:
    """Stop when rows of the training set stand behind the fence."""
    if not count:
        return
    shown = list(named[:LEAKS_TOLD])
    more = [f"and {count - len(shown)} more"] if count > len(shown) else []
    listed = "\n".join(f"  {text}" for text in (*shown, *more))
    raise Unready(
        f"{count} rows of the training set stand behind the fence:\n{listed}\n"
        "A model that has seen its test is not tested. Take these rows out of the sources, and "
        "run again"
    )


def _noting(found: Iterator[Counts], lengths: "array[int]") -> Iterator[Counts]:
    for counts in found:
        lengths.extend(counts.answer_tokens)
        yield counts


def _replay(
    params: MixParams,
    draft: Draft,
    look: Look,
    task: Counts,
    replay: Examples | None,
    lengths: "array[int]",
) -> tuple[float, Counts]:
    """Return how often a row of replay goes in, and what that amounts to."""
    if params.replay is None or replay is None:
        return 0.0, merged(())
    wanted = params.replay
    times = replay_weight(wanted.share, wanted.repeat, task.total().copies, replay.rows)
    look = replace(look, weights=(), weight=times, salt=f"{_REPLAY_SALT} {params.salt}")
    return times, merged(_noting(draft.survey(replay, look), lengths))


class _Mixing:
    """The second pass: each row as often as it goes in, past the fence."""

    def __init__(
        self,
        params: MixParams,
        draft: Draft,
        split: Split,
        replay: Examples | None,
        replay_times: float,
        held_out: HeldOut,
    ) -> None:
        self._params, self._draft = params, draft
        self._train, self._replay, self._replay_times = split.train, replay, replay_times
        self._held_out = held_out
        self._weights: dict[str, float] = {}
        self._leaks: list[str] = []
        self._leaked = 0

    def rows(self) -> Iterator[Example | Dropped]:
        """Yield the rows of the mixture.

        Raises:
            Unready: when one of them is behind the fence.
        """
        for _, times, row in self._weighted():
            if not times:
                yield _left_out(row)
            for _ in range(times):
                yield row
        _refuse(self._leaked, self._leaks)

    def by(self, keys: "_Keys") -> Iterator[Example | Dropped]:
        """Yield the rows that do not go in, then the others from easy to hard.

        Raises:
            Unready: when one of them is behind the fence.
        """

        def keyed() -> Iterator[tuple[float, Example]]:
            for position, times, row in self._weighted():
                for _ in range(times):
                    yield keys.of(position, row), row

        yield from self._left_out()
        yield from in_order(keyed(), self._draft.scratch())
        _refuse(self._leaked, self._leaks)

    def _left_out(self) -> Iterator[Dropped]:
        for row in self._draft.peek(self._train):
            if not copies(row.row_id, self._weight(row), self._params.salt):
                yield _left_out(row)

    def _weighted(self) -> Iterator[tuple[int, int, Example]]:
        """Yield each row with its place in the survey, and how often it goes in."""
        placed = self._placed()
        while batch := list(islice(placed, _BATCH_ROWS)):
            self._check([row for _, times, row in batch if times])
            yield from batch

    def _placed(self) -> Iterator[tuple[int, int, Example]]:
        position = -1
        for position, row in enumerate(self._draft.rows(self._train)):
            times = copies(row.row_id, self._weight(row), self._params.salt)
            self._draft.count_in(max(times - 1, 0))
            yield position, times, row
        if self._replay is None:
            return
        salt = f"{_REPLAY_SALT} {self._params.salt}"
        for row in self._draft.peek(self._replay):
            position += 1
            times = copies(row.row_id, self._replay_times, salt)
            self._draft.count_in(times)
            if times:
                yield position, times, row

    def _weight(self, row: Example) -> float:
        name = file_of(row.source)
        if name not in self._weights:
            self._weights[name] = weight_of(name, _weights(self._params))
        return self._weights[name]

    def _check(self, rows: Sequence[Example]) -> None:
        for row, how in zip(rows, self._held_out.repeats(rows), strict=True):
            if how:
                self._leaked += 1
                if len(self._leaks) < LEAKS_TOLD:
                    self._leaks.append(f"{row.source}: {how}")


def _left_out(row: Example) -> Dropped:
    detail = "its source's weight in mix.weights is below 1"
    return Dropped(source=row.source, reason="weight", detail=detail, row=row)


class _Keys:
    """How hard a row is, by the curriculum's score; small is easy."""

    def __init__(self, by: Curriculum, lengths: "array[int]", scores: Mapping[str, float]) -> None:
        self._by, self._lengths, self._scores = by, lengths, scores

    def of(self, position: int, row: Example) -> float:
        """Return the key of a row; rows without a score come last."""
        if self._by == "answer_tokens":
            return float(self._lengths[position])
        score = row.quality if self._by == "quality" else self._scores.get(row.row_id)
        return sys.float_info.max if score is None else -score


def _keys(params: MixParams, draft: Draft, lengths: "array[int]", scores: Scores | None) -> _Keys:
    found: dict[str, float] = {}
    if params.curriculum == "difficulty":
        if scores is None:
            raise Unready(
                "mix.curriculum is difficulty, but the base has not been scored on the rows; "
                "choose answer_tokens or quality"
            )
        for item in draft.peek(scores, Score):
            value = item.values.get(params.difficulty)
            if value is not None:
                found[item.row_id] = value
    return _Keys(params.curriculum or "quality", lengths, found)


def _tokens(
    draft: Draft, tokenizer: str, split: Split, stages: Mapping[str, Examples], task: Counts
) -> dict[str, Any]:
    """Count the tokens of every row once: where it was dropped, or where it ended."""
    count = CountTokens(tokenizer)
    kept = {
        "train": task.tokens,
        "validation": sum(draft.survey(split.validation, count)),
        "test": sum(draft.survey(split.test, count)),
    }
    dropped = {
        name: dict(sorted(tokens_by_reason(tokenizer, draft.dropped(ref)).items()))
        for name, ref in stages.items()
    }
    waiting = tokens_by_reason(tokenizer, draft.dropped(split.test))
    dropped["split"] = dict(sorted(waiting.items()))
    return {"kept": kept, "dropped": dropped}


def _semantic(draft: Draft, tokenizer: str, split: Split, base: Base) -> dict[str, Any]:
    """Count semantic near-copies; for the record alone, since cosines differ among machines."""
    vectors = TokenVectors(draft.path(base))
    if not vectors.known:
        return {"compared": 0}
    bags = draft.survey(split.train, ReadBags(tokenizer, split.train.rows))
    return semantic_copies(bags, vectors)


def _document(
    params: MixParams,
    task: Counts,
    extra: Counts,
    tokens: Mapping[str, Any],
    replay: Examples | None,
) -> dict[str, Any]:
    own, general = task.total(), extra.total()
    rows = own.copies + general.copies
    share = general.copies / max(rows, 1)
    warnings = task.warnings()
    if params.replay is not None:
        warnings += _replay_warnings(params.replay, share, general)
    return {
        "rows": rows,
        "replay_share": round(share, 4),
        "parts": {"task": asdict(own), "replay": asdict(general)},
        "sources": _sources("task", task.amounts) + _sources("replay", extra.amounts),
        "weights": [item.model_dump() for item in params.weights],
        "order": params.curriculum or "split",
        "tokens": {**tokens, "mixture": own.tokens + general.tokens},
        "surveys": task.document(),
        "warnings": warnings,
    }


def _replay_warnings(wanted: ReplayParams, share: float, general: Amount) -> list[str]:
    if share >= 0.9 * wanted.share:
        return []
    return [
        f"replay is {per_cent(share)} of the rows, not {per_cent(wanted.share)}: its "
        f"{general.rows} rows go in at most {wanted.repeat} times each. Give mix.replay.source a "
        "larger set"
    ]


def _sources(part: str, amounts: Mapping[Origin, Amount]) -> list[dict[str, Any]]:
    """Return what comes from each file, the most tokens first; the smallest ones as one."""
    ranked = sorted(amounts.items(), key=lambda item: (-item[1].tokens, item[0]))
    listed = [
        {"part": part, "file": name, "origin": origin, **asdict(amount)}
        for (name, origin), amount in ranked[:_FILES_TOLD]
    ]
    rest = Amount()
    for _, amount in ranked[_FILES_TOLD:]:
        rest.add(amount)
    if rest.rows:
        others = f"{len(ranked) - _FILES_TOLD} other files"
        listed.append({"part": part, "file": others, "origin": "any", **asdict(rest)})
    return listed


STAGE = Stage("mix", version=3, produces=Mixture, body=_write)
