"""Tunesmith keeps fine-tuned language models good."""
