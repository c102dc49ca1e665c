"""Make the candidate ready to be served, and check that it is served as it was trained.

Reads a `Base`, an `Adapter` and `Examples` whose prompts are asked, writes a `Package`: the merged
model, and `package.json` with what was checked. The adapter by itself is the other form: servers
that load adapters take it from the store as it is.

| check | the question |
|---|---|
| template | does a server make the same tokens of a prompt as training did? |
| stop_token | do the answers end by themselves, and does a server stop where they end? |
| safetensors | are the weights nothing but weights? |
| serving | does the packaged form, loaded by itself, answer as the evaluated model would? |
| agreement | do the adapter on its base and the merged model expect the same next token? |

A check that fails does not stop the stage. The gate names it, and promotes nothing.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from tunesmith.artifacts import Adapter, Base, Examples, Package
from tunesmith.canonical import canonical
from tunesmith.errors import InputError
from tunesmith.packaging.pinning import check_base
from tunesmith.sampling import sample
from tunesmith.stage import Params, Stage
from tunesmith.store.draft import Draft

if TYPE_CHECKING:
    from tunesmith.packaging.checks import Finding
    from tunesmith.packaging.serving import Prompt

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
        0.98, gt=0, le=1, description="Least share of places at which both forms agree."
    )
    distance: float = Field(
        0.1,
        gt=0,
        le=1,
        description=(
            "Largest mean distance of both forms' logits, as a share of how far these spread."
        ),
    )
    serving: float = Field(
        0.97,
        gt=0,
        le=1,
        description="Least share of served tokens that the evaluated model would have chosen.",
    )


def _write(
    params: PackageParams, draft: Draft, base: Base, adapter: Adapter, examples: Examples
) -> Package:
    from tunesmith.packaging.merging import merge
    from tunesmith.packaging.serving import MODEL

    check_base(adapter, base)
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
    from tunesmith.packaging.serving import asked

    chosen = sample(draft.peek(examples), count, "package")
    if not chosen:
        raise InputError("package: there is no prompt to ask; expected rows in the golden set")
    return [asked(row) for row in chosen]


def _findings(
    params: PackageParams,
    base_dir: Path,
    adapter_dir: Path,
    model_dir: Path,
    prompts: "list[Prompt]",
) -> "list[Finding]":
    from tunesmith.evaluation.generation import answer, load
    from tunesmith.packaging import checks
    from tunesmith.packaging.serving import load_served
    from tunesmith.training.template import prompt_ids

    adapted = load(base_dir, adapter_dir)
    ids = [prompt_ids(adapted.tokenizer, prompt.turns, prompt.tools) for prompt in prompts]
    outputs = answer(
        adapted, ids, max_new_tokens=params.max_new_tokens, batch_size=len(ids)
    ).outputs
    answers = [output.text for output in outputs]
    reasons = [output.finish_reason for output in outputs]
    form = {"model": model_dir} if params.merged else {"base": base_dir}
    files = checks.check_files({"adapter": adapter_dir, **form})
    try:
        served = load_served(model_dir) if params.merged else load_served(base_dir, adapter_dir)
    except (InputError, OSError, ValueError) as error:  # the last two are of transformers
        return [files, checks.Finding("serving", False, f"it cannot be loaded: {error}", {})]
    findings = [
        checks.check_template(adapted.tokenizer, served, prompts),
        checks.check_stops(adapted.tokenizer, served, reasons, params.stops),
        files,
        checks.check_serving(
            adapted, served, prompts, answers, params.max_new_tokens, params.serving
        ),
    ]
    if params.merged:
        findings.append(
            checks.check_agreement(
                adapted, served, prompts, answers, params.agreement, params.distance
            )
        )
    return findings


STAGE = Stage("package", version=4, produces=Package, body=_write, repeatable=False)
