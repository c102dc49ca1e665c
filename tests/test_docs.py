"""The documents tell the truth: generated pages are current, and nothing is left out."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tunesmith.cli import main
from tunesmith.rollout.params import GUARDRAILS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs/generate_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_is_current(generator: ModuleType) -> None:
    for name, text in generator.pages().items():
        written = (ROOT / "docs/reference" / name).read_text()
        assert written == text.rstrip() + "\n", "run: python docs/generate_reference.py"


def test_every_command_stage_and_flow_is_documented() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    stages = [path.stem for path in (ROOT / "tunesmith/stages").glob("[a-z]*.py")]
    flows = [path.stem for path in (ROOT / "flows").glob("[a-z]*.py")]
    for name in (*main.commands, *stages, *flows):
        assert re.search(rf"\b{re.escape(name)}\b", text), f"{name} is in no document"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_description_is_given(generator: ModuleType) -> None:
    assert "None |" not in generator.pages()["recipe.md"]


def test_defaults_are_told_as_a_recipe_has_them(generator: ModuleType) -> None:
    page = generator.pages()["recipe.md"]
    assert not re.search(r"\w\(\w+=", page)
    assert "| p95 latency | `seconds` | `lower` | `0.2` |  | `true` | `true` | `0.95` |" in page
    assert all(f"\n| {name} | " in page for name in GUARDRAILS)
