"""A small language model with something to lose, and candidates of it that lose it."""
