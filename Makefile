# Every target sets up what it needs in .venv; a machine with Python 3.11 and make is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: run test lint format bench docs lock clean
.DELETE_ON_ERROR:

run: .venv/run.stamp
	$(BIN)/hubbub serve

test: .venv/dev.stamp .venv/clients.stamp
	$(BIN)/pytest -n auto --dist loadfile

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/dev.stamp
	$(BIN)/python -m bench

# Writes docs/commands.md anew from the registry of commands.
docs: .venv/run.stamp
	$(BIN)/python -m hubbub.core.catalogue > docs/commands.md

# Writes the lock files anew from pyproject.toml (needs the package index).
lock: .venv/dev.stamp
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header \
	  --extra build --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header \
	  --extra build --extra dev --output-file requirements-dev.txt pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header \
	  --output-file tests/clients/requirements.txt tests/clients/requirements.in
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header \
	  --output-file tests/clients/requirements-push.txt tests/clients/requirements-push.in

.venv/run.stamp: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

# The clients of tests/clients. Where there is no npm, the tests that need those in JavaScript are skipped and say so. Those in
# Python stay outside of the environment and apart, as they want other versions of what it has and of what the other has.
.venv/clients.stamp: .venv/run.stamp tests/clients/package.json tests/clients/package-lock.json \
    tests/clients/requirements.txt tests/clients/requirements-push.txt
	mkdir -p .venv/clients
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --require-hashes \
	  --target .venv/clients/python -r tests/clients/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --require-hashes \
	  --target .venv/clients/push -r tests/clients/requirements-push.txt
	cp tests/clients/package.json tests/clients/package-lock.json .venv/clients/
	if command -v npm > /dev/null; then npm ci --prefix .venv/clients --no-audit --no-fund --ignore-scripts --silent && touch $@; fi

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
