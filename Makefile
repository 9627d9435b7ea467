# Every command of the project; `make help` lists them. Setting up happens by itself: Python packages come from the
# locks in requirements/ into .venv, Node from PATH or, where it is missing or old, from a wheel.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# The newest of these that is at least 3.11; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Vite's own demand: 20.19, or 22.12 and newer.
NODE_IS_NEW := const [a, b] = process.versions.node.split(".").map(Number); \
	process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)

FRONTEND_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/coverage/*' 2>/dev/null)

# What Django needs in order to be looked at; `check` and `gen` connect to nothing.
LOOK := MESHUI_ENV=demo MESHUI_SECRET_KEY=look MESHUI_CA_KEY=$(shell printf '%032d' 0 | base64) \
	MESHUI_REPORT_KEY=$(shell printf '%032d' 0 | base64) \
	DATABASE_URL=postgresql://look@127.0.0.1:9/look REDIS_URL=redis://127.0.0.1:9/0

##@ Run

.PHONY: demo
demo: $(STAMPS)/runtime $(STAMPS)/compiled frontend/dist/.stamp  ## Set everything up and run the whole mesh on this machine
	@exec $(PY) manage.py demo

.PHONY: up
up: $(STAMPS)/runtime $(STAMPS)/compiled frontend/dist/.stamp  ## The control plane alone, against DATABASE_URL and REDIS_URL
	@exec $(PY) manage.py up

##@ Work

.PHONY: test
test: $(STAMPS)/dev $(STAMPS)/compiled frontend/dist/.stamp  ## Every test: frontend, then Python, whole processes and a real browser
	cd frontend && npm test
	CHROMIUM="$$($(PY) -m tests.support.chromium)" $(PY) -m pytest

.PHONY: check
check: $(STAMPS)/dev frontend/node_modules/.stamp  ## Format, lint, types, import contracts, migrations, drift of what is generated
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(LOOK) $(PY) -m mypy meshui proxies
	$(VENV)/bin/lint-imports
	$(LOOK) $(PY) -W ignore manage.py makemigrations --check --dry-run
	$(LOOK) $(PY) manage.py spectacular --format openapi-json --validate --fail-on-warn | diff -u frontend/openapi.json - \
		|| { echo 'frontend/openapi.json is behind the code: make gen' >&2; exit 1; }
	cd frontend && npm exec -- openapi-typescript openapi.json | diff -u src/api/schema.d.ts - \
		|| { echo 'frontend/src/api/schema.d.ts is behind openapi.json: make gen' >&2; exit 1; }
	cd frontend && npm run check

.PHONY: bench
bench: $(STAMPS)/dev $(STAMPS)/bench $(STAMPS)/compiled frontend/dist/.stamp  ## Benchmarks; NAME=proxy for one, JSON=out.json for its figures too
	@for name in $(or $(NAME),proxy latency propagation graph collector alerts analysis authorize issue cold ui); do $(PY) -m benchmarks.$$name $(if $(JSON),--json $(JSON)); done

.PHONY: gen
gen: $(STAMPS)/dev frontend/node_modules/.stamp  ## Generate openapi.json from the code, and the TypeScript types from it
	$(LOOK) $(PY) manage.py spectacular --format openapi-json --validate --fail-on-warn --file frontend/openapi.json
	cd frontend && npm run gen

.PHONY: fmt
fmt: $(STAMPS)/dev frontend/node_modules/.stamp  ## Format all code, and mend what the linters can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	cd frontend && npm run format

.PHONY: lock
lock: $(STAMPS)/uv  ## Resolve requirements/ anew: versions and hashes, no addresses
	./requirements/lock

.PHONY: clean
clean:  ## Remove what was installed, built and cached (not the data in .data)
	rm -rf $(VENV) frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help:  ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile
	@echo

# --- set up -------------------------------------------------------------------------------------------------------

$(PY):
	@test -n "$(PYTHON)" || { echo 'meshui needs Python 3.11 or newer on PATH, or PYTHON=/path/to/python' >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); ./requirements/venv $(PYTHON) $(VENV); }

$(STAMPS)/uv: requirements/uv.txt | $(PY)
	@$(PY) -m pip install --quiet --require-hashes -r $<
	@mkdir -p $(STAMPS) && touch $@

# uv is quick but reads no pip.conf: where only pip knows the way to the packages, pip installs them.
$(STAMPS)/%: requirements/%.txt $(STAMPS)/uv
	@echo "Installing Python packages ($*)"
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --compile-bytecode --require-hashes -r $< \
		|| $(PY) -m pip install --quiet --require-hashes -r $<
	@touch $@

# The proxies' hot modules as machine code, where there is a C compiler; docs/performance.md says what that gives.
$(STAMPS)/compiled: $(shell find proxies -name '*.py') requirements/compile.txt | $(STAMPS)/runtime
	@if command -v cc gcc clang >/dev/null; then \
		$(MAKE) --no-print-directory $(STAMPS)/compile && $(PY) -m proxies.compile; \
	else echo "No C compiler: the proxies' hot modules run uncompiled, and slower"; fi
	@touch $@

$(STAMPS)/npm: requirements/node.txt $(STAMPS)/uv
	@if ! { command -v npm && node -e '$(NODE_IS_NEW)'; } >/dev/null 2>&1; then \
		echo "Installing Node from its wheel"; \
		$(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r $< \
			|| $(PY) -m pip install --quiet --require-hashes -r $<; fi
	@touch $@

# A registry that lacks a package of another platform makes `npm ci` refuse a good lock (npm/cli issue 9846); `npm
# install` then takes the same versions from the lock, checks the same hashes, and leaves it as it is.
frontend/node_modules/.stamp: frontend/package-lock.json frontend/package.json | $(STAMPS)/npm
	@echo "Installing the frontend's packages"
	@cd frontend && { npm ci --silent --no-audit --no-fund || npm install --no-save --no-audit --no-fund --loglevel=error; }
	@touch $@

frontend/dist/.stamp: frontend/node_modules/.stamp $(FRONTEND_SOURCES)
	@echo "Building the frontend"
	@cd frontend && npm run --silent build >../$(STAMPS)/build.log 2>&1 || { cat ../$(STAMPS)/build.log >&2; exit 1; }
	@touch $@
