# One word a job; each does all of its own set-up. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo quick test checked long requirements lock check-wheel clean

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# What the tests use besides Python: a database, a browser and its letters, the checker of units,
# a second opinion on signatures.
DEBIAN := postgresql chromium fonts-noto-cjk systemd opendkim-tools
UV := 0.13.8

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.runtime ## the training town on this machine (ARGS="--script" plays the whole story)
	$(BIN)/hansho demo $(ARGS)

quick: $(VENV)/.dev ## style, types, walls, unit and SQLite ledger tests: under a minute
	$(call check)
	$(PYTEST) -q -n 2 --dist loadfile -m "not postgres and not long" tests/unit tests/ledger

test: checked ## everything but `long`; ends by listing every skip
	.ci/tests

checked: $(VENV)/.dev $(VENV)/.debian
	$(call check)

long: $(VENV)/.dev $(VENV)/.debian ## kills, fuzz, a million rows
	$(PYTEST) -m long tests

requirements: $(VENV)/.runtime ## which requirements the last run proved, and which not (ARGS=--json)
	@$(BIN)/python tests/requirements.py $(ARGS)

lock: $(VENV)/.made ## write both lock files from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(PIP) install -q uv==$(UV)
	$(call compile,requirements.lock,pyproject.toml)
	$(call compile,tests/requirements.lock,pyproject.toml --group dev -c requirements.lock)

check-wheel: $(VENV)/.dev ## build the wheel, install it somewhere clean, play the story there
	.ci/wheel

clean: ## remove what can be made again, the environment too
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build .last-run.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
endef

# Hashes and no addresses: pip alone installs it, from wherever this machine gets its packages.
define compile
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		$(UPGRADE) -o $(1) $(2)
	@! grep -n '://' $(1)
	@sed -i '1i # Made from pyproject.toml by make lock; install with pip install --require-hashes -r. Do not edit.' $(1)
endef

$(VENV)/.made:
	test -x $(BIN)/python || "$$(.ci/python)" -m venv $(VENV)
	touch $@

# The checkout is on the path of its own environment, so that what you edit is what runs.
$(VENV)/.runtime: $(VENV)/.made requirements.lock .ci/launcher
	$(PIP) install -q --require-hashes -r requirements.lock
	pwd > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/hansho-checkout.pth"
	cp .ci/launcher $(BIN)/hansho
	touch $@

$(VENV)/.dev: $(VENV)/.runtime tests/requirements.lock
	$(PIP) install -q --require-hashes -r tests/requirements.lock
	touch $@

$(VENV)/.debian: $(VENV)/.made .ci/debian Makefile
	.ci/debian $(DEBIAN)
	touch $@
