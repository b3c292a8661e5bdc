# `make demo` shows the whole pipeline, `make test` runs the tests; each builds .venv first, from the package
# index alone, and installs again only when pyproject.toml or constraints.txt changed, or the checkout moved.
# Another Python: `make demo PYTHON=python3.12`. Paths are relative: a make target cannot have a space in it.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt

# The tests' tensors are so small that a second thread only gets in the way, most of all on a busy machine.
# A process a core; tests that share a fixture of their module stay together, in the order of the folders: the demo, one
# test of minutes, would otherwise come last and alone.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --durations=10 -n auto --dist loadscope --no-loadscope-reorder

.PHONY: demo test test-slow faults simulations check moved
.DELETE_ON_ERROR:
.NOTPARALLEL:

demo: .venv/.ready
	$(BIN)/ugbench demo

test: .venv/.ready-dev
	$(PYTEST) -m "not slow"

test-slow: .venv/.ready-dev
	$(PYTEST) -m slow

# Half an hour: kills, damaged checkpoints, full disks and bad inputs; docs/reliability.md shows the figures.
faults: .venv/.ready-dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests/support $(BIN)/python tests/faults/campaign.py \
	    --output docs/reference/reliability.json

# Minutes to an hour on one core: how often intervals cover and tests err; the figures of docs/statistics.md and others.
# Real images and weights are found through UGBENCH_TEST_DATA.
simulations: .venv/.ready-dev
	for script in benchmarks/simulations/*.py; do \
	    OMP_NUM_THREADS=1 PYTHONPATH=benchmarks $(BIN)/python $$script \
	        --output docs/reference/simulations/$$(basename $$script .py).json || exit 1; done

check: .venv/.ready-dev
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python $(BIN)/lint-imports
	$(BIN)/python -m mypy
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

.venv/.ready: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	@pwd > .venv/.home
	@touch $@

.venv/.ready-dev: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[dev]'
	@pwd > .venv/.home
	@touch .venv/.ready $@

# An editable install and its scripts hold absolute paths, so a moved or copied .venv would run the old checkout.
ifneq ($(shell cat .venv/.home 2>/dev/null),$(shell pwd))
.venv/.ready .venv/.ready-dev: moved
endif

# Debian's python3 without python3-venv lacks ensurepip; its pip can fill the environment instead.
.venv/bin/python:
	@command -v "$(PYTHON)" >/dev/null || \
	    { echo "error: no $(PYTHON) here; install Python 3.11 or newer, or name one: make PYTHON=python3.12." >&2; \
	      exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: $(PYTHON) is $$("$(PYTHON)" --version), older than 3.11; name one: make PYTHON=python3.12." >&2; \
	      exit 1; }
	@if "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then "$(PYTHON)" -m venv .venv; \
	elif "$(PYTHON)" -c 'import pip, venv' 2>/dev/null; then \
	    "$(PYTHON)" -m venv --without-pip .venv && \
	    "$(PYTHON)" -m pip --disable-pip-version-check --python $@ install --quiet pip; \
	else echo "error: $(PYTHON) can make no virtual environment; install it: apt install python3-venv." >&2; exit 1; fi
