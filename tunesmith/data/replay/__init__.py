"""A small set of general instructions, written for this project (Apache-2.0).

About 150 short pairs of many kinds and forms: facts, sums, rewriting, sorting, extracting, code,
lists, tables, JSON, questions back, and saying what cannot be known.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
GENERAL = "general.jsonl"
