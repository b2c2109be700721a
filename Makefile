# `make demo` trains the four variants on built-in images; `make test` runs every check.
# Needs Python 3.11 or newer and git; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.9

.PHONY: demo test check package notebooks site requirements clean

.venv/ready: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch .venv/ready

# The tests start many processes. Where Python may not keep what it compiled
# (PYTHONDONTWRITEBYTECODE), each would compile PyTorch again, so it is done once here. Some
# packages hold templates that are no Python: they fail, and nothing needs them.
.venv/compiled: .venv/ready
	$(BIN)/python -m compileall -qq -j 0 .venv/lib/python3*/site-packages || true
	touch .venv/compiled

demo: .venv/ready
	$(BIN)/python benchmarks/train_variants.py --out runs/demo --config configs/synthetic.yaml

check: .venv/ready
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

test: check .venv/compiled
	$(BIN)/pytest -n 2 --dist worksteal

# Wheel and sdist, checked and used in a fresh environment; fetches the tools for it.
package: .venv/ready
	.ci/package

# Runs the notebooks from top to bottom.
notebooks: .venv/ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c requirements.txt -e ".[notebooks]"
	$(BIN)/python benchmarks/run_notebooks.py --check notebooks/exercise.ipynb notebooks/theory.ipynb

# The documentation as a site in site/, with both reports; a broken link or a missing page is an
# error.
site: .venv/ready
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c requirements.txt -e ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/lightning-cifar report benchmarks/results/study --out site/study-report
	$(BIN)/theory report --out site/theory-report

# Pins every dependency with its hashes; the file names no index.
requirements: .venv/ready
	$(BIN)/uv pip compile --quiet --universal --extra dev --extra export --extra parquet --extra tensorboard --generate-hashes --no-emit-index-url \
	  --no-header pyproject.toml -o requirements.txt

clean:
	rm -rf .venv runs
