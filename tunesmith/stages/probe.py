"""Ask a model what fine-tuning may have spoiled: the capability set and the failure-mode suites.

Reads a `Base`, optionally an `Adapter` on it, and `Examples` of training and of test; writes
`Probes`, one row a question, with the answer and what was judged about it. The same stage without
an adapter gives the base's answers, with which the gate compares (`tunesmith.evaluation.suites`).
Decoding is greedy. What is asked hangs on the parameters, the examples and the base's tokenizer
alone, so that every model of one base is asked the same. Finished batches survive a kill. Not
repeatable, as `predict`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from tunesmith.artifacts import Adapter, Base, Examples, Probes
from tunesmith.canonical import digest
from tunesmith.errors import Unready
from tunesmith.evaluation.capability.items import SKILLS, Skill, load
from tunesmith.evaluation.metrics import Metric, MetricParams
from tunesmith.evaluation.suites import plan, tasks
from tunesmith.evaluation.suites.asking import Judged, Probe, Question
from tunesmith.evaluation.suites.judging import judge
from tunesmith.packaging.pinning import check_base
from tunesmith.records import Example, LabelExample
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.evaluation.generation import Answerer, Output

LONGEST = 72
"""Tokens of an answer to what is no question of the task; what goes on beyond is cut off."""
_FEWEST_OF_CANARY = 8
"""Letters and digits of a canary: fewer may turn up by chance."""


class ProbeParams(Params):
    """What is asked, and how much."""

    skills: tuple[Skill, ...] = Field(SKILLS, description="Skills of the capability set.")
    of_skill: int = Field(15, ge=1, description="Capability items of each skill, chosen by hash.")
    of_suite: int = Field(80, ge=1, description="Questions of each failure-mode suite.")
    of_task: int = Field(
        80, ge=1, description="Rows of training, and as many of test, asked as they stand."
    )
    beginnings: int = Field(
        8, ge=1, description="Training texts that break off before personal data."
    )
    canaries: tuple[str, ...] = Field(
        (), description="Strings planted in training rows, which no answer may hold."
    )
    recited: int = Field(
        20, ge=5, description="Words in a row that count as recited from a training answer."
    )
    max_new_tokens: int = Field(
        256, ge=1, description="Longest answer to the task; `predict.max_new_tokens` by default."
    )
    batch_size: int = Field(32, ge=1, description="Prompts that are answered together.")
    precision: Literal["fp32", "bf16"] | None = Field(
        None, description="Number format; `predict.precision` by default."
    )
    runtime: Literal["transformers", "vllm"] | None = Field(
        None, description="What answers; `predict.runtime` by default."
    )
    metrics: tuple[Metric, ...] = Field(
        ("format", "grounding"), description="`evaluate.metrics` by default; those of yes or no."
    )
    primary: Metric = Field("grounding", description="`evaluate.primary` by default.")
    measuring: MetricParams = Field(
        MetricParams(), description="What the metrics need; from `evaluate` by default."
    )
    train_sample: int | None = Field(None, ge=1, description="`train.sample` by default.")
    train_seed: int = Field(0, description="`train.seed` by default.")
    seed: int = Field(0, description="Key of the hash that chooses rows of test.")

    @field_validator("canaries")
    @classmethod
    def _long_enough(cls, canaries: tuple[str, ...]) -> tuple[str, ...]:
        for canary in canaries:
            if sum(map(str.isalnum, canary)) < _FEWEST_OF_CANARY:
                raise ValueError(
                    f"canary {canary!r} has fewer than {_FEWEST_OF_CANARY} letters and digits; an "
                    "answer may hold it by chance"
                )
        return canaries

    @property
    def sizes(self) -> plan.Sizes:
        """How much is asked."""
        return plan.Sizes(self.of_skill, self.of_suite, self.of_task, self.beginnings)

    @property
    def generations(self) -> int:
        """How many answers of one model a probe costs at most."""
        return self.sizes.most(len(self.skills), len(self.canaries))


def _write(
    params: ProbeParams,
    draft: Draft,
    base: Base,
    adapter: Adapter | None,
    train: Examples,
    test: Examples,
) -> Probes:
    check_base(adapter, base)
    rows = sample(draft.peek(test), params.of_task, f"probe {params.seed}")
    with draft.timed("plan"):
        questions = _questions(params, draft, train, rows)
    answered, outputs = _Asking(params, draft, base, adapter).answers(questions)
    with draft.timed("judge"):
        values = judge(
            answered,
            [output.text for output in outputs],
            lambda: draft.peek(train),
            [row.answer for row in rows],
            canaries=params.canaries,
            run=params.recited,
        )
    made = draft.seal_rows(Probes, _rows(answered, outputs, values))
    by = f"{draft.notes['runtime']} {draft.notes['precision']}"
    return made.model_copy(update={"answered_by": by})


def _questions(
    params: ProbeParams, draft: Draft, train: Examples, rows: Sequence[Example]
) -> list[Question]:
    training = plan.Training(
        rows,
        params.sizes,
        params.canaries,
        salt=f"train {params.train_seed}",
        trained_on=params.train_sample,
    )
    for row in draft.peek(train):
        training.see(row)
    settings = params.measuring
    if not settings.labels:
        labels = {row.label for row in rows if isinstance(row, LabelExample)}
        settings = replace(settings, labels=tuple(sorted(labels)))
    metrics = tasks.yes_no(params.metrics, params.primary)
    return plan.questions(training, load(params.skills), metrics, settings)


def _rows(
    questions: Sequence[Question],
    outputs: "Sequence[Output]",
    values: Sequence[dict[str, Judged]],
) -> Iterator[Probe]:
    for question, output, judged in zip(questions, outputs, values, strict=True):
        yield Probe(
            item=question.item,
            suite=question.suite,
            part=question.part,
            group_id=question.group_id,
            asked=question.messages[-1].content,
            prompt_digest=_digest(question),
            output=output.text,
            finish_reason=output.finish_reason,
            prompt_tokens=output.prompt_tokens,
            completion_tokens=output.completion_tokens,
            values={name: value.passed for name, value in judged.items()},
            evidence={name: value.evidence for name, value in judged.items() if value.evidence},
            chance=question.chance,
            row_id=question.row_id,
        )


def _digest(question: Question) -> str:
    from tunesmith.training.rows import turns

    prompt = turns(question.messages)
    return digest({"messages": prompt, "tools": question.tools} if question.tools else prompt)


class _Asking:
    """Asks a model the questions, those with short answers first; the model is loaded once."""

    def __init__(
        self, params: ProbeParams, draft: Draft, base: Base, adapter: Adapter | None
    ) -> None:
        self._params, self._draft = params, draft
        self._base, self._adapter = base, adapter

    def answers(self, questions: Sequence[Question]) -> "tuple[list[Question], list[Output]]":
        """Return the questions that fit into the model's context, and its answers."""
        from tunesmith.evaluation.generation import load_answerer
        from tunesmith.training.device import pick

        params = self._params
        with self._draft.timed("load"):
            adapter_dir = self._draft.path(self._adapter) if self._adapter else None
            loaded = load_answerer(
                self._draft.path(self._base), adapter_dir, pick(params.precision), params.runtime
            )
        asked = [
            (question, _ids(loaded, question), self._limit(question)) for question in questions
        ]
        context = loaded.context
        fitting = [one for one in asked if context is None or len(one[1]) + one[2] <= context]
        self._note_left_out(len(asked) - len(fitting), context)
        if not fitting:
            raise Unready(
                f"probe: no question fits into the model's context of {context} tokens; lower "
                "predict.max_new_tokens"
            )
        outputs = self._ask(
            loaded, [ids for _, ids, _ in fitting], [limit for *_, limit in fitting]
        )
        return [question for question, *_ in fitting], outputs

    def _limit(self, question: Question) -> int:
        return self._params.max_new_tokens if question.long else LONGEST

    def _note_left_out(self, count: int, context: int | None) -> None:
        if count:
            self._draft.notes["warnings"] = [
                f"probe: {count} questions are too long for the model's context of {context} "
                "tokens and were not asked"
            ]

    def _ask(self, loaded: "Answerer", ids: list[list[int]], limits: list[int]) -> "list[Output]":
        """Answer what fits, going on where a run was killed that answered in the same way."""
        from tunesmith.evaluation.generation import Output, answer

        draft, device = self._draft, loaded.device
        finished, keep = draft.batches(f"{loaded.runtime}-{device.kind}-{device.precision}", Output)
        result = answer(
            loaded,
            ids,
            max_new_tokens=limits,
            batch_size=self._params.batch_size,
            finished=finished,
            on_batch=keep,
            on_progress=lambda count: draft.progress(count, len(ids), "answers"),
        )
        draft.timings.update(result.timings)
        draft.notes.update(result.notes)
        return result.outputs


def _ids(loaded: "Answerer", question: Question) -> list[int]:
    from tunesmith.training.rows import turns
    from tunesmith.training.template import prompt_ids

    return prompt_ids(loaded.tokenizer, turns(question.messages), question.tools)


STAGE = Stage("probe", version=3, produces=Probes, body=_write, repeatable=False)
