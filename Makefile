# Only Python 3.11+ and make are assumed. `make up` does the rest.

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PATHS := apim portal analytics billing tests benchmarks manage.py

.PHONY: help up demo test check bench e2e clean

help:
	@echo 'make up      start everything on this machine and print where it is'
	@echo 'make demo    the same with sample APIs, ninety days of usage and live traffic'
	@echo 'make test    all tests, with real PostgreSQL, Redis, Envoy and a browser'
	@echo 'make check   format, lint, types, import rules, migrations, schema, templates'
	@echo 'make e2e     only the tests that drive a browser'
	@echo 'make bench   the measured ratios of docs/benchmarks.md'
	@echo 'make clean   remove the environment and caches; the state in .apim/ stays'

up: $(VENV)/installed
	@exec $(BIN)/python -m apim.runtime up

demo: $(VENV)/installed
	@exec $(BIN)/python -m apim.runtime up --demo

# Tests with processes of their own measure time, so they have the machine to themselves.
# SEED shuffles the order of tests; another one finds tests that lean on each other.
SEED ?= 20261121
test: $(VENV)/installed-dev $(VENV)/browser
	$(BIN)/python -m pytest -q -n auto --randomly-seed=$(SEED) -m "not e2e and not processes" $(ARGS)
	$(BIN)/python -m pytest -q --randomly-seed=$(SEED) -m "e2e or processes" $(ARGS)

e2e: $(VENV)/installed-dev $(VENV)/browser
	$(BIN)/python -m pytest -q -m e2e $(ARGS)

bench: $(VENV)/installed-dev
	$(BIN)/python -m benchmarks $(ARGS)

check: $(VENV)/installed-dev
	$(BIN)/ruff check $(wildcard $(PATHS))
	$(BIN)/ruff format --check $(wildcard $(PATHS))
	$(BIN)/mypy $(wildcard apim portal analytics billing)
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python -m tests.gates

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { \
	  echo 'No Python 3.11 or newer was found: install one, or name it: make up PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo 'The environment could not be made: install the venv module (Debian: apt install python3-venv).'; exit 1; }

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo 'Installing the pinned dependencies ...'
	@$(BIN)/python -m apim.runtime.requirements > $(VENV)/requirements.txt
	@$(PIP) -c constraints.txt -r $(VENV)/requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@echo 'Installing the development tools ...'
	@$(BIN)/python -m apim.runtime.requirements dev > $(VENV)/requirements-dev.txt
	@$(PIP) -c constraints.txt -r $(VENV)/requirements-dev.txt
	@touch $@

# Browser tests use Chromium from PATH, or else the one that Playwright can download.
$(VENV)/browser: $(VENV)/installed-dev
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || $(BIN)/python -m playwright install chromium >/dev/null 2>&1 \
	  || echo 'No Chromium could be had: tests that drive a browser will be skipped.'
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
