# Two commands are all a newcomer needs: `make demo` and `make test`. Everything installs into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DISTS  := core notices plugins/milton_keynes plugins/sefton
WORKERS ?= 2
INTO    ?= dist
PYTEST  := $(BIN)/pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help

##@ For everybody

help: ## say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## two councils, their notices and their retention, from nothing (ONCE=1: don't serve)
	$(BIN)/muniment demo $(if $(ONCE),--once)

test: $(VENV)/installed ## the tests, without those marked slow
	$(PYTEST) -m "not slow" $(ARGS)

##@ For those who change it

setup: $(VENV)/installed ## install everything into .venv

check: static test ## what must hold before anything is merged; CI runs the slow tests too

static: format-check lint types contracts ## what is checked without running anything

format: $(VENV)/installed ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

format-check: $(VENV)/installed ## is the code in its one format?
	$(BIN)/ruff format --check .

lint: $(VENV)/installed ## ruff
	$(BIN)/ruff check .

types: $(VENV)/installed ## mypy, strict
	$(BIN)/mypy $(foreach dist,$(DISTS),$(wildcard $(dist)/muniment* $(dist)/tests)) tests

contracts: $(VENV)/installed ## who may import whom
	$(BIN)/lint-imports

migrations: $(VENV)/installed ## do the migrations build what the models say?
	$(BIN)/pytest -q -n0 tests/integration/database/test_migrations.py

whole: $(VENV)/installed ## all the tests, without the small ones of which a slow one is the whole
	$(PYTEST) -m "not small" $(ARGS)

slow: $(VENV)/installed ## the tests marked slow
	$(PYTEST) -m slow $(ARGS)

bench: $(VENV)/installed ## ratios against the bare equivalents, in one run
	$(BIN)/python -m tests.benchmarks

gdprbench: $(VENV)/installed ## GDPRbench's workload against bare PostgreSQL (ARGS=--full: some five minutes)
	$(BIN)/python -m tests.benchmarks.gdprbench $(ARGS)

wheels: $(VENV)/installed ## build the distributions into dist/ (INTO=... elsewhere)
	rm -rf $(INTO)
	for dist in $(DISTS); do $(BIN)/python -m build --quiet --wheel --no-isolation --outdir $(INTO) $$dist || exit 1; done

lock: $(VENV)/installed ## pin the requirements again, with hashes and without addresses (asks the package index)
	$(BIN)/pip install --quiet uv
	for set in runtime dev; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header requirements/$$set.in --output-file requirements/$$set.txt || exit 1; done

clean: ## stop the demo's database and remove all that was made here
	-[ ! -x $(BIN)/muniment ] || $(BIN)/muniment db remove --yes
	rm -rf $(VENV) .muniment dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/installed: requirements/dev.txt $(addsuffix /pyproject.toml,$(DISTS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Muniment needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing into $(VENV), which takes about a minute ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(DISTS))
	@touch $@

.PHONY: help demo test setup check static format format-check lint types contracts migrations whole slow bench gdprbench wheels lock clean
