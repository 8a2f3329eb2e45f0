# make setup needs nothing but Python 3.11 or later and a package index. PYTHON= names another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

# An emulator that is in use on this machine, or a real AWS account, is no business of the tests.
unexport AWS_ENDPOINT_URL AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
unexport AWS_REGION AWS_DEFAULT_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE

.DEFAULT_GOAL := help
.PHONY: help setup lint images test test-quick bench demo docs clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## Make the environment for working on the emulator, in .venv

lint: $(VENV)/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

images: $(VENV)/.dev ## Build the images of the built-in algorithms, if a Docker Engine answers
	@if $(BIN)/sagemaker-emulator images list >/dev/null 2>&1; then \
	  PATH="$(CURDIR)/$(BIN):$$PATH" bash containers/build.sh; \
	fi

test: $(VENV)/.dev images ## Run every test; without a Docker Engine its tests are skipped, with REQUIRE_DOCKER=1 they fail
	$(PYTEST)

test-quick: $(VENV)/.dev ## Run the tests that take no time and no Docker
	$(PYTEST) -m "not slow and not docker"

bench: $(VENV)/.dev ## Measure, each figure beside its reference
	$(BIN)/python -m benchmarks

demo: $(VENV)/.run ## Train a model, host it and ask it, on the best engine there is (ENGINE=docker or process)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh $(ENGINE)

docs: $(VENV)/.dev ## Write the generated part of the reference, and check every document
	$(BIN)/python docs/generate.py
	$(BIN)/pytest -q tests/docs -m "not slow"

clean: ## Remove everything that make has made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.run: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[algorithms]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[algorithms,dev]'
	@touch $@ $(VENV)/.run

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with PYTHON=, for example make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
