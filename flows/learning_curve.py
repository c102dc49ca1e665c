"""Say how much data helps: the recipe trained on more and more of its examples."""

from pathlib import Path

from prefect import flow

from tasks import curves
from tunesmith import learning_curve as library
from tunesmith import recipe as recipes
from tunesmith import retrains, settings
from tunesmith.learning_curve import SIZES, Ended, Side


@flow(name="learning_curve", flow_run_name="learning curve {recipe}", persist_result=False)
def learning_curve(
    recipe: str,
    sizes: list[int] | None = None,
    on: Side = "test",
    accept_drops: list[str] | None = None,
) -> Ended:
    """Train on each size, measure every model on one set, and say whether more data would pay.

    Args:
        recipe: Path of the recipe.
        sizes: Numbers of examples; 100, 200, 500, 1,000 and so on by default.
        on: The set to measure on.
        accept_drops: Reasons whose dropped rows were looked at; `all` accepts any.
    """
    run = curves.start(recipe)
    loaded, here = recipes.load(Path(recipe)), settings.load()
    with retrains.logging_to(here, run):
        runner = curves.CurveRunner(loaded, run, accept_drops or [])
        found = retrains.sources(loaded, here)
        curve = library.measure(loaded, found, sizes or SIZES, on, runner)
    return curves.finish(recipe, run, curve)
