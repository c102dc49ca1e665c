"""A local model server: one base, several adapters by name, over OpenAI's wire format.

It is for a laptop, tests and the demo; production serves the same names with vLLM. It knows names
and folders, and nothing of a registry or a rollout. Answers are those of `evaluate`: the same
tokens of a prompt, the same tokens that end an answer, the most likely token unless a temperature
is asked for.
"""
