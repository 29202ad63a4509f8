# The only entry points. CI and the README call these and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# 3.11 is what the product is proven on; any newer python3 with the venv module works too.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

# uv does not read pip's settings: hand on the ones that a closed network needs.
export UV_INDEX_URL ?= $(PIP_INDEX_URL)
ifeq ($(strip $(UV_INDEX_URL)),)
unexport UV_INDEX_URL
endif

.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.PHONY: env
env: $(STAMP) ## create .venv from the hashed lock (fast when nothing changed)

$(STAMP): requirements.lock tools/uv.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No python3 on PATH: install Python 3.11 or newer, or say make env PYTHON=/path/to/python3" >&2; exit 1; }
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: say make env PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV) || { echo "The venv module is missing: on Debian, apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r tools/uv.lock
	export VIRTUAL_ENV="$(CURDIR)/$(VENV)"
	$(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --no-build-isolation --no-deps --editable .
	touch $@

.PHONY: lock
lock: $(STAMP) ## resolve pyproject.toml anew into requirements.lock (ARGS=--upgrade for newer versions)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --quiet $(ARGS) --output-file requirements.lock
	echo uv | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet $(ARGS) --output-file tools/uv.lock
	$(MAKE) --no-print-directory env

.PHONY: protos
protos: $(STAMP) ## generate src/tidegate/wire/proto from protos/
	$(BIN)/python tools/protos.py

.PHONY: demo
demo: $(STAMP) ## start everything embedded and play a market through it (ARGS="--once" ends by itself)
	$(BIN)/tidegate demo $(ARGS)

.PHONY: test
test: $(STAMP) ## all suites; a server that cannot be had is a failure
	$(BIN)/python -m pytest $(ARGS)

.PHONY: services
services: $(STAMP) ## start real servers for use by hand, until ctrl-c (ARGS="redis kafka"; without: all)
	PYTHONPATH=tools $(BIN)/python -m services $(ARGS)

.PHONY: test-fast
test-fast: $(STAMP) ## the inner loop: under a minute, no servers
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not servers and not system and not slow" $(ARGS)

.PHONY: check
check: $(STAMP) ## lint, types, import contracts, house rules, protos
	@set -x
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(wildcard src tests tools benchmarks)
	$(BIN)/lint-imports
	$(BIN)/python tools/tidy.py
	$(BIN)/buf lint
	if [ -f protos/released.binpb ]; then $(BIN)/buf breaking --against protos/released.binpb; fi
	$(BIN)/python tools/protos.py --check

.PHONY: prove
prove: $(STAMP) ## all suites at full size, mutation tests, and docs/PROOF.md (ARGS=--no-mutants leaves mutation out)
	$(BIN)/python tools/prove.py $(ARGS)

.PHONY: bench
bench: $(STAMP) ## measure; benchmarks/RESULTS.md says what each figure answers
	PYTHONPATH=tools $(BIN)/python -m benchmarks.run $(ARGS)
