"""The store: immutable artifacts, the records of how they were built, and the rows in them."""

from tunesmith.store.store import INPUTS, MANIFEST, Store

__all__ = ["INPUTS", "MANIFEST", "Store"]
