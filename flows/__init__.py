"""Prefect flows: what follows what. Everything else is in the library."""
