# Everything a newcomer needs. `make demo` and `make test` do all of their own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Airflow imports some 2,300 modules; without cached bytecode each of its commands compiles them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check tools measure bench bench-full readers readers-training requirements clean

help: ## List the targets.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The pinned set, then resift itself in place. Nothing is resolved: what is pinned is what is installed.
$(VENV)/.ready: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $(PYTHON) is older than 3.11, expected 3.11 or newer. Name one with make PYTHON=python3.11." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.ready ## Make a pool of 200,000 items, run three cycles by Airflow, and one that is held, then approved.
	$(BIN)/python -m demo

test: $(VENV)/.ready ## Run the whole test suite.
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope

check: $(VENV)/.ready ## Check style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

tools: ## Build the S3 servers the tests run against, where Go is installed.
	tools/s3-servers

measure: $(VENV)/.ready ## Measure time and memory of ingesting 5 million rows and sampling a million.
	$(BIN)/python tools/measure

# The peers live apart: Great Expectations imports PySpark wherever it finds it, and breaks on it.
.venv-peers/.ready: $(VENV)/.ready requirements-bench.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-bench.txt
	@touch $@

bench: .venv-peers/.ready ## Measure against DuckDB, Polars, pandas and Spark on 10 million items: minutes.
	$(BIN)/python -m bench

bench-full: .venv-peers/.ready ## The same, and on 100 million items: half an hour, 25 GB of disk.
	$(BIN)/python -m bench --full

# For the same reason the tools that open snapshots live apart.
.venv-readers/.ready: requirements-readers.txt pyproject.toml
	$(PYTHON) -m venv .venv-readers
	.venv-readers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-readers.txt
	.venv-readers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

readers: .venv-readers/.ready ## Open a snapshot with pandas, Polars, DuckDB, datasets, mlcroissant and Spark.
	.venv-readers/bin/python -m pytest -rs tests/readers tests/client/test_describe.py

# Apart again: img2dataset asks for an older pandas, and PyTorch is as large as all the others together.
.venv-training/.ready: requirements-training.txt pyproject.toml
	$(PYTHON) -m venv .venv-training
	.venv-training/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-training.txt
	.venv-training/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

readers-training: .venv-training/.ready ## The same with PyTorch and img2dataset: gigabytes to download.
	.venv-training/bin/python -m pytest -rs tests/readers

requirements: $(VENV)/.ready ## Pin requirements again from pyproject.toml and requirements.in.
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml requirements.in --extra airflow --universal --python-version 3.11 -o requirements.txt --upgrade
	$(BIN)/uv pip compile pyproject.toml --extra airflow --extra dev --constraints requirements.txt --universal --python-version 3.11 -o requirements-dev.txt
	$(BIN)/uv pip compile pyproject.toml --extra bench --constraints requirements-dev.txt --universal --python-version 3.11 -o requirements-bench.txt
	$(BIN)/uv pip compile pyproject.toml --extra readers --constraints requirements-dev.txt --constraints requirements-bench.txt --universal --python-version 3.11 -o requirements-readers.txt
	$(BIN)/uv pip compile pyproject.toml --extra training --universal --python-version 3.11 -o requirements-training.txt

clean: ## Remove everything that was made.
	rm -rf build $(VENV) .venv-peers .venv-readers .venv-training .pytest_cache .mypy_cache .ruff_cache .hypothesis
