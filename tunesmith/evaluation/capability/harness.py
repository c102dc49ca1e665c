"""Tasks of lm-evaluation-harness as a suite: what each model gets right, item by item.

Tasks are local YAML files over local data; a name that the harness brings itself (MMLU, HellaSwag)
works where a hub is reachable, and is never required. Local files may not bring code: a tag such as
`!function` or a wish for `trust_remote_code` is refused before anything is loaded. The harness is
the optional part `eval`, and is only imported here.

Measured: the share of right answers, 0 to 1, higher is better, over all tasks and task by task
(Gao et al., "A framework for few-shot language model evaluation", Zenodo 10256836).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from tunesmith.errors import InputError, Transient

if TYPE_CHECKING:
    from tunesmith.evaluation.generation.loaded import LoadedModel

NAME = "harness"
"""Of the suite."""
PREFERRED = ("acc", "exact_match")
"""The metrics that decide an item, first found first."""

_CODE = frozenset({"trust_remote_code", "unsafe_code", "class", "hf_evaluate"})
_LOCAL_FORMATS = ("json", "csv", "parquet", "text", "arrow")
_YAML = (".yaml", ".yml")


class TaskAnswer(Struct, frozen=True, kw_only=True):
    """One item of a task, answered.

    Attributes:
        task: The task's name.
        doc_id: The item's place in the task's data.
        item_digest: The sha256 of the item, so that pairs are of the same text.
        asked: The prompt, as the model got it.
        right: What the metric says.
        chance: How often a blind guess is right: one in the choices, else 0.
        output: The answer of a task that generates text; empty for a choice.
        prompt_tokens: Of all that the model read, each choice counted.
        completion_tokens: Of what it wrote.
    """

    task: str
    doc_id: int
    item_digest: str
    asked: str
    right: bool
    chance: float
    output: str
    prompt_tokens: int
    completion_tokens: int


class TaskRun(Struct, frozen=True, kw_only=True):
    """All answers to the tasks of one name, with what decided them.

    Attributes:
        answers: In the order of tasks and items.
        metrics: The metric that decided, by task.
        versions: Of the tasks.
        harness: Version of the harness.
    """

    answers: tuple[TaskAnswer, ...]
    metrics: dict[str, str]
    versions: dict[str, str]
    harness: str


@dataclass(frozen=True)
class Asked:
    """How tasks are asked.

    Attributes:
        metrics: The metric that decides a task, where it is not `acc` or `exact_match`.
        hub: Whether the harness's own tasks may be named too; their data come from the hub.
        limit: Items a task, the first ones; None for all.
        batch_size: Prompts that go through the model together.
    """

    metrics: Mapping[str, str]
    hub: bool = False
    limit: int | None = None
    batch_size: int = 8


class Examiner:
    """Asks a loaded model tasks by name.

    Args:
        loaded: The model.
        folder: Folder with the tasks' YAML files and their data, which is written to: paths of
            data become absolute there. None where all tasks are the harness's own.
        names: Tasks or groups of tasks that will be asked.
        asked: How.

    Raises:
        InputError: the harness is not installed, a task is unknown or brings code, or its data
            lie elsewhere.
    """

    def __init__(
        self, loaded: "LoadedModel", folder: Path | None, names: Sequence[str], asked: Asked
    ) -> None:
        self._asked, self._tokenizer = asked, loaded.tokenizer
        # It warns of what is meant here: a model that is loaded already, defaults of metrics.
        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        if folder is not None:
            check_tasks(folder, asked.hub)
            _place_data(folder)
        self._manager = _imported("lm_eval.tasks").TaskManager(
            include_path=None if folder is None else str(folder), include_defaults=asked.hub
        )
        known = self._manager.all_tasks
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise InputError(
                f"examine.names: no task {', '.join(unknown)}; expected one of"
                f" {', '.join(sorted(known)[:20]) or 'none, as the folder has no task'}"
            )
        self._model = _imported("lm_eval.models.huggingface").HFLM(
            pretrained=loaded.model,
            tokenizer=loaded.tokenizer,
            batch_size=asked.batch_size,
            device=loaded.device.kind,
        )

    def ask(self, name: str) -> TaskRun:
        """Let the model answer a task, or a group of them, item by item.

        Raises:
            InputError: a data file is not what it should be, or no metric says right or wrong.
            Transient: the hub did not answer.
        """
        try:
            found = _imported("lm_eval.evaluator").simple_evaluate(
                self._model,
                tasks=[name],
                task_manager=self._manager,
                apply_chat_template=self._tokenizer.chat_template is not None,
                limit=self._asked.limit,
                bootstrap_iters=0,
                log_samples=True,
            )
        except OSError as error:
            if self._asked.hub:
                raise Transient(
                    f"task {name}: the data did not come from the hub: {error}; when it can be"
                    " reached, run the same command again, or name local tasks only"
                ) from error
            raise InputError(f"task {name}: its data cannot be read: {error}") from error
        except _of_a_wrong_task() as error:
            cause = error.__cause__ or error
            raise InputError(
                f"task {name}: cannot be asked: {type(cause).__name__}: {cause}; expected data that"
                " can be read, with the fields that the task's templates name"
            ) from error
        return self._collected(found)

    def _collected(self, found: Mapping[str, Any]) -> TaskRun:
        answers: list[TaskAnswer] = []
        used: dict[str, str] = {}
        for task, samples in sorted(found["samples"].items()):
            # A task may filter an answer in several ways; the first is the task's main one.
            first = [sample for sample in samples if sample["filter"] == samples[0]["filter"]]
            used[task] = deciding(task, first, self._asked.metrics.get(task))
            answers += [self._answer(task, sample, used[task]) for sample in first]
        answers.sort(key=lambda answer: (answer.task, answer.doc_id))
        versions = {task: str(version) for task, version in found.get("versions", {}).items()}
        return TaskRun(
            answers=tuple(answers),
            metrics=used,
            versions=versions,
            harness=_imported("lm_eval").__version__,
        )

    def _answer(self, task: str, sample: Mapping[str, Any], metric: str) -> TaskAnswer:
        reply, requests = sample["resps"][0][0], sample["arguments"]
        generated = isinstance(reply, str)
        return TaskAnswer(
            task=task,
            doc_id=int(sample["doc_id"]),
            item_digest=str(sample["doc_hash"]),
            asked=str(requests[0][0]),
            right=bool(sample[metric]),
            chance=0.0 if generated else 1.0 / len(requests),
            output=reply if generated else "",
            prompt_tokens=sum(self._tokens(request[0]) for request in requests),
            completion_tokens=self._tokens(reply) if generated else 0,
        )

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))


def deciding(task: str, samples: Sequence[Mapping[str, Any]], asked: str | None) -> str:
    """Return the metric that says whether an item is right.

    Raises:
        InputError: the one asked for says no such thing, or none does.
    """
    known = list(samples[0]["metrics"])
    yes_no = [
        name for name in known if all(sample.get(name) in (0, 1, True, False) for sample in samples)
    ]
    chosen = asked or next((name for name in (*PREFERRED, *yes_no) if name in yes_no), None)
    if chosen is None or chosen not in yes_no:
        raise InputError(
            f"task {task}: metric {chosen or 'not named'}; expected one that says right or wrong"
            f" for each item: {', '.join(yes_no) or 'none'} of {', '.join(known)}; name it in"
            " examine.metrics"
        )
    return chosen


def check_tasks(folder: Path, hub: bool = False) -> None:
    """Refuse task files that bring code, ask for it, or want data from elsewhere.

    This catches what is written in the open. The harness renders its templates without a sandbox,
    so a task file is to be trusted like a script all the same.

    Raises:
        InputError: such a file, or one that is no YAML.
    """
    for path, tree in _task_files(folder):
        for key, value in _leaves(tree):
            wrong = _what_is_wrong(key, value, path.parent, hub)
            if wrong:
                raise InputError(f"{path.name}: field {key}: {value!r}; expected {wrong}")


def _task_files(folder: Path) -> Iterable[tuple[Path, Any]]:
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _YAML):
        try:
            yield path, yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(
                f"{path.name}: {error}; expected plain YAML without tags such as !function, which"
                " run code from the folder"
            ) from error


def _what_is_wrong(key: str, value: Any, folder: Path, hub: bool) -> str | None:
    """Return what was expected instead of a field's value, or None where it may stand."""
    if key in _CODE and value not in (None, False):
        return "a task that runs no code of others: remove the field"
    if key == "include" and (
        Path(str(value)).suffix not in _YAML or not (folder / str(value)).is_file()
    ):
        return "the name of a .yaml file in the same folder, which is checked like this one"
    if key == "include" and Path(str(value)).name != str(value):
        return "a file in the same folder"
    if key == "dataset_path" and value not in _LOCAL_FORMATS and not hub:
        return f"local data ({', '.join(_LOCAL_FORMATS)}); or allow the hub with examine.hub"
    if key == "metric" and value not in _metrics():
        return f"a metric of the harness's own: {', '.join(sorted(_metrics()))}"
    if isinstance(value, str) and "__" in value and ("{{" in value or "{%" in value):
        return "a template without double underscores"
    return None


def _metrics() -> frozenset[str]:
    # A name that the harness does not know is looked up on the hub, and code comes from there.
    _imported("lm_eval.api.metrics")  # fills the registry
    return frozenset(_imported("lm_eval.api.registry").metric_registry.keys())


def _place_data(folder: Path) -> None:
    """Make the paths of data absolute, which a task file gives as seen from itself.

    What is read is then what was hashed: data from outside the folder are refused.
    """
    for path, tree in _task_files(folder):
        options = tree.get("dataset_kwargs") if isinstance(tree, dict) else None
        if not isinstance(options, dict) or "data_files" not in options:
            continue
        options["data_files"] = _placed(options["data_files"], path, folder.resolve())
        options["cache_dir"] = str(folder.resolve() / "cache")
        path.write_text(yaml.safe_dump(tree), encoding="utf-8")


def _placed(value: Any, task: Path, folder: Path) -> Any:
    if isinstance(value, dict):
        return {split: _placed(inner, task, folder) for split, inner in value.items()}
    if isinstance(value, list):
        return [_placed(inner, task, folder) for inner in value]
    found = (task.parent / str(value)).resolve()
    if not found.is_file() or not found.is_relative_to(folder):
        raise InputError(
            f"{task.name}: field dataset_kwargs.data_files: {value!r}; expected the name of a file"
            " in the folder of the tasks, as seen from this one"
        )
    return str(found)


def _leaves(tree: Any, key: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for inner, value in tree.items():
            yield from _leaves(value, str(inner))
    elif isinstance(tree, list):
        for value in tree:
            yield from _leaves(value, key)
    else:
        yield key, tree


def _of_a_wrong_task() -> tuple[type[Exception], ...]:
    """Return what is raised where a task does not fit its data: the harness checks little."""
    from datasets.exceptions import DatasetsError
    from jinja2 import TemplateError

    return DatasetsError, TemplateError, LookupError, ValueError, TypeError


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"lm-evaluation-harness cannot be imported ({error}); run `pip install"
            " 'tunesmith[eval]' -c constraints.txt`, or take `examine` out of the recipe: the"
            " suites of `probe` need nothing of it"
        ) from error
