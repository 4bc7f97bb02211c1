# Everything a person or CI does here. Nothing is assumed but Python 3.11 and make.
PYTHON ?= python3
PAIRS ?= 10000,20000
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-extras check bench clean

# A data set of 200 pairs from the offline textbook, in ./demo, and one of its pairs from each discipline on the screen.
demo: $(VENV)/core
	rm -rf demo
	$(BIN)/glan demo demo

# Core, contract, end-to-end and browser tests.
test: $(VENV)/test
	$(BIN)/python -m pytest

# Training, evaluation, Ray and third-party servers, each in an environment of its own.
test-extras:
	@echo "Nothing needs an environment of its own yet."

# Formatting, lint and types.
check: $(VENV)/test
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy

# Times and slopes, printed as tables; see benchmarks/README.md.
bench: $(VENV)/test
	$(BIN)/python benchmarks/run.py $(PAIRS)

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"

$(VENV)/core: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/test: $(VENV)/core
	$(BIN)/pip install --quiet --group test --group check
	touch $@
