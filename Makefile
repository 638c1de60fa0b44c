# Everything a contributor runs. `make help` lists it.
PYTHON ?= python3.11
BIN := .venv/bin
TABLES ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test check format protos lock reliability clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.synced  ## Create .venv and install everything from the hash-pinned lock

demo: .venv/.synced  ## Run the main job end to end; TABLES=dir takes your own tables
	$(BIN)/counterfoil demo $(if $(TABLES),--tables "$(TABLES)")

test: .venv/.synced  ## Run the tests (COUNTERFOIL_TEST_TABLES=dir adds those on real tables)
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

check: .venv/.synced  ## Lint, types, import contracts, stub freshness
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python protos/generate.py --check

format: .venv/.synced  ## Format and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: .venv/.synced  ## Generate the stubs from protos/
	$(BIN)/python protos/generate.py

reliability: .venv/.synced  ## Long kill, soak and image runs (bounded; up to an hour)
	$(BIN)/python -m pytest -m reliability --timeout 1800 tests/reliability tests/standard

lock: .venv/.synced  ## Resolve requirements/*.txt anew from pyproject.toml
	$(BIN)/python requirements/lock.py

clean:  ## Remove the environment, caches and demo runs; mlruns and var/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist var/demo-*

# Pip installs only uv, by hash; uv installs the rest, by hash; a C++ compiler, if there is one, makes the kernel, the renderer and the parser. The stamp is renewed when a lock or the package's metadata changes.
.venv/.synced: requirements/all.txt requirements/uv.txt pyproject.toml shared/kernels/trees.cpp shared/kernels/quadrature.hpp shared/tables/parsing/parser.cpp $(wildcard shared/tables/parsing/*.hpp) services/scorer/rendering/rendering.cpp
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m shared.kernels
	$(BIN)/python -m shared.tables.parsing
	$(BIN)/python -m services.scorer.rendering
	touch $@
