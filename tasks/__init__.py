"""Prefect tasks: a decorator, a docstring and one call into the library each."""
