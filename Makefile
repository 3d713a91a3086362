# Two commands need nothing but Python 3.11, pip and make:
#   make serve   the server, from a fresh checkout
#   make test    the fast test suite
# The others are for who changes the code; CONTRIBUTING.md tells when.

# The first that is new enough. It is asked for only when the environment has to be made.
PYTHON ?= $(or $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null))),\
	$(error openecr needs Python 3.11 or newer))
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest

# Compiled once and kept, whoever wishes otherwise: the tests start this program two hundred times.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: serve test check conformance clients crash races nightly bench all docs lock

serve: $(VENV)/serve
	$(BIN)/openecr serve $(ARGS)

# The tests sync tens of thousands of times what none of them needs after it: where there is memory for them,
# there they write. `make check` has the same tests on a disk.
MEMORY = $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null && echo /dev/shm)
test: export TMPDIR := $(or $(TMPDIR),$(MEMORY),/tmp)
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
	$(PYTEST) -m slow -n 2 tests/crash tests/jobs $(ARGS)

races: $(VENV)/develop
	$(PYTEST) -m slow tests/races $(ARGS)

# A million decisions, a hundred thousand calls, every property with thirty times as many examples, ten
# minutes of each race: what CI has no time for.
nightly: export OPENECR_DEPTH ?= 30
nightly: export OPENECR_RACE_SECONDS ?= 600
nightly: export OPENECR_RACE_ORDERS ?= 10000
nightly: export OPENECR_GENERATED_CALLS ?= 100000
nightly: export OPENECR_GENERATED_REQUESTS ?= 20000
nightly: $(VENV)/develop
	$(PYTEST) -m slow tests/policy tests/identity tests/every_operation tests/oci tests/races --timeout 7200 $(ARGS)
	$(PYTEST) -m "hypothesis and not slow" -n 2 tests --timeout 7200 $(ARGS)

bench: $(VENV)/develop
	$(BIN)/python -m bench $(ARGS)

all: check conformance clients crash races

# docs/operations.md, from the code; a test holds it to that.
docs: $(VENV)/serve
	$(BIN)/openecr coverage --markdown > docs/operations.md

# The environment: made once, and again when what it is made from has changed. pip stays outside: to put one
# into an environment, Debian's Python needs a further package. Nothing is resolved (--no-deps): the locks are
# whole, and where pip resolves it wants the newest of what a lock names with an extra (coverage[toml]).
INSTALL := -m pip --python $(BIN)/python install -q --disable-pip-version-check --require-hashes --no-deps

$(VENV)/serve: requirements.lock pyproject.toml
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) $(INSTALL) -r requirements.lock
	echo '$(CURDIR)/src' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/openecr.pth"
	printf '#!/bin/sh\nexec "%s/python" -m openecr "$$@"\n' '$(CURDIR)/$(BIN)' > $(BIN)/openecr
	chmod +x $(BIN)/openecr
	touch $@

$(VENV)/develop: $(VENV)/serve requirements-dev.lock
	$(PYTHON) $(INSTALL) -r requirements-dev.lock
	touch $@

# The locks are exported by uv from pyproject.toml; whoever changes a dependency runs this.
lock:
	uv lock --upgrade
	uv export -q --no-default-groups --no-emit-project --no-header -o requirements.lock
	uv export -q --all-groups --no-emit-project --no-header -o requirements-dev.lock
