"""The model card: what a version is, what it was made of, and what is known about it.

Markdown in the form of Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019): what it is
for, data, method, scores, the verdict's criteria, limits, how to make it again. It is written for
every candidate that was judged. What is known only on registration, the name and who promoted it,
is put in front of it then.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tunesmith.artifacts import Adapter
from tunesmith.errors import MissingArtifact
from tunesmith.pipeline import Result
from tunesmith.recipe import Recipe
from tunesmith.reporting.before_after import as_markdown, before_after
from tunesmith.reporting.data_view import data_view
from tunesmith.reporting.judge_view import judges
from tunesmith.reporting.looks import judging_sets, told, wear_of
from tunesmith.reporting.tables import escape, flat_facts, funnel_rows, markdown_table
from tunesmith.reporting.verdict import minute
from tunesmith.store import Store
from tunesmith.wording import counted

if TYPE_CHECKING:
    from tunesmith.pipeline import Started
    from tunesmith.reporting.tracking import Move

UNSTATED = "not stated in its files; see where it was published"
_PACKAGES = ("python", "tunesmith", "torch", "transformers", "peft", "trl")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


def release_name(name: str, version: str, month: str) -> str:
    """Return what people call a version, such as support-email-v3-2026-11."""
    return f"{name}-v{version}-{month}"


def training_record(store: Store, adapter: Adapter) -> dict[str, Any]:
    """Return the first account of how an adapter was trained: its date never changes again.

    Raises:
        MissingArtifact: when no record is left.
    """
    records = [
        record
        for record in store.all_records("train")
        if record["output"]["digest"] == adapter.digest
    ]
    if not records:
        raise MissingArtifact(
            f"adapter {adapter.short}: no record says how it was trained; restore records/train "
            f"in {store.url} from a backup"
        )
    return min(records, key=lambda record: str(record["created"]))


def headed(body: str, name: str, promoted: "Move", decision: str) -> str:
    """Put the version's name, and how it came to be promoted, before a card."""
    at = minute(promoted.at)
    by = escape(promoted.by)
    if promoted.how == "override":
        told = (
            f"**Promoted by a person against the verdict**, which is *{decision}*: {by}, on {at}."
            f"\n\n> {escape(promoted.why)}"
        )
    else:
        told = f"Promoted by the gate on {at}, in a retrain that {by} started."
    return f"# {escape(name)}\n\n{told}\n\n{body}"


def card(recipe: Recipe, store: Store, started: "Started", result: Result) -> str:
    """Return the card of a judged candidate, without its name.

    Raises:
        MissingArtifact: when an artifact or record that it speaks of is missing.
    """
    if result.verdict is None or result.adapter is None:
        raise RuntimeError("only a judged candidate has a card")
    verdict = store.json(result.verdict, "verdict.json")
    record = training_record(store, result.adapter)
    view = data_view(store, result.data, result.split, result.mixture, started.champion)
    # What a person decides by comes first: MLflow shows no more than the first 5,000 characters.
    sections = {
        "What it is for": f"{escape(recipe.task)}\n\nNothing else was measured.",
        "Criteria": _bullets([f"**{verdict['decision']}**", *map(escape, verdict["reasons"])]),
        "Scores": as_markdown(before_after(store, result)),
        "Suites": _bullets(_suites(verdict)),
        "Limits": _bullets(_limits(recipe, store, result, verdict, view.warnings)),
        "What it is": _listed(_model(store, started, result, record)),
        "Data": f"{_listed(_data(started, result))}\n\n{markdown_table(funnel_rows(view.funnel))}",
        "Method": _listed(flat_facts(recipe.train.model_dump(mode="json"))),
        "How to make it again": _again(recipe, record),
    }
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)


def _suites(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Say of each failure mode that was looked for whether it got worse than in the base."""
    said = {"yes": "held", "no": "worse", "not settled": "not settled"}
    for item in verdict.get("suites", ()):
        name = item["suite"].replace("_", " ")
        yield f"{escape(name)}: **{said[item['answer']]}**, {escape(item['reason'])}"


def _model(
    store: Store, started: "Started", result: Result, record: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "base", f"{result.base.model}, {result.base.digest}"
    folders = (store.path(result.base), Path(started.sources.base.root))
    found = (licence(folder) for folder in folders)
    yield "licence of the base", next((name for name in found if name), UNSTATED)
    yield "adapter", record["output"]["digest"]
    if result.package is not None:
        fit = "fit" if result.package.passed else "not fit"
        yield "package", f"{fit} to serve, {result.package.digest}"
    yield "trained", f"{str(record['created'])[:10]} on {record['device']}"
    champion = started.champion
    yield "compared with", "no champion" if champion is None else f"version {champion.version}"


def licence(folder: Path) -> str | None:
    """Return the licence that a model's files state, or None.

    Looked for in the front matter of README.md (`license`, and `license_name` where that is
    `other`), in config.json, then at the head of a file named LICENSE or LICENCE.
    """
    facts = _front_matter(folder / "README.md")
    stated = facts.get("license_name") if facts.get("license") == "other" else facts.get("license")
    if not stated and (folder / "config.json").is_file():
        stated = _mapping((folder / "config.json").read_text("utf-8")).get("license")
    if isinstance(stated, str) and stated.strip():
        return stated.strip()
    for path in sorted(folder.glob("LICEN[CS]E*")):
        head = [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]
        name, *rest = [*filter(None, head), "", ""]
        version = f", {rest[0]}" if rest[0].startswith("Version") else ""
        return f"{name}{version} ({path.name})" if name else None
    return None


def _front_matter(readme: Path) -> dict[str, Any]:
    if not readme.is_file():
        return {}
    found = _FRONT_MATTER.match(readme.read_text("utf-8", "replace"))
    return _mapping(found[1]) if found else {}


def _mapping(text: str) -> dict[str, Any]:
    """Read YAML or JSON that others wrote; what is none states nothing."""
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return read if isinstance(read, dict) else {}


def _data(started: "Started", result: Result) -> Iterator[tuple[str, str]]:
    files = started.sources.examples
    yield "source files", f"{', '.join(files.names)}, {files.digest}"
    for name, ref in (
        ("training set", result.mixture.train),
        ("validation set", result.split.validation),
        ("test set", result.split.test),
        ("golden set", result.golden),
    ):
        yield name, f"{counted(ref.rows, 'row')}, {ref.digest}"


def _limits(
    recipe: Recipe,
    store: Store,
    result: Result,
    verdict: Mapping[str, Any],
    warnings: Sequence[str],
) -> Iterator[str]:
    for item in verdict["criteria"]:
        if "smallest_effect" in item:
            yield escape(
                f"{item['metric']} on {item['where']} against the "
                f"{item['against'].replace('_', ' ')}: n = {item['n']} in "
                f"{counted(item['groups'], 'group')}; a difference smaller than "
                f"{item['smallest_effect']:.2g} may have gone unseen"
            )
    for name, worn in wear_of(store, judging_sets(result)).items():
        yield escape(told(name, worn))
    yield from map(escape, judges(store, result).values())
    for warning in (*recipe.evaluate.cautions, *warnings):
        yield escape(warning)
    yield f"the adapter fits the base {result.base.short} alone, and has its limits too"


def _again(recipe: Recipe, record: Mapping[str, Any]) -> str:
    versions = record.get("packages", {})
    facts = {
        "recipe": f"{recipe.name}, sha256 {recipe.digest}; it stands whole in recipe.json of the "
        "MLflow run",
        "commit": str(record.get("commit") or "not in git"),
        "versions": ", ".join(f"{name} {versions[name]}" for name in _PACKAGES if name in versions),
        "stage key": f"train {record['key']}",
    }
    return (
        f"{_listed(facts)}\n\nCheck out the commit, then `tunesmith run RECIPE` with the same "
        "files. The data comes out with the same digests; training on another machine gives other "
        "weights."
    )


def _listed(facts: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    return _bullets(f"{escape(name)}: {escape(value)}" for name, value in dict(facts).items())


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
