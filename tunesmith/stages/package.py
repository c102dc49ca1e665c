"""Make the candidate ready to be served, and check that it is served as it was trained.

Reads a `Base`, an `Adapter` and `Examples` whose prompts are asked, writes a `Package`: the merged
model, and `package.json` with what was checked. The adapter by itself is the other form: servers
that load adapters take it from the store as it is.

| check | the question |
|---|---|
| template | does a server make the same tokens of a prompt as training did? |
| stop_token | do the answers end by themselves? |
| agreement | do the adapter on its base and the merged model expect the same next token? |
| serving | does the packaged folder, loaded by itself, give the answers that were evaluated? |
| safetensors | are the weights nothing but weights? |

A check that fails does not stop the stage. The gate names it, and promotes nothing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Package
from tunesmith.canonical import canonical
from tunesmith.errors import InputError
from tunesmith.records import ChatExample
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.packaging.checks import Finding, Prompt

MODEL = "model"
DOCUMENT = "package.json"


class PackageParams(Params):
    """What is made, and what it must meet."""

    merged: bool = Field(
        True, description="Whether to merge the adapter into a model for servers without adapters."
    )
    prompts: int = Field(8, ge=1, description="Golden prompts that are asked, chosen by hash.")
    max_new_tokens: int = Field(
        256, ge=1, description="Longest answer in tokens; `predict.max_new_tokens` by default."
    )
    stops: float = Field(
        0.9, gt=0, le=1, description="Least share of answers that end by a stop token."
    )
    agreement: float = Field(
        0.99, gt=0, le=1, description="Least share of places at which both forms agree."
    )
    serving: float = Field(
        0.75,
        gt=0,
        le=1,
        description=(
            "Least share of answers that are word for word those that were evaluated; in bfloat16 "
            "a near tie may turn one."
        ),
    )


def _write(
    params: PackageParams, draft: Draft, base: Base, adapter: Adapter, examples: Examples
) -> Package:
    from tunesmith.packaging.merging import merge

    if adapter.base != base.digest:
        raise InputError(
            f"adapter {adapter.short} was trained on the base {adapter.base[:12]}, not on "
            f"{base.short} ({base.model}), and fits no other. Put that base into the recipe, or "
            "train on this one with `tunesmith run RECIPE`"
        )
    prompts = _prompts(draft, examples, params.prompts)
    folder = draft.scratch()
    base_dir, adapter_dir = draft.path(base), draft.path(adapter)
    if params.merged:
        with draft.timed("merge"):
            (folder / MODEL).mkdir()
            merge(base_dir, adapter_dir, folder / MODEL)
    with draft.timed("check"):
        findings = _findings(params, base_dir, adapter_dir, folder / MODEL, prompts)
    passed = all(finding.passed for finding in findings)
    document = {"passed": passed, "checks": [finding._asdict() for finding in findings]}
    (folder / DOCUMENT).write_bytes(canonical(document))
    return draft.seal_files(
        Package, folder, base=base.digest, adapter=adapter.digest, passed=passed
    )


def _prompts(draft: Draft, examples: Examples, count: int) -> "list[Prompt]":
    from tunesmith.packaging.checks import Prompt
    from tunesmith.training.rows import turns

    chosen = sample(draft.peek(examples), count, "package")
    if not chosen:
        raise InputError("package: there is no prompt to ask; expected rows in the golden set")
    return [
        Prompt(turns(row.prompt), row.tools if isinstance(row, ChatExample) else ())
        for row in chosen
    ]


def _findings(
    params: PackageParams,
    base_dir: Path,
    adapter_dir: Path,
    model_dir: Path,
    prompts: "list[Prompt]",
) -> "list[Finding]":
    from tunesmith.evaluation.generation import answer, load
    from tunesmith.packaging import checks
    from tunesmith.training.loading import load_tokenizer
    from tunesmith.training.template import prompt_ids

    adapted = load(base_dir, adapter_dir)
    ids = [prompt_ids(adapted.tokenizer, prompt.turns, prompt.tools) for prompt in prompts]
    outputs = answer(
        adapted, ids, max_new_tokens=params.max_new_tokens, batch_size=len(ids)
    ).outputs
    answers = [output.text for output in outputs]
    served = load_tokenizer(model_dir if params.merged else base_dir)
    findings = [
        checks.check_template(adapted.tokenizer, served, prompts),
        checks.check_stops([output.finish_reason for output in outputs], params.stops),
        checks.check_files(adapter_dir),
    ]
    if params.merged:
        merged = load(model_dir, None)
        findings += [
            checks.check_agreement(adapted, merged, prompts, answers, params.agreement),
            checks.check_serving(
                model_dir, prompts, answers, params.max_new_tokens, params.serving
            ),
        ]
    return findings


STAGE = Stage("package", version=1, produces=Package, body=_write, repeatable=False)
