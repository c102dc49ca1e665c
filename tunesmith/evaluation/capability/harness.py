"""Run tasks of lm-evaluation-harness on a local model, and keep the result of every item.

Tasks are local YAML files over local data; a name that the harness brings itself (MMLU, HellaSwag)
works where a hub is reachable, and is never required. Local files may not bring code: a tag such as
`!function` or a wish for `trust_remote_code` is refused before anything is loaded. The harness is
the optional part `eval`, and is only imported here. The project's own items can be written as such
tasks too (`write_tasks`); their answers are scored by our own code either way.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from tunesmith.errors import InputError, Transient
from tunesmith.evaluation.capability.comparison import Pair
from tunesmith.evaluation.capability.items import Item
from tunesmith.evaluation.capability.scoring import MOST_TOKENS, guess_rate, messages, score
from tunesmith.evaluation.generation import load
from tunesmith.training.device import Device

PREFERRED = ("acc", "exact_match")
"""The metrics that decide an item, first found first."""

_CODE = frozenset({"trust_remote_code", "unsafe_code", "class", "hf_evaluate"})
_LOCAL_FORMATS = ("json", "csv", "parquet", "text", "arrow")

PREFIX = "tunesmith_"


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """One item of a task, answered.

    Attributes:
        task: The task's name.
        doc_id: The item's place in the task's data.
        doc_hash: The sha256 of the item, so that pairs are of the same text.
        right: What the metric says, or our own scoring for our own items.
        chance: How often a blind guess is right: one in the choices, else 0.
        output: The answer of a task that generates text; empty for a choice.
        item: Our own item's id, or none.
    """

    task: str
    doc_id: int
    doc_hash: str
    right: bool
    chance: float
    output: str
    item: str | None = None

    @property
    def name(self) -> str:
        """What the item is called in a comparison."""
        return self.item or f"{self.task}/{self.doc_id}"


@dataclass(frozen=True, slots=True)
class TaskRun:
    """All answers of a run, with what decided them: the metric and the version of each task."""

    answers: tuple[TaskAnswer, ...]
    metrics: Mapping[str, str]
    versions: Mapping[str, str]
    harness: str


def write_tasks(folder: Path, items: Sequence[Item]) -> tuple[str, ...]:
    """Write items as tasks, a YAML file and a JSONL file a skill, and return the tasks' names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for skill, own in groupby(sorted(items, key=lambda item: item.skill), lambda item: item.skill):
        name = f"{PREFIX}{skill}"
        data = (folder / f"{name}.jsonl").absolute()
        data.write_text("".join(json.dumps(_doc(item)) + "\n" for item in own), encoding="utf-8")
        task = {
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {
                "data_files": {"test": str(data)},
                "cache_dir": str(data.parent / "cache"),
            },
            "test_split": "test",
            "output_type": "generate_until",
            "description": "{{system}}",
            "doc_to_text": "{{text}}",
            "doc_to_target": "{{id}}",
            "generation_kwargs": {"do_sample": False, "max_gen_toks": MOST_TOKENS, "until": []},
            # The harness keeps the answers; what is right is said by our own code.
            "metric_list": [{"metric": "bypass"}],
            "metadata": {"version": 1},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        names.append(name)
    return tuple(names)


def run_tasks(
    model_dir: Path,
    names: Sequence[str],
    *,
    tasks: Path,
    adapter_dir: Path | None = None,
    items: Sequence[Item] = (),
    metrics: Mapping[str, str] | None = None,
    hub: bool = False,
    limit: int | None = None,
    batch_size: int = 8,
    device: Device | None = None,
) -> TaskRun:
    """Answer named tasks with a model, item by item.

    Args:
        model_dir: Folder of the base model.
        names: Tasks or groups of tasks.
        tasks: Folder with the tasks' YAML files.
        adapter_dir: Folder of an adapter trained on the base.
        items: Our own items, where `write_tasks` wrote them as tasks.
        metrics: The metric that decides a task, where it is not `acc` or `exact_match`.
        hub: Whether the harness's own tasks may be named too; their data come from the hub.
        limit: Items a task, the first ones; all by default.
        batch_size: Prompts that go through the model together.
        device: Where and how precisely to compute; the best this machine has by default.

    Raises:
        InputError: the harness is not installed, a task is unknown or brings code, its metric is
            not right or wrong, or a data file or model folder is not what it should be.
        Transient: the hub did not answer.
    """
    harness = _harness()
    check_tasks(tasks, hub)
    manager = _manager(harness, tasks, names, hub)
    loaded = load(model_dir, adapter_dir, device)
    model = harness.models.huggingface.HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=batch_size,
        device=loaded.device.kind,
    )
    try:
        found = harness.evaluator.simple_evaluate(
            model,
            tasks=list(names),
            task_manager=manager,
            apply_chat_template=loaded.tokenizer.chat_template is not None,
            limit=limit,
            bootstrap_iters=0,
            log_samples=True,
        )
    except OSError as error:
        if hub:
            raise Transient(
                f"tasks {', '.join(names)}: the data did not come from the hub: {error}; when it"
                " can be reached, run the same command again, or name local tasks only"
            ) from error
        raise InputError(
            f"{tasks}: tasks {', '.join(names)}: {error}; expected the data at the places that"
            " dataset_kwargs.data_files names, as absolute paths"
        ) from error
    return collect(found, {item.id: item for item in items}, metrics or {}, harness.__version__)


def _manager(harness: Any, tasks: Path, names: Sequence[str], hub: bool) -> Any:
    """Return what knows the tasks, once it knows all that are named."""
    manager = harness.tasks.TaskManager(include_path=str(tasks), include_defaults=hub)
    unknown = sorted(set(names) - set(manager.all_tasks))
    if unknown or not names:
        raise InputError(
            f"{tasks}: no task {', '.join(unknown) or '(none named)'}; expected one of"
            f" {', '.join(sorted(manager.all_tasks)[:20]) or 'none, the folder has no task'}"
        )
    return manager


def collect(
    found: Mapping[str, Any], items: Mapping[str, Item], metrics: Mapping[str, str], harness: str
) -> TaskRun:
    """Return what the harness found as answers, one for each item."""
    answers: list[TaskAnswer] = []
    used: dict[str, str] = {}
    for task, samples in sorted(found["samples"].items()):
        # A task may filter an answer in several ways; the first is the task's main one.
        first = [sample for sample in samples if sample["filter"] == samples[0]["filter"]]
        if task.startswith(PREFIX) and items:
            used[task] = "tunesmith"
            answers += [_own_answer(task, sample, items) for sample in first]
            continue
        used[task] = _deciding(task, first, metrics.get(task))
        answers += [_answer(task, sample, used[task]) for sample in first]
    answers.sort(key=lambda answer: (answer.task, answer.doc_id))
    versions = {task: str(version) for task, version in found.get("versions", {}).items()}
    return TaskRun(tuple(answers), used, versions, harness)


def pair_tasks(base: TaskRun, candidate: TaskRun) -> list[Pair]:
    """Pair two runs by task and document; the task stands for the skill.

    Raises:
        InputError: the runs are not of the same items, or not decided in the same way.
    """
    if (base.metrics, base.versions, base.harness) != (
        candidate.metrics,
        candidate.versions,
        candidate.harness,
    ):
        raise InputError(
            f"base was decided by {dict(base.metrics)} (lm_eval {base.harness}), the candidate by"
            f" {dict(candidate.metrics)} (lm_eval {candidate.harness}); run both again in one way"
        )
    ours = {(one.task, one.doc_id): one for one in base.answers}
    theirs = {(one.task, one.doc_id): one for one in candidate.answers}
    odd = sorted(
        key
        for key in ours.keys() | theirs.keys()
        if key not in ours or key not in theirs or ours[key].doc_hash != theirs[key].doc_hash
    )
    if odd:
        raise InputError(
            f"task {odd[0][0]} item {odd[0][1]} is not the same in both runs ({len(odd)} such"
            " items); run base and candidate over the same files"
        )
    return [
        Pair(one.name, one.task, one.chance, one.right, theirs[key].right)
        for key, one in ours.items()
    ]


def check_tasks(folder: Path, hub: bool = False) -> None:
    """Refuse task files that bring code, ask for it, or want data from elsewhere.

    This catches what is written in the open. The harness renders its templates without a sandbox,
    so a task file is to be trusted like a script all the same.

    Raises:
        InputError: such a file, one that is no YAML, or no folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with the tasks' YAML files")
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        try:
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(
                f"{path}: {error}; expected plain YAML without tags such as !function, which run"
                " code from the folder"
            ) from error
        for key, value in _leaves(tree):
            wrong = _what_is_wrong(key, value, path.parent, hub)
            if wrong:
                raise InputError(f"{path}: field {key}: {value!r}; expected {wrong}")


def _what_is_wrong(key: str, value: Any, folder: Path, hub: bool) -> str | None:
    """Return what was expected instead of a field's value, or None where it may stand."""
    if key in _CODE and value not in (None, False):
        return "a task that runs no code of others: remove the field"
    if key == "include" and (
        Path(str(value)).suffix not in (".yaml", ".yml") or not (folder / str(value)).is_file()
    ):
        return "the name of a .yaml file in the same folder, which is checked like this one"
    if key == "include" and Path(str(value)).name != str(value):
        return "a file in the same folder"
    if key == "dataset_path" and value not in _LOCAL_FORMATS and not hub:
        return f"local data ({', '.join(_LOCAL_FORMATS)}); or allow the hub"
    if key == "metric" and value not in _metrics():
        return f"a metric of the harness's own: {', '.join(sorted(_metrics()))}"
    if isinstance(value, str) and "__" in value and ("{{" in value or "{%" in value):
        return "a template without double underscores"
    return None


def _metrics() -> frozenset[str]:
    # A name that the harness does not know is looked up on the hub, and code comes from there.
    import lm_eval.api.metrics  # noqa: F401  # fills the registry
    from lm_eval.api import registry

    return frozenset(registry.metric_registry.keys())


def _leaves(tree: Any, key: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for inner, value in tree.items():
            yield from _leaves(value, str(inner))
    elif isinstance(tree, list):
        for value in tree:
            yield from _leaves(value, key)
    else:
        yield key, tree


def _harness() -> Any:
    try:
        import lm_eval
        import lm_eval.evaluator
        import lm_eval.models.huggingface
        import lm_eval.tasks
    except ImportError as error:
        raise InputError(
            f"lm-evaluation-harness cannot be imported ({error}); run `pip install"
            " 'tunesmith[eval]' -c constraints.txt`, or leave the tasks out: our own items need"
            " nothing of it"
        ) from error
    return lm_eval


def _doc(item: Item) -> dict[str, str]:
    *system, user = messages(item)
    return {
        "id": item.id,
        "text": str(user["content"]),
        "system": str(system[0]["content"]) if system else "",
    }


def _own_answer(task: str, sample: Mapping[str, Any], items: Mapping[str, Item]) -> TaskAnswer:
    name = str(sample["doc"]["id"])
    if name not in items:
        raise InputError(f"task {task}: no item {name}; write the tasks again from the same items")
    output = str(sample["resps"][0][0])
    right = bool(score(items[name], output).value)
    return TaskAnswer(
        task,
        int(sample["doc_id"]),
        str(sample["doc_hash"]),
        right,
        guess_rate(items[name]),
        output,
        name,
    )


def _answer(task: str, sample: Mapping[str, Any], metric: str) -> TaskAnswer:
    reply = sample["resps"][0][0]
    generated = isinstance(reply, str)
    return TaskAnswer(
        task,
        int(sample["doc_id"]),
        str(sample["doc_hash"]),
        bool(sample[metric]),
        0.0 if generated else 1.0 / max(len(sample["arguments"]), 1),
        reply if generated else "",
    )


def _deciding(task: str, samples: Sequence[Mapping[str, Any]], asked: str | None) -> str:
    """Return the metric that says whether an item is right."""
    known = list(samples[0]["metrics"])
    yes_no = [
        name for name in known if all(sample.get(name) in (0, 1, True, False) for sample in samples)
    ]
    chosen = asked or next((name for name in (*PREFERRED, *yes_no) if name in yes_no), None)
    if chosen is None or chosen not in yes_no:
        raise InputError(
            f"task {task}: metric {chosen or 'not named'}; expected one that says right or wrong"
            f" for each item: {', '.join(yes_no) or 'none'} of {', '.join(known)}"
        )
    return chosen
