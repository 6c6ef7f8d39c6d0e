# Everything runs in .venv, which the first target that needs it builds from pinned constraints.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo notebook test test-slow check format bench clean

demo: $(VENV)/.run
	$(BIN)/wordbrush edit "a dog eating an apple" "a cat eating an apple" --seed 6 --out demo

notebook: $(VENV)/.notebook
	$(BIN)/jupyter lab notebooks

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "not slow" --cov=wordbrush --cov-report=term:skip-covered

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/wordbrush bench speed --shape sd14 --steps 2 --out docs/cost/sd14
	$(BIN)/wordbrush bench speed --scaling --out docs/cost/bundled

$(VENV)/.torch: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	touch $@

$(VENV)/.run: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.notebook: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[notebook]" jupyterlab
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo outputs dist build
