# Every target sets up what it needs in .venv; only Python 3.11+, make and git have to be there.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Two cores are all that the tests may take.
PYTEST_PAIR := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

export NO_MKDOCS_2_WARNING = 1 # the site is built with MkDocs 1
# What Python compiles is kept: every worker and the next run would compile all tests again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test test-extras explore faults fuzz lint bench bench-kmeans bench-studio evidence figures notebook docs clean help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

demo: $(VENV)/core.stamp  ## compress sample photos: Uncompressed -> Compressed
	$(BIN)/ics demo

test: lint  ## run the checks and all tests
	$(PYTEST_PAIR)

test-extras: $(VENV)/extras.stamp  ## run the tests that need large packages or a browser, every fault at every moment, and more examples
	$(BIN)/python -m pytest tests/bench/test_epoch.py tests/bench/test_index_embedding.py tests/bench/test_loading.py \
	  tests/bench/test_studio_browser.py tests/test_browser.py tests/test_clusters.py tests/test_docs.py \
	  tests/test_frameworks.py tests/test_huggingface.py \
	  tests/test_label_loaders.py tests/test_label_readers.py tests/test_notebook.py tests/test_object_stores.py \
	  tests/test_readers.py tests/test_s3.py tests/test_site.py tests/test_torch.py tests/test_torch_indices.py \
	  tests/test_torch_jitter.py tests/test_torch_loader.py tests/test_torch_types.py tests/test_torch_wrong_input.py \
	  tests/learning/models/test_network_judge.py \
	  tests/loading/test_dataset.py tests/studio/test_attacks_browser.py \
	  tests/studio/test_changed_photos_browser.py tests/studio/test_cost_browser.py \
	  tests/studio/test_focus_browser.py tests/studio/test_inspection_browser.py tests/studio/test_layout_browser.py \
	  tests/studio/test_left_out_browser.py tests/studio/test_many_pages_browser.py \
	  tests/studio/test_names_browser.py tests/studio/test_page_browser.py \
	  tests/studio/test_run_browser.py tests/studio/test_stores.py tests/studio/test_take_browser.py \
	  tests/studio/test_use_browser.py src/icsys/torch
	$(PYTEST_PAIR) tests/faults --thorough
	$(PYTEST_PAIR) tests -m hypothesis --hypothesis-profile thorough

explore: $(VENV)/dev.stamp  ## draw new examples for every property, 1,000 each, where the tests draw the same ones each time
	$(PYTEST_PAIR) tests -m hypothesis --hypothesis-profile explore

faults: $(VENV)/dev.stamp  ## bring about every fault at every moment, and write what happened into docs/reliability.md
	$(BIN)/python -m pytest tests/faults -m fault --thorough --reliability docs/reliability.md

fuzz: $(VENV)/dev.stamp  ## compress damaged files of every format for SECONDS=60, and report what does more than fail
	$(BIN)/python tests/fuzz.py --seconds $(or $(SECONDS),60) --first $(or $(FIRST),0)

lint: $(VENV)/dev.stamp  ## check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/bench.stamp  ## time folder runs beside other tools, on PHOTOS=folder and SMALL_PHOTOS=folder or on generated photos
	$(BIN)/python bench/folder.py $(PHOTOS) --out docs/benchmarks/folder.md
	$(BIN)/python bench/small_photos.py $(SMALL_PHOTOS) --out docs/benchmarks/small-photos.md
	$(BIN)/python bench/stages.py $(SMALL_PHOTOS) --out docs/benchmarks/stages.md
	$(BIN)/python bench/lossy.py --out docs/benchmarks/lossy.md
	$(BIN)/python bench/growth.py --out docs/benchmarks/growth.md
	$(BIN)/python bench/lock.py $(PHOTOS) --out docs/benchmarks/lock.md
	$(BIN)/python bench/damage.py $(PHOTOS) --out docs/benchmarks/damage.md
	$(BIN)/python bench/resume.py --out docs/benchmarks/resume.md
	$(BIN)/python bench/scheduling.py --out docs/benchmarks/scheduling.md
	$(BIN)/python bench/loading.py $(SMALL_PHOTOS) --out docs/benchmarks/loading.md
	$(BIN)/python bench/loading_growth.py --out docs/benchmarks/loading-growth.md

bench-studio: $(VENV)/bench.stamp  ## time the studio in a browser, which has to be there, on made photos
	$(BIN)/python bench/studio.py --out docs/benchmarks/studio.md

bench-kmeans: $(VENV)/bench.stamp  ## compare palettes and their times, on PHOTOS=folder or on generated photos
	$(BIN)/python bench/kmeans.py $(PHOTOS) --out docs/benchmarks/kmeans.md
	$(BIN)/python bench/perceptual.py $(PHOTOS) --out docs/benchmarks/oklab.md
	$(BIN)/python bench/alpha.py $(PHOTOS) --out docs/benchmarks/alpha.md
	$(BIN)/python bench/memory.py $(PHOTOS) --out docs/benchmarks/memory.md
	$(BIN)/python bench/auto.py $(PHOTOS) --out docs/benchmarks/auto.md

evidence: $(VENV)/bench.stamp  ## judge what a model keeps of public sets: class folders PHOTOS="folder ..." and scikit-learn's digits
	$(BIN)/python bench/evidence.py $(PHOTOS) --out docs/evidence.md
	$(BIN)/python bench/learn_honesty.py $(PHOTOS) --divisions 17 --parts 7 --out docs/benchmarks/learn-honesty.md

figures: $(VENV)/core.stamp  ## draw the picture in the README
	$(BIN)/python docs/before_after.py

notebook: $(VENV)/extras.stamp  ## run the notebook's text twin, write the notebook and the figures that the docs take from it
	$(BIN)/python notebooks/execute.py
	$(BIN)/python docs/figures.py

docs: $(VENV)/docs.stamp  ## write the command reference and the figures of MKM, and build the site into build/site
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/mkm_figures.py
	$(BIN)/mkdocs build --strict

$(VENV)/pip.stamp:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/core.stamp: $(VENV)/pip.stamp pyproject.toml constraints.txt hatch_build.py $(wildcard src/icsys/native/*pp)
	$(PIP) --editable .
	$(BIN)/python -m compileall -q src
	touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(PIP) --editable ".[lint,test]"
	touch $@

$(VENV)/extras.stamp: $(VENV)/dev.stamp
	$(PIP) --editable ".[extras]"
	touch $@

$(VENV)/docs.stamp: $(VENV)/core.stamp
	$(PIP) --editable ".[docs]"
	touch $@

$(VENV)/bench.stamp: $(VENV)/core.stamp
	$(PIP) --editable ".[bench]"
	touch $@

clean:  ## remove what the targets made
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
