"""A recipe: one YAML file that says what model to make.

Loading collects every mistake before raising, each with file, line and field. Files that a
recipe names are read here too, so that what a stage gets is complete and can be hashed.
"""

from tunesmith.recipe.loading import load
from tunesmith.recipe.model import DropLimits, GoldenParams, ProductionUse, Recipe
from tunesmith.recipe.named_files import read_examples

__all__ = ["DropLimits", "GoldenParams", "ProductionUse", "Recipe", "load", "read_examples"]
