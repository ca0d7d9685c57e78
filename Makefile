# Everything runs from a fresh clone with python3 (3.11-3.13) and make. The virtual environment is .venv/.
PYTHON ?= python3
BIN := .venv/bin
UV = $(BIN)/uv
SIZE ?= S
# one worker a core; which tests share one is said in tests/conftest.py
PARALLEL := --numprocesses auto --maxprocesses 4 --no-loadscope-reorder
PARSED = $(or $(WAREHOUSE_DIR),warehouse)/dbt/semantic_manifest.json

export DAGSTER_DISABLE_TELEMETRY := yes
export DO_NOT_TRACK := 1
# `make nightly AS_OF=...` reaches the program as environment, exactly as cron would set it.
export PIPELINE_CONFIG LANDING_DIR WAREHOUSE_DIR AS_OF POSTGRES_URL PUBLISH_TO FILES

.DEFAULT_GOAL := help
.PHONY: help nightly metrics try draft-source test test-long test-spark mutate check setup lint dev docs bench bench-nights bench-hygiene clean lock

help:  ## what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
# Installs a lock with uv where uv can be had (seconds), else with pip (minutes); both check every hash.
define install
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Dealtrail needs Python 3.11, 3.12 or 3.13; set PYTHON=...") if not (3, 11) <= sys.version_info[:2] < (3, 14) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(patsubst %/bin,%,$(BIN))
	@test -x $(UV) || $(BIN)/python -m pip install -q --disable-pip-version-check uv==0.13.9 || true
	@echo "installing $(1)"
	@if test -x $(UV); then \
	  $(UV) pip install -q --python $(BIN)/python --require-hashes --compile-bytecode -r $(1) && \
	  $(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1) && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
endef

.venv/runtime.stamp: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

.venv-spark/stamp: requirements-spark.lock pyproject.toml
	$(call install,requirements-spark.lock)
	@touch $@
.venv-spark/stamp: BIN := .venv-spark/bin

.venv/dev.stamp: requirements-dev.lock requirements.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $@ .venv/runtime.stamp

setup: .venv/runtime.stamp  ## install what a run needs, write the configuration's schema
	@$(BIN)/dealtrail config schema --out pipeline.schema.json

nightly: .venv/runtime.stamp  ## run the nightly job once, on the sample or on LANDING_DIR
	@$(BIN)/dealtrail nightly
# what the night parsed, where `mf query` looks for it when called from dbt/
	@test ! -f $(PARSED) || { mkdir -p dbt/target && cp $(PARSED) dbt/target/semantic_manifest.json; }

metrics: .venv/runtime.stamp  ## ask for metrics: ARGS="query --metrics win_rate", or list
	@$(BIN)/dealtrail metrics $(ARGS)

# FILES is one name, blanks and all, if there is such a file; else names parted by blanks, quoted where they have some
define with_files
	@if test -e "$$FILES"; then $(1) "$$FILES" $(2); else printf '%s\n' "$$FILES" | xargs sh -c '$(1) "$$@" $(2)' sh; fi
endef

try: .venv/runtime.stamp  ## a report of files that are not described yet: FILES="my deals.csv", SAVE=my_crm.yml
	$(call with_files,$(BIN)/dealtrail try,$(if $(SAVE),--save $(SAVE)))

draft-source: .venv/runtime.stamp  ## draft a configuration: FILES="a.csv b.xlsx", NAME=, OUT=
	$(call with_files,$(BIN)/dealtrail source draft,$(if $(NAME),--name $(NAME)) $(if $(OUT),--out $(OUT)))

test: .venv/dev.stamp  ## the tests that need no extra service
	$(BIN)/python -m pytest -q --durations=40 --durations-min=5 -m "not long and not spark" $(PARALLEL)

test-long: .venv/dev.stamp  ## all kills, seeds and property runs at full size
	$(BIN)/python -m pytest -q -m "not spark" $(PARALLEL)

# into an environment of its own: Great Expectations imports pyspark wherever it is, and nights on DuckDB would pay for it
test-spark: .venv-spark/stamp  ## nights on Spark against the same on DuckDB, needs Java 17; ONLY=sample for the sample alone
	.venv-spark/bin/python -m pytest -q -m spark $(if $(ONLY),-k "$(ONLY)") tests/spark

mutate: .venv/dev.stamp  ## weaken every hygiene rule, and change every model's SQL: some test tells; PER_MODEL=40
	@$(BIN)/python -m tests.hygiene.mutate
	@$(BIN)/python -m tests.mutation $(PER_MODEL)

check: .venv/dev.stamp  ## before every commit: lint, types, unit tests and dbt unit tests
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "not long and not spark" $(PARALLEL) tests/unit tests/integration/test_dbt_unit_tests.py

lint: .venv/dev.stamp  ## ruff, mypy, layers, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint -q dbt/models dbt/tests $(wildcard benchmarks/*.sql)

dev: .venv/runtime.stamp  ## the Dagster UI on http://localhost:3000, or PORT
	@$(BIN)/dealtrail dev $(if $(PORT),--port $(PORT))

docs: .venv/runtime.stamp  ## the documentation as a site with search, under WAREHOUSE_DIR/docs
	@$(BIN)/dealtrail docs

bench: BIN := $(if $(filter spark,$(ENGINE)),.venv-spark/bin,.venv/bin)
bench: $(if $(filter spark,$(ENGINE)),.venv-spark/stamp,.venv/dev.stamp)  ## the pipeline against hand-written SQL; SIZE=S, M or L; DELTA=1 PEERS=1 PROFILE=1 ZONE= ROUNDS= ENGINE=spark
	$(BIN)/python benchmarks/run.py --size $(SIZE) $(if $(DELTA),--delta) $(if $(PEERS),--peers) $(if $(PROFILE),--profile) \
	  $(if $(ZONE),--zone $(ZONE)) $(if $(ROUNDS),--repeat $(ROUNDS)) $(if $(ENGINE),--engine $(ENGINE))

bench-nights: .venv/dev.stamp  ## 400 nightly full extracts in one run, the night after, and the same compacted
	$(BIN)/python benchmarks/nights.py

bench-hygiene: .venv/dev.stamp  ## the checks on 2 million deals with 400,000 violations
	$(BIN)/python benchmarks/hygiene.py

lock:  ## resolve the locks anew from pyproject.toml
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras --no-annotate --extra build pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras --no-annotate --extra build --extra dagster-postgres --extra s3 --extra sftp --extra ducklake --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-strip-extras --no-annotate --extra build --extra dev --extra spark -c requirements-dev.lock pyproject.toml -o requirements-spark.lock

clean:  ## remove what runs and tests leave behind
	rm -rf warehouse dbt/target dbt/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis benchmarks/out benchmarks/data
