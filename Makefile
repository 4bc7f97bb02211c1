# Everything a person or CI does here. Nothing is assumed but Python 3.11 and make.
PYTHON ?= python3
PAIRS ?= 10000,20000
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := .venv-extras
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test fuzz browser test-extras extras-servers extras-students check site bench bench-scale clean

# A data set of 200 pairs from the offline textbook, in ./demo, and one of its pairs from each discipline on the screen.
demo: $(VENV)/core
	rm -rf demo
	$(BIN)/glan demo demo

# Core, contract, end-to-end and browser tests.
test: $(VENV)/test browser
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile

# The property tests with examples that nobody has tried yet. One that fails becomes a test of its own.
fuzz: $(VENV)/test
	$(BIN)/python -m pytest tests/unit tests/e2e/test_invariants.py --hypothesis-profile=fuzz -n 2 --dist loadfile

# The browser that fills in the forms. Where there is one already, nothing is installed.
browser:
	@command -v chromedriver >/dev/null && command -v chromium >/dev/null || { \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends \
		chromium chromium-driver; }

# What takes long, such as kills at every point, and the chain against other people's servers, each in an environment
# of its own. The last two use one core each, so they go side by side.
test-extras: $(VENV)/test browser $(EXTRAS)/llamacpp/made $(EXTRAS)/transformers/made $(EXTRAS)/transformers-older/made \
		$(EXTRAS)/train/made $(EXTRAS)/eval/made $(EXTRAS)/notebook/made $(EXTRAS)/store/made $(EXTRAS)/ray/made
	$(BIN)/python -m pytest -m long -n 2
	$(MAKE) --jobs=2 --output-sync=target extras-servers extras-students

OTHERS := tests/extras/train tests/extras/eval tests/extras/experiment tests/extras/notebook tests/extras/store \
	tests/extras/clusters

extras-servers:
	$(BIN)/python -m pytest tests/extras $(OTHERS:%=--ignore %)
	$(EXTRAS)/notebook/bin/python -m pytest tests/extras/notebook
	$(EXTRAS)/store/bin/python -m pytest tests/extras/store
	$(EXTRAS)/ray/bin/python -m pytest tests/extras/clusters

extras-students: export OMP_NUM_THREADS := 1
extras-students: export HF_HUB_OFFLINE := 1
extras-students:
	$(EXTRAS)/train/bin/python -m pytest tests/extras/train
	$(EXTRAS)/eval/bin/python -m pytest tests/extras/eval tests/extras/experiment

# Formatting, lint, types, and the site with every link in it.
check: $(VENV)/test site
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy

# The documentation as a site, in .site/; a link that leads nowhere is an error, and so is a page that fetches anything.
site: $(VENV)/test
	rm -rf .site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --jobs 2 -d $(VENV)/site -c docs . .site
	$(BIN)/python docs/check_site.py .site

# Times and slopes, printed as tables; see benchmarks/README.md.
bench: $(VENV)/test
	$(BIN)/python benchmarks/run.py $(PAIRS)

# Everything that one machine does at 10,000 to a million pairs, killed and begun again; see benchmarks/scale/README.md.
SIZES ?= 10000,100000,1000000
bench-scale: $(VENV)/test
	$(BIN)/python benchmarks/scale/scale.py $(SIZES) build/scale

clean:
	rm -rf $(VENV) $(EXTRAS) .site demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"

$(VENV)/core: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/test: $(VENV)/core
	$(BIN)/pip install --quiet --group test --group check
	touch $@

$(EXTRAS)/%/bin/pip:
	$(PYTHON) -m venv $(EXTRAS)/$*
	$(EXTRAS)/$*/bin/pip install --quiet --upgrade "pip>=25.1"

$(EXTRAS)/llamacpp/made: pyproject.toml | $(EXTRAS)/llamacpp/bin/pip
	$(EXTRAS)/llamacpp/bin/pip install --quiet --group extras-llamacpp
	touch $@

# torch comes before what wants it, at this version: where it lies on disk that is the small build without CUDA.
$(EXTRAS)/transformers/made: pyproject.toml | $(EXTRAS)/transformers/bin/pip
	$(EXTRAS)/transformers/bin/pip install --quiet torch==2.13.0
	$(EXTRAS)/transformers/bin/pip install --quiet --group extras-transformers
	touch $@

# It borrows torch from the environment before, which saves a minute and a gigabyte.
$(EXTRAS)/transformers-older/made: $(EXTRAS)/transformers/made | $(EXTRAS)/transformers-older/bin/pip
	$(EXTRAS)/transformers/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> $$($(EXTRAS)/transformers-older/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/torch.pth
	$(EXTRAS)/transformers-older/bin/pip install --quiet --group extras-transformers-older
	touch $@

# It borrows them likewise.
$(EXTRAS)/eval/made: $(EXTRAS)/transformers/made | $(EXTRAS)/eval/bin/pip
	$(EXTRAS)/transformers/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> $$($(EXTRAS)/eval/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/torch.pth
	$(EXTRAS)/eval/bin/pip install --quiet --editable '.[eval,train]' \
		pytest pytest-asyncio pytest-timeout hypothesis psutil
	touch $@

# So does this one. The last two are there for their schemas, and want other versions of all
# that they stand on.
$(EXTRAS)/train/made: $(EXTRAS)/transformers/made | $(EXTRAS)/train/bin/pip
	$(EXTRAS)/transformers/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> $$($(EXTRAS)/train/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/torch.pth
	$(EXTRAS)/train/bin/pip install --quiet --editable '.[train]' --group extras-train \
		pytest pytest-asyncio pytest-timeout hypothesis psutil
	$(EXTRAS)/train/bin/pip install --quiet --no-deps axolotl llamafactory
	touch $@

$(EXTRAS)/notebook/made: pyproject.toml | $(EXTRAS)/notebook/bin/pip
	$(EXTRAS)/notebook/bin/pip install --quiet --editable . --group extras-notebook \
		pytest pytest-asyncio pytest-timeout hypothesis psutil
	touch $@

# An S3 server, and the core with what speaks to it.
$(EXTRAS)/store/made: pyproject.toml | $(EXTRAS)/store/bin/pip
	$(EXTRAS)/store/bin/pip install --quiet --editable '.[s3]' --group extras-store \
		pytest pytest-asyncio pytest-timeout hypothesis
	touch $@

$(EXTRAS)/ray/made: pyproject.toml | $(EXTRAS)/ray/bin/pip
	$(EXTRAS)/ray/bin/pip install --quiet --editable '.[ray]' \
		pytest pytest-asyncio pytest-timeout hypothesis psutil
	touch $@
