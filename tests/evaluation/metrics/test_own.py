"""Metrics from installed packages: found by name, told apart by version, wrong ones by message."""

import sys

import pytest
from pydantic import ValidationError

from tests.made_rows import chat
from tunesmith.errors import InputError, RecipeError
from tunesmith.evaluation.metrics import METRICS, MetricParams, identity, own, spec
from tunesmith.stages.evaluate import STAGE, EvaluateParams

POLITE = """
from tunesmith.evaluation.metrics import Spec, Value

def measure(example, output, params):
    return Value(float("please" in output))

polite = Spec("polite", measure, "yes_no", "higher")
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with a metric where Python finds it."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(code=POLITE, *, version="1.0", name="polite", package="nice", module="nice_metrics"):
        info = tmp_path / f"{package}-1.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[{own.GROUP}]\n{name} = {module}:{name}\n")
        (tmp_path / f"{module}.py").write_text(code)
        sys.modules.pop(module, None)
        own.load.cache_clear()

    yield put
    own.load.cache_clear()
    for module in ("nice_metrics", "other_metrics"):
        sys.modules.pop(module, None)


def params():
    return EvaluateParams(metrics=("polite",), primary="polite")


def test_a_metric_is_found_by_its_name_and_measures(install):
    install()
    assert spec("polite").kind == "yes_no"
    assert spec("polite")(chat("q"), "please", MetricParams()).value == 1.0
    assert params().own["polite"].startswith("nice 1.0 nice_metrics:polite sha256:")
    assert identity("polite") == params().own["polite"]
    assert identity("overlap") is None


def test_it_is_not_loaded_unless_named(install):
    install("raise RuntimeError('loaded')")
    assert EvaluateParams().own == {}
    assert "nice_metrics" not in sys.modules


def test_another_version_or_another_file_is_another_key(install):
    keys = set()
    for version, code in (("1.0", POLITE), ("1.1", POLITE), ("1.1", POLITE + "\n# changed\n")):
        install(code, version=version)
        keys.add(STAGE.key(params(), *_inputs()))
    assert len(keys) == 3
    install()
    assert STAGE.key(params(), *_inputs()) in keys


def _inputs():
    from tunesmith.artifacts import Examples, Predictions

    return Examples(digest="0", rows=1, dropped=0), Predictions(digest="1", rows=1)


def test_parameters_from_elsewhere_must_mean_the_same_package(install):
    install()
    made = params().model_dump()
    assert EvaluateParams(**made) == params()
    install(version="2.0")
    with pytest.raises(ValidationError, match="nice 2.0 .* here, but was nice 1.0"):
        EvaluateParams(**made)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import not_installed_anywhere", "cannot be loaded: ModuleNotFoundError"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("def f(:", "cannot be loaded: SyntaxError"),
        ("", "cannot be loaded: AttributeError"),
        ("def polite(example, output, params): return 1.0", "is a function; expected a Spec"),
        (POLITE.replace('Spec("polite"', 'Spec("kind"'), "calls itself 'kind'"),
    ],
)
def test_what_cannot_be_used_is_told_with_package_and_place(install, code, told):
    install(code)
    with pytest.raises(RecipeError, match=r"'polite' of nice 1.0 \(nice_metrics:polite\)") as error:
        spec("polite")
    assert told in str(error.value)
    with pytest.raises(ValidationError, match="nice 1.0"):
        params()


def test_two_packages_with_one_name_are_refused(install):
    install()
    install(package="other", module="other_metrics")
    with pytest.raises(RecipeError, match="offered by nice 1.0, other 1.0; expected one"):
        spec("polite")


def test_a_built_in_metric_stays_what_it_is(install):
    install("raise RuntimeError('loaded')", name="overlap")
    assert spec("overlap") is METRICS["overlap"]


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("1 / 0", "fails on rows.jsonl:1: ZeroDivisionError"),
        ("None", "fails on rows.jsonl:1: TypeError"),
        ("Value('yes')", "gives 'yes' and '' for rows.jsonl:1; expected a number or None"),
        ("Value(1.0, None)", "gives 1.0 and None"),
        ("Value(0.5)", "metric polite gives 0.5 for rows.jsonl:1; expected 0 or 1"),
        ("Value(float('nan'))", "metric polite gives nan"),
    ],
)
def test_a_wrong_value_names_the_metric_and_the_row(install, returned, told):
    install(POLITE.replace('Value(float("please" in output))', returned))
    with pytest.raises(InputError) as error:
        spec("polite")(chat("q"), "a", MetricParams())
    assert told in str(error.value)
