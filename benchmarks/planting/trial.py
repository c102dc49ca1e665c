"""One candidate from its rows to the verdict, through the stages that a retrain runs."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tunesmith.artifacts import Adapter, Base, Examples, Package, Probes, Scores, Verdict
from tunesmith.canonical import digest
from tunesmith.deciding.params import GateParams, UseCriterion
from tunesmith.evaluation.metrics import MetricParams
from tunesmith.evaluation.suites import Probe
from tunesmith.packaging import merging
from tunesmith.records import ChatExample, Score
from tunesmith.stage import Params, Stage
from tunesmith.stages import evaluate, gate, package, predict, probe, train
from tunesmith.store import Store
from tunesmith.store.draft import Draft

from . import desk
from .recipes import GOLDEN, TEST, Candidate

USE, PRIMARY = "letters", "exact_match"
MARGIN = 0.15
"""How much worse the letters may be: what forty of them can settle with one or two lost."""
LONGEST = 48
"""Tokens of an answer to the task."""


class Asked(NamedTuple):
    """How much is asked of both models; `uses` is the number of letters."""

    of_skill: int = 5
    of_suite: int = 40
    of_task: int = 40
    uses: int = 40


@dataclass(frozen=True)
class Outcome:
    """What the gate said of a candidate, and on what.

    Attributes:
        decision: Promote, reject or inconclusive.
        stopped_by: The checks that stopped it, by name.
        document: The verdict.
        base: The base's answers to the suites.
        candidate: The candidate's.
        scores: Everybody's scores, by "who where".
    """

    decision: str
    stopped_by: tuple[str, ...]
    document: Mapping[str, Any]
    base: tuple[Probe, ...]
    candidate: tuple[Probe, ...]
    scores: Mapping[str, Mapping[str, Score]]


class _Given(Params):
    key: str


@dataclass(frozen=True)
class Workshop:
    """A store with a base in it."""

    store: Store
    base: Base
    asked: Asked

    @classmethod
    def at(cls, store: Store, folder: Path, asked: Asked) -> "Workshop":
        """Bring a base's folder into a store."""

        def body(params: _Given, draft: Draft) -> Base:
            made = draft.scratch()
            shutil.copytree(folder, made, dirs_exist_ok=True)
            return draft.seal_files(Base, made, model="planted")

        stage = Stage("base", version=1, produces=Base, body=body)
        return cls(store, store.build(stage, _Given(key=folder.name)), asked)

    def try_out(self, candidate: Candidate, seed: int) -> Outcome:
        """Train a candidate, ask it, package it and let the gate decide."""
        task, build = candidate.task, self.store.build
        test = candidate.test or desk.rows(task, TEST, f"test {seed}")
        sets = {
            "test": self._given(test),
            "golden": self._given(desk.rows(task, GOLDEN, f"golden {seed}")),
            USE: self._given(desk.rows(desk.LETTERS, self.asked.uses, f"letters {seed}")),
        }
        rows = self._given(candidate.train)
        checked = candidate.validation or desk.rows(task, 24, f"validation {seed}")
        params = train.TrainParams(
            method="sft", **{"batch_size": 16, "learning_rate": 1e-2, "seed": seed, **candidate.sft}
        )
        adapter = build(train.STAGE, params, rows, self._given(checked), self.base)
        measured = {
            f"{who} {where}": self._scores(candidate, examples, model)
            for where, examples in sets.items()
            for who, model in (("base", None), ("candidate", adapter))
        }
        packing = package.PackageParams(max_new_tokens=LONGEST)
        # What a merge script changes stands in no key, so that it is always run.
        self.store.rebuild = frozenset({"package"})
        with _merged_with(candidate.served):
            packaged = build(package.STAGE, packing, self.base, adapter, sets["golden"])
        probes = {
            who: self._probes(candidate, model, rows, sets["test"])
            for who, model in (("base", None), ("candidate", adapter))
        }
        judging = gate_params(candidate.primary)
        verdict = build(gate.STAGE, judging, measured, packaged, probes, None, None)
        return self._outcome(verdict, packaged, probes, measured)

    def _given(self, rows: Sequence[ChatExample]) -> Examples:
        """Put rows into the store as they are, each once."""
        once = list({row.row_id: row for row in rows}.values())

        def body(params: _Given, draft: Draft) -> Examples:
            draft.count_in(len(once))
            return draft.seal_examples(once)

        key = digest([row.row_id for row in once])
        return self.store.build(Stage("given", 1, Examples, body), _Given(key=key))

    def _scores(self, candidate: Candidate, examples: Examples, model: Adapter | None) -> Scores:
        params = predict.PredictParams(max_new_tokens=LONGEST, batch_size=64, precision="fp32")
        answers = self.store.build(predict.STAGE, params, examples, self.base, model, None)
        measuring = evaluate.EvaluateParams(
            metrics=(PRIMARY, "format"), primary=PRIMARY, format=candidate.task.format
        )
        return self.store.build(evaluate.STAGE, measuring, examples, answers)

    def _probes(
        self, candidate: Candidate, model: Adapter | None, rows: Examples, test: Examples
    ) -> Probes:
        params = probe.ProbeParams(
            of_skill=self.asked.of_skill,
            of_suite=self.asked.of_suite,
            of_task=self.asked.of_task,
            canaries=candidate.canaries,
            recited=10,
            max_new_tokens=LONGEST,
            batch_size=64,
            metrics=(candidate.primary,),
            primary=candidate.primary,
            measuring=MetricParams(format=candidate.task.format),
        )
        return self.store.build(probe.STAGE, params, self.base, model, rows, test)

    def _outcome(
        self,
        verdict: Verdict,
        packaged: Package,
        probes: Mapping[str, Probes],
        measured: Mapping[str, Scores],
    ) -> Outcome:
        document = json.loads((self.store.path(verdict) / "verdict.json").read_bytes())
        checks = json.loads((self.store.path(packaged) / package.DOCUMENT).read_bytes())["checks"]
        failed = [item["check"] for item in checks if not item["passed"]]
        return Outcome(
            verdict.decision,
            (*failed, *said_no(document)),
            document,
            *(tuple(self.store.rows(probes[who], Probe)) for who in ("base", "candidate")),
            {
                name: {row.row_id: row for row in self.store.rows(ref, Score)}
                for name, ref in measured.items()
            },
        )


def gate_params(primary: str) -> GateParams:
    """Return the gate that every candidate meets."""
    return GateParams(
        primary=primary,
        better_than=("base",),
        uses={USE: UseCriterion(metric=PRIMARY, margin=MARGIN)},
    )


def said_no(document: Mapping[str, Any]) -> Iterator[str]:
    """Name the suites and criteria of a verdict that are credibly worse; the letters as `use`."""
    yield from (item["suite"] for item in document["suites"] if item["answer"] == "no")
    for item in document["criteria"]:
        if item["answer"] == "no":
            yield "use" if item["where"] == USE else f"{item['metric']} on {item['where']}"


@contextmanager
def _merged_with(change: tuple[str, str] | None) -> Iterator[None]:
    """Let the merged folder hold another chat template, as when a merge script writes its own."""
    merge = merging.merge

    def merge_and_change(base_dir: Path, adapter_dir: Path, target: Path) -> None:
        merge(base_dir, adapter_dir, target)
        file = target / "chat_template.jinja"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(*change) if change else text, encoding="utf-8")

    merging.merge = merge_and_change
    try:
        yield
    finally:
        merging.merge = merge
