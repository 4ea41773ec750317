# modeldeck: two commands on a bare machine. `make demo` runs the whole loop, `make test` every test.
.POSIX:
.SUFFIXES:
.PHONY: demo test fast check bench-peers format clean

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/installed
APT = apt-get install -y make python3 python3-venv

demo: $(STAMP)
	@$(BIN)/modeldeck demo

test: $(STAMP)
	@$(BIN)/python -P tests/lanes.py

# What a change is tried with while it is made, on every core: no test that drives the whole loop or kills things.
fast: $(STAMP)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile -m 'not e2e and not chaos'

check: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

# What the benchmarks measure beside us, each in an environment of its own; only they need it.
bench-peers: .peers/mlflow/installed .peers/evidently/installed .peers/nannyml/installed .peers/river/installed \
  .peers/bentoml/installed .peers/mlserver/installed .peers/onnx/installed \
  .peers/posting/installed .peers/harlequin/installed

.peers/%/installed: benchmarks/peers/requirements-%.txt
	$(PYTHON) -m venv .peers/$*
	.peers/$*/bin/python -m pip install -qq --disable-pip-version-check --requirement $<
	@touch $@

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist

# Installing is told apart from what follows, and skipped while constraints and packaging stand as they were.
$(STAMP): constraints.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "python3 is missing; as root: $(APT)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$$($(PYTHON) --version) is too old, 3.11 or later is needed; as root: $(APT)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "python3-venv is missing; as root: $(APT)" >&2; exit 1; }
	@echo "== installing into $(VENV), once: one to three minutes =="
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt hatchling editables
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt \
	  --no-build-isolation --editable '.[compiled,docker,sources,notify,png,examples,dev]'
	@touch $(STAMP)
	@echo "== installed =="
