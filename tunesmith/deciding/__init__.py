"""What is asked of a candidate, how it is answered, and how the answer is told.

Each criterion is a dictionary, as it stands in a verdict: what was compared, on what and with
whom, the difference with its interval, n, and what would settle it.
"""
