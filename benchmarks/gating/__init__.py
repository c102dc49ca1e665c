"""Parts of `gate.py`, a question each."""
