# make env   the environment (.venv) from requirements.lock, once
# make demo  the main job: fit models/sleepstudy, print the summary, write sleepstudy.nc
# make test  the fast tests; PYTEST_ARGS="-k formula" chooses
.PHONY: env demo test test-slow lint gallery pictures docs lock calibrate bench clean
.DEFAULT_GOAL := env

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One thread per process: chains run in parallel, and a second layer of threads only slows them.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

env: $(STAMP)

# A link leads to the environment of another checkout, which is not ours to clear.
$(STAMP): requirements.lock pyproject.toml .ci/find-python
	@test ! -L $(VENV) || { echo "$(VENV) is a link: run \`make env\` where it leads, or remove the link" >&2; exit 1; }
	python="$$(.ci/find-python)" && "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: env
	$(BIN)/poolish fit models/sleepstudy --seed 1 --force -o sleepstudy.nc

test: env
	$(BIN)/python -m pytest -q $(PYTEST_ARGS)

test-slow: env
	$(BIN)/python -m pytest -q -m slow $(PYTEST_ARGS)

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The page of models and the expected answers' table of contents, from the specs.
gallery: env
	$(BIN)/poolish models page

# The contact sheet: every kind of picture of several models, in out/pictures, to be looked at.
pictures: env
	mkdir -p out/fits
	for name in sleepstudy penicillin pastes dietox_slope radon contraception cbpp pedigree inhaler roaches kidney ill_posed; do \
	  $(BIN)/poolish fit models/$$name --quiet --force -o out/fits/$$name.nc > /dev/null || exit 1; done
	$(BIN)/python -m poolish.plots.sheet out/fits out/pictures

# The documentation site, in site/, offline, with what the notebooks print (a minute); a warning is an error.
docs: env
	POOLISH_RUN_NOTEBOOKS=1 $(BIN)/mkdocs build --strict

# Names, versions and hashes only; for Python 3.12 and later on every platform.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.12 --upgrade \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock

# Simulation-based calibration of the exact engine: an hour, prints a table.
calibrate: env
	$(BIN)/python -m poolish.studies.calibration_table

# Ratios against nutpie, bambi and lme4 in one run; data beside the checkout.
bench: env
	$(BIN)/python benchmarks/engines.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache sleepstudy.nc
