# Two commands need nothing but Python 3.11, pip and make:
#   make serve   the server, from a fresh checkout
#   make test    the fast test suite
# The others are for who changes the code; CONTRIBUTING.md tells when.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest

.PHONY: serve test check conformance clients crash bench all lock

serve: $(VENV)/serve
	$(BIN)/openecr serve $(ARGS)

test: $(VENV)/develop
	$(PYTEST) -n 2 $(ARGS)

check: $(VENV)/develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -n 2 -q tests --cov --cov-report=term-missing:skip-covered --cov-report=term $(ARGS)

conformance: $(VENV)/develop
	$(PYTEST) -m slow tests/conformance $(ARGS)

clients: $(VENV)/develop
	$(PYTEST) -m slow tests/clients $(ARGS)

crash: $(VENV)/develop
	$(PYTEST) -m slow tests/crash $(ARGS)

bench: $(VENV)/develop
	$(BIN)/python -m bench $(ARGS)

all: check conformance clients crash

# The environment: made once, and again when what it is made from has changed.

$(VENV)/serve: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	echo $(CURDIR)/src > $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/openecr.pth
	printf '#!/bin/sh\nexec %s/python -m openecr "$$@"\n' "$(CURDIR)/$(BIN)" > $(BIN)/openecr
	chmod +x $(BIN)/openecr
	touch $@

$(VENV)/develop: $(VENV)/serve requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

# The locks are exported by uv from pyproject.toml; whoever changes a dependency runs this.
lock:
	uv lock --upgrade
	uv export -q --no-default-groups --no-emit-project --no-header -o requirements.lock
	uv export -q --all-groups --no-emit-project --no-header -o requirements-dev.lock
