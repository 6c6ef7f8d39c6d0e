# Everything runs in .venv, which the first target that needs it builds from pinned constraints.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -m "not slow"
# Two processes share the tests; those of a file stay together, as they share what they load.
TWO := -n 2 --dist loadfile
# Whose outcome is a matter of rounding, and therefore of the processor's instructions; and of these the laws of calls
# and batches, for processors that hardly anyone has. All of the suite runs so with the variables below and `make test`.
NUMERICAL := tests/attention tests/edits tests/inversion tests/maps tests/metrics tests/sampling tests/test_laws.py \
	tests/test_local_blend.py tests/test_maps.py tests/test_nonrigid.py tests/test_oracles.py tests/test_published.py
LAWS := tests/attention tests/sampling tests/test_laws.py tests/test_oracles.py

.PHONY: demo ui notebook test test-slow test-cuda check lint test-shuffled test-avx2 test-plain coverage format bench clean

demo: $(VENV)/.run
	$(BIN)/wordbrush edit "a dog eating an apple" "a cat eating an apple" --seed 22 --out demo

ui: $(VENV)/.ui
	$(BIN)/wordbrush ui

notebook: $(VENV)/.notebook
	OMP_WAIT_POLICY=passive $(BIN)/jupyter lab notebooks

test: $(VENV)/.dev
	$(PYTEST)

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest

# On a machine with a CUDA device: the tests of that tier, then the cost tables of two architectures with random weights.
test-cuda: $(VENV)/.dev
	$(BIN)/python -m pytest -m cuda
	$(BIN)/wordbrush bench speed --device cuda --shape sd14 --size 512 --steps 20 --repeats 7 --out cost-cuda/sd14
	$(BIN)/wordbrush bench speed --device cuda --shape sdxl --size 1024 --steps 20 --repeats 3 --out cost-cuda/sdxl

# What CI runs, each part with its time.
timed = @start=$$(date +%s); $(1) && echo "== $@: $$(($$(date +%s) - start)) s"

# A processor that has no more than AVX2 has run all tests so already.
AVX2_ALONE := $(shell test -r /proc/cpuinfo && ! grep -q avx512f /proc/cpuinfo && echo yes)
check: lint test-shuffled $(if $(AVX2_ALONE),,test-avx2) test-plain

lint: $(VENV)/.dev
	$(call timed,$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports)

# Two processes, in an order drawn anew each time: no test may need another one before it.
test-shuffled: SEED := $(shell date +%s)
test-shuffled: $(VENV)/.dev
	$(call timed,$(PYTEST) $(TWO) --random-order --random-order-seed=$(SEED) --durations=20)

# As a processor without AVX-512 and bfloat16 computes, and as one without vector instructions of its own.
test-avx2: $(VENV)/.dev
	$(call timed,ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(PYTEST) $(TWO) $(NUMERICAL))

test-plain: $(VENV)/.dev
	$(call timed,ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 $(PYTEST) $(TWO) $(LAWS))

coverage: $(VENV)/.dev
	$(PYTEST) --cov=wordbrush --cov-report=term:skip-covered

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

$(VENV)/.ui: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[ui]"
	touch $@

$(VENV)/.notebook: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[notebook]" jupyterlab
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo outputs dist build cost-cuda
