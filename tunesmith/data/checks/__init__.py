"""Checks of one row, one small module each.

A check is a pure function of texts or messages. It returns what it found in words that a person
can check against the row, or None; where it measures, it returns a number with a stated range.
Which check drops, flags or rests, and from which threshold, stands in `params`; the order in
which they look at a row in `row`.
"""
