"""A finished retrain in a real store, made by small stages: every figure of it is known."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.made_rows import chat
from tunesmith.artifacts import (
    Adapter,
    Advice,
    Base,
    Examples,
    Files,
    Mixture,
    Package,
    Predictions,
    Ref,
    Scores,
    Split,
)
from tunesmith.evaluation.prompting import Prompting
from tunesmith.pipeline import Candidate, Outcome, Result, Sources, Started, advise_params
from tunesmith.recipe import Recipe
from tunesmith.records import ChatExample, Dropped, Prediction, Score
from tunesmith.reporting.tracking import Champion, Registered
from tunesmith.stage import Params, Stage
from tunesmith.stages import advise, gate
from tunesmith.stages.split import SplitParams, stratification
from tunesmith.store import Store
from tunesmith.store.draft import Draft

DROPPED_TEXT = "the words of a row that was left out"
TRAINING_TEXT = "the words of a row to train on"
REASONS = {
    "validate": {"too_short": 12},
    "score": {"grounding": 31, "format": 9},
    "dedup": {"near_copy": 55},
}
REJECTED = (
    ("base test", 50),
    ("prompt_baseline test", 52),
    ("champion test", 52),
    ("candidate test", 26),
    ("champion golden", 27),
    ("candidate golden", 14),
)
INCONCLUSIVE = (
    ("base test", 50),
    ("prompt_baseline test", 52),
    ("champion test", 52),
    ("candidate test", 53),
    ("champion golden", 27),
    ("candidate golden", 28),
)
SYSTEM = "You write follow-up e-mails."


class Named(Params):
    """Tells the builds of one stage apart."""

    name: str


@dataclass(frozen=True)
class Made:
    """Everything that the views are given."""

    recipe: Recipe
    store: Store
    started: Started
    result: Result
    registered: Registered | None

    @property
    def given(self) -> tuple[Any, ...]:
        return self.recipe, self.store, self.started, self.result, self.registered


@dataclass(frozen=True)
class Plan:
    """What the retrain is like.

    `right` is by "who where": how many of the examples, counted from the first, are grounded.
    `tickets` and `answers` stand for the texts of the first rows, on which all but the
    candidate ramble, so that they are among those that change most.
    """

    outcome: Outcome = "promote"
    test: int = 60
    golden: int = 30
    right: tuple[tuple[str, int], ...] = (
        ("base test", 12),
        ("prompt_baseline test", 27),
        ("champion test", 52),
        ("candidate test", 56),
        ("champion golden", 27),
        ("candidate golden", 28),
    )
    tickets: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    reason: str = "near_copy"
    champion: bool = True
    rows_a_group: int = 1
    unfit: str = ""
    topics: tuple[str, ...] = ()


def build(store: Store, name: str, kind: type[Any], body: Callable[[Draft], Any], at: str) -> Any:
    """Build an artifact by a stage of this name."""
    stage: Stage[Any, Any] = Stage(
        name, version=1, produces=kind, body=lambda _, draft: body(draft)
    )
    return store.build(stage, Named(name=at))


def make(store: Store, *, why: str = "the quarterly refresh", **changes: Any) -> Made:
    """Make a retrain; `changes` are fields of the plan."""
    plan = replace(Plan(), **changes)
    base = build(store, "base", Base, lambda d: _weights(d, Base, model="org/small-135M"), "base")
    adapter = build(store, "train", Adapter, lambda d: _adapter(d, base), "train")
    test = _tickets("ticket", plan.test, plan)
    golden = _tickets("golden ticket", plan.golden, plan)
    train = [chat(f"{TRAINING_TEXT} {n}", "So it is.", system=SYSTEM) for n in range(300)]
    data = _funnel(store, plan, len(train) + len(test))
    split = build(store, "split", Split, lambda d: _split(d, train, test), "split")
    mixture = build(store, "mix", Mixture, lambda d: _mixture(d, split, data), "mix")
    golden_ref = build(store, "ingest", Examples, lambda d: _examples(d, golden), "golden")
    names = [name for name, _ in plan.right if plan.champion or "champion" not in name]
    trained = plan.outcome not in ("unchanged", "prompt_is_enough")
    if not trained:
        names = [name for name in names if name.split()[0] in ("base", "prompt_baseline")]
    measured = {
        name: _measure(store, plan, name, golden if name.endswith("golden") else test)
        for name in names
    }
    verdict = package = None
    if trained:
        scores = {name: candidate.scores for name, candidate in measured.items()}
        package = build(
            store, "package", Package, lambda d: _package(d, plan, base, adapter), "package"
        )
        verdict = store.build(gate.STAGE, recipe().gate, scores, package, {}, None, None)
        assert verdict.decision == plan.outcome
    result = Result(
        outcome=plan.outcome,
        base=base,
        golden=golden_ref,
        data=data,
        split=split,
        mixture=mixture,
        advice=_advice(store, mixture, split, measured["prompt_baseline test"]),
        adapter=None if plan.outcome == "prompt_is_enough" else adapter,
        package=package,
        probes={},
        measured=measured,
        verdict=verdict,
    )
    registered = (
        Registered(name="support-email", version="4", release="support-email-v4-2026-11")
        if plan.outcome == "promote"
        else None
    )
    return Made(recipe(), store, _story(plan, base, adapter, why), result, registered)


def _advice(store: Store, mixture: Mixture, split: Split, asked: Candidate) -> Advice:
    params = advise_params(recipe(), Prompting(shots=3))
    return store.build(advise.STAGE, params, mixture, split, asked.predictions, asked.scores, None)


def _tickets(word: str, count: int, plan: Plan) -> list[ChatExample]:
    texts = [
        *plan.tickets,
        *(f"{word} {n}: the Norvik kettle {n + 400} leaks." for n in range(count)),
    ]
    answers = [*plan.answers, *[""] * count]
    return [
        chat(
            f"{word}: {text}" if n < len(plan.tickets) else text,
            answers[n] or f"Subject: Your kettle\n\nThe Norvik kettle {n + 400} will be replaced.",
            system=SYSTEM,
            group=f"{word} {n // plan.rows_a_group}",
            metadata={"topic": plan.topics[n % len(plan.topics)]} if plan.topics else {},
        )
        for n, text in enumerate(texts[:count])
    ]


def _package(draft: Draft, plan: Plan, base: Base, adapter: Adapter) -> Package:
    stop = {"check": "stop_token", "passed": not plan.unfit, "figures": {"share": 1.0}}
    checks = [
        {"check": "template", "passed": True, "found": "the same tokens", "figures": {}},
        {**stop, "found": plan.unfit or "8 of 8 answers end by a stop token"},
    ]
    document = {"passed": not plan.unfit, "checks": checks}
    return draft.seal_json(
        Package,
        "package.json",
        document,
        base=base.digest,
        adapter=adapter.digest,
        passed=not plan.unfit,
    )


def _funnel(store: Store, plan: Plan, left: int) -> dict[str, Examples]:
    """Stages whose drops add up to what is left."""
    reasons = {stage: dict(counts) for stage, counts in REASONS.items()}
    reasons["dedup"] = {plan.reason: 55}
    data = {}
    came = left + sum(sum(counts.values()) for counts in reasons.values())
    for stage in ("ingest", "validate", "score", "dedup"):
        drops = reasons.get(stage, {})
        came -= sum(drops.values())
        rows = [chat(f"{stage} row {n}") for n in range(came)]
        lost = [
            Dropped(source=f"t.jsonl:{n}", reason=reason, detail=DROPPED_TEXT, row=DROPPED_TEXT)
            for reason, count in drops.items()
            for n in range(count)
        ]
        data[stage] = build(
            store, stage, Examples, lambda d, all=[*rows, *lost]: _examples(d, all), stage
        )
    return data


def _examples(draft: Draft, rows: Sequence[ChatExample | Dropped]) -> Examples:
    draft.count_in(len(rows))
    return draft.seal_examples(rows)


def _split(draft: Draft, train: list[ChatExample], test: list[ChatExample]) -> Split:
    sides = {"train": train[:-40], "validation": train[-40:], "test": test}
    refs = {name: draft.seal_examples(rows) for name, rows in sides.items()}
    draft.count_in(len(train) + len(test))
    report = stratification(train, SplitParams(report=("topic",)))["train"]
    report["fields"]["topic"] = {"<bills>": report["rows"] * 3 // 4, "other": report["rows"] // 4}
    described = {
        name: {
            **report,
            "rows": len(rows),
            "groups": len({row.group_id for row in rows}),
            "sketch": [],
        }
        for name, rows in sides.items()
    }
    document = {
        "parts": {},
        "sides": described,
        "strata": {
            "by": "<topic>",
            "count": 13,
            "groups": {f"s{n}": {"train": 9, "validation": 1, "test": 2} for n in range(13)},
        },
        "test_from": "any",
        "power": {"groups": 60, "margin": 0.15, "discordance": 0.1, "power": 0.974},
        "shift": {
            "train": {"untested": "3 recent production groups beside 260 others"},
            "test": {"distance": 0.21, "no_shift_quantile": 0.12, "p": 0.005, "shifted": True},
        },
        "warnings": ["split: the test side is <b>unlike</b> recent production"],
    }
    return draft.seal_json(Split, "split.json", document, **refs)


def _mixture(draft: Draft, split: Split, data: dict[str, Examples]) -> Mixture:
    draft.count_in(split.train.rows)
    train = draft.seal_examples(draft.peek(split.train))
    source = {"rows": 200, "copies": 230, "repeated": 30, "tokens": 4_600}
    replay = {"rows": 20, "copies": 30, "repeated": 10, "tokens": 400}
    document = {
        "rows": 260,
        "replay_share": 0.1154,
        "order": "answer_tokens",
        "sources": [
            {"part": "task", "file": "<tickets>.jsonl", "origin": "human", **source},
            {"part": "replay", "file": "general.jsonl", "origin": "human", **replay},
        ],
        "tokens": {
            "kept": {"train": 5_000, "validation": 500, "test": 1_000},
            "dropped": {"score": {"grounding": 3_000, "format": 500}},
            "mixture": 5_000,
        },
        "warnings": ["format lock-in: 93% of the answers have the same form"],
    }
    return draft.seal_json(Mixture, "mixture.json", document, train=train)


def _weights(draft: Draft, kind: type[Ref], **facts: str) -> Ref:
    folder = draft.scratch()
    (folder / "weights.safetensors").write_bytes(b"weights")
    return draft.seal_files(kind, folder, **facts)


def _adapter(draft: Draft, base: Base) -> Adapter:
    folder = draft.scratch()
    steps = [
        {"step": n, "loss": 2.4 / (1 + n / 6) + 0.05 * (n % 3), **_looked(n)} for n in range(1, 41)
    ]
    (folder / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    draft.timings.update(train=187.2, steps={str(n): 1.7e9 + n for n in range(1, 41)})
    draft.notes.update(
        best_step=40, trainable=2_442_240, parameters=136_957_440, trainable_share=0.017832
    )
    return draft.seal_files(Adapter, folder, base=base.digest)


def _looked(step: int) -> dict[str, float]:
    return {} if step % 10 else {"eval_loss": 2.3 / (1 + step / 7) + 0.12}


def _measure(store: Store, plan: Plan, name: str, rows: list[ChatExample]) -> Candidate:
    right, rambling = dict(plan.right)[name], "candidate" not in name

    def predictions() -> Iterator[Prediction]:
        for n, row in enumerate(rows):
            text = plan.answers[n] if n < len(plan.answers) else f"{name} says {n}"
            yield Prediction(
                row_id=row.row_id,
                group_id=row.group_id,
                prompt_digest="0" * 64,
                output=text,
                finish_reason="stop",
                prompt_tokens=80,
                completion_tokens=20,
            )

    def overlap(n: int) -> float:
        return 0.0 if rambling and n < len(plan.tickets) else 0.3 + n % 7 / 20

    def scores() -> Iterator[Score]:
        for n, row in enumerate(rows):
            grounded = n < right
            yield Score(
                row_id=row.row_id,
                group_id=row.group_id,
                values={
                    "format": float(n < right + 2 * bool(right)),
                    "grounding": float(grounded),
                    "markers": 1.0,
                    "length_ratio": 9.0 if rambling and n < len(plan.tickets) else 0.8 + n % 5 / 10,
                    "overlap": None if n == len(rows) - 1 else overlap(n),
                },
                evidence={} if grounded else {"grounding": f"number '{n + 7}'"},
            )

    return Candidate(
        predictions=build(
            store, "predict", Predictions, lambda d: d.seal_rows(Predictions, predictions()), name
        ),
        scores=build(store, "evaluate", Scores, lambda d: d.seal_rows(Scores, scores()), name),
    )


def _story(plan: Plan, base: Base, adapter: Adapter, why: str) -> Started:
    files = Files(digest="f" * 64, names=("tickets-1.jsonl",), sha256=("e" * 64,), root="/data")
    other = adapter if plan.outcome == "unchanged" else Adapter(digest="a" * 64, base=base.digest)
    return Started(
        id="support-email-20261121-101500-3fa9",
        run="0123456789abcdef",
        run_url="http://127.0.0.1:5000/#/experiments/1/runs/0123456789abcdef",
        resumed=False,
        champion=Champion(version="3", adapter=other, base=base) if plan.champion else None,
        sources=Sources(base=files, examples=files, golden=files),
        trigger="manual",
        why=why,
        started_by="ada@build-7",
    )


def recipe() -> Recipe:
    """The recipe of every made retrain."""
    return Recipe.model_validate(
        {
            "name": "support-email",
            "task": "Write a follow-up e-mail that states only what the ticket says.",
            "reference_examples": "reference.jsonl",
            "target": 0.8,
            "base": {"model": "org/small-135M", "revision": "d" * 40},
            "ingest": {"sources": [{"path": "tickets-*.jsonl", "origin": "human"}]},
            "golden": {"path": "golden.jsonl", "sha256": "c" * 64},
            "evaluate": {"metrics": ["format", "grounding"], "primary": "grounding"},
            "train": {"method": "sft"},
            "gate": {"margin": 0.15},
        }
    )
