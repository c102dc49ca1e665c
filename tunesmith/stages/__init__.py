"""One module a stage: its parameters, its body, and the `STAGE` that names them."""

import pkgutil

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""Every stage's name, without importing any."""
