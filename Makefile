# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# Options for what a target runs: make run ARGS="--help", make test ARGS="tests/service -x"
ARGS :=
export PYTHON

.PHONY: help run test lint format docs bench lock $(VENV)

help: ## List the targets
	@awk -F ':.*## ' '/^[^ ]+:.*## / {sub(/^[$$]\(VENV\)/, "$(VENV)", $$1); printf "%-8s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## Run everything on this machine (ams up), until Ctrl-C
	@exec $(BIN)/ams up $(ARGS)

test: $(VENV)/dev.stamp ## Run the tests, with real servers of their own
	@scripts/system-packages --for test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.stamp ## Check formatting, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## Format the code, and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/run.stamp ## Write the parts of docs/ that are made from the code
	$(BIN)/python -m ams.service.settings_reference > docs/settings.md
	$(BIN)/python -m ams.api.reference > docs/api.md
	$(BIN)/python -m ams.cli.metrics_reference > docs/metrics.md

bench: $(VENV)/dev.stamp ## Measure publishing and pulling
	@scripts/system-packages --for bench
	@$(BIN)/python -m tests.bench $(ARGS)

lock: ## Write requirements/*.lock anew; newest versions: make lock ARGS=--upgrade
	@scripts/lock $(ARGS)

$(VENV): $(VENV)/dev.stamp ## Make .venv, with the packages for development

# A stamp is as old as the installation it stands for. The development lock holds all of the other
# one, so installing it sets both, and coming back to `make run` costs nothing.
$(VENV)/run.stamp: requirements/run.lock pyproject.toml
	@scripts/venv requirements/run.lock
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock pyproject.toml
	@scripts/venv requirements/dev.lock
	@touch $(VENV)/run.stamp $@
