# make setup, then make demo. Every target makes the environment it needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PYTHON ?=
TORCH_INDEX ?=
CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
RUN := $(VENV)/bin/python
USE := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
OLD := .venv-addons
ADDONS := $(OLD)/.installed

.PHONY: help setup demo test lint bench compare addons clean

help: ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

# On Linux the plain wheel of torch brings CUDA, some gigabytes; TORCH_INDEX=URL takes
# torch from another index, such as that of its CPU builds.
setup: $(USE) ## Create .venv with what users run; PYTHON=/path/to/python chooses the Python.

demo: $(USE) ## Train a tiny model on built-in reviews and show what it learned.
	$(RUN) scripts/demo.py

test: $(DEV) ## Run the tests, all but the slow ones, in two processes.
	$(RUN) -m pytest -q -n 2 --dist loadfile

lint: $(DEV) ## Check style, format and types.
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(USE) ## Measure speed, and tell what moved since its figures were kept.
	$(RUN) -m benchmarks.guard

compare: $(DEV) addons ## Compare TensorFlow and PyTorch on this machine.
	$(RUN) scripts/compare.py --preset cpu-quick --out reports/cpu-quick

# tensorflow-addons ended in 2024: Python 3.11 at most, an environment of its own.
# Where there is none, its column of the comparison is marked as absent.
addons: ## Make .venv-addons, TensorFlow 2.15 and tensorflow-addons for the comparison.
	@if test -e $(ADDONS) -a $(ADDONS) -nt requirements-addons.txt; then exit 0; fi; \
	for python in $(or $(PYTHON),python3.11 python3.10); do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' \
	        2>/dev/null; then \
	        echo "Creating $(OLD) with $$python"; \
	        "$$python" -m venv $(OLD) && $(OLD)/bin/pip install -q \
	            --disable-pip-version-check -r requirements-addons.txt && \
	            touch $(ADDONS); exit $$?; \
	    fi; \
	done; \
	echo "note: no Python 3.10 or 3.11 for $(OLD); the old stack stays out of the" \
	    "comparison. Name one: make addons PYTHON=/path/to/python" >&2

clean: ## Remove environments and caches; runs and reports stay.
	rm -rf $(VENV) $(OLD) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

# The stamps make setup a no-op until the requirements change. The package itself is
# installed as a link to this folder (compat: one path entry, so that scripts also
# find benchmarks and compare).
$(USE): requirements.txt pyproject.toml | $(VENV)/bin/python
	$(if $(TORCH_INDEX),$(RUN) -m pip install --disable-pip-version-check -q \
	    --index-url $(TORCH_INDEX) $$(grep '^torch==' requirements.txt))
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements.txt
	$(RUN) -m pip install --disable-pip-version-check -q --no-deps \
	    --config-settings editable_mode=compat -e .
	@touch $@

$(DEV): requirements-dev.txt $(USE)
	$(RUN) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@

# A name on the PATH proves nothing (version managers leave empty shells behind), so
# each candidate has to run.
$(VENV)/bin/python:
	@for python in $(CANDIDATES); do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	        2>/dev/null; then \
	        echo "Creating $(VENV) with $$python"; \
	        "$$python" -m venv $(VENV) && exit 0; \
	        rm -rf $(VENV); exit 1; \
	    fi; \
	done; \
	echo "error: no Python 3.11, 3.12 or 3.13 among: $(CANDIDATES). Install one, or" \
	    "name it: make setup PYTHON=/path/to/python" >&2; \
	exit 1
