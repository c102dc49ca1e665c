"""The gateway: an OpenAI-compatible door in front of the models, which assigns, serves and records.

It imports no torch and no stage: a worker is small, and starts at once.
"""
