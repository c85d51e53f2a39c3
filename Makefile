# `make book` builds the site, `make test` proves it. Both set up .venv first.
PY    ?= python3
BIN   := .venv/bin
FIND  := $(if $(PIP_FIND_LINKS),--find-links $(PIP_FIND_LINKS))
UV    := $(BIN)/uv pip
export VIRTUAL_ENV := $(CURDIR)/.venv

# Empty, or `anew`, or `refused` and why: see tools/check_python.py.
ASKED := $(if $(filter file default,$(origin PY)),,--asked)
STATE := $(shell command -v $(PY) >/dev/null || { echo refused there is no $(PY) here; exit; }; $(PY) tools/check_python.py .venv $(ASKED))

.DEFAULT_GOAL := book
.PHONY: book pdf test check sync outputs oracles lint lock clean anew

.venv/.ok: requirements.lock pyproject.toml $(if $(STATE),anew)
	$(if $(filter refused,$(STATE)),$(error $(wordlist 2,99,$(STATE))))
	$(PY) -m venv $(if $(STATE),--clear) .venv
	$(BIN)/pip install -q uv==0.13.9
	$(UV) install -q --compile-bytecode $(FIND) -r requirements.lock
	$(UV) install -q --no-deps --no-build-isolation -e .
	touch $@

# npm's packages, for the editor of rules; without them the site is built without it.
.node/.ok: site/live/package-lock.json tools/npm_packages.py | .venv/.ok
	$(BIN)/python tools/npm_packages.py

book: .venv/.ok .node/.ok ## the site, in _build/html
	$(BIN)/jupyter-book build . -W --keep-going -q

pdf: .venv/.ok           ## the whole book as one file, _build/pdf/optimizers.pdf; needs Chromium
	$(BIN)/jupyter-book build . --builder custom --custom-builder singlehtml --path-output _build/pdf
	$(BIN)/python site/pdf.py _build/pdf/_build/singlehtml _build/pdf/optimizers.pdf

test: .venv/.ok .node/.ok ## rules, interpretations, notebooks (strict), pages
	$(BIN)/python -m pytest -q -n 2 --dist loadfile $(PYTEST)

check: .venv/.ok         ## in 90 seconds, what the files that changed can break
	$(BIN)/python tools/check.py

sync: .venv/.ok          ## rules -> types, and formulas in notebooks/*.md -> *.ipynb, outputs kept
	$(BIN)/python tools/stubs.py
	$(BIN)/optlab formulas
	$(BIN)/jupytext --quiet --to ipynb --update notebooks/*.md

outputs: sync            ## execute the notebooks in place
	$(BIN)/optlab outputs

# What the package is compared with (extras "oracles" and "peers"): without it, those tests
# are skipped. Of peers, the optimizers alone are used, so their own requirements are left out.
oracles: .venv/.ok       ## optax, timm, pytorch_optimizer and schedulefree, for tests/oracles and the bench
	$(UV) install -q -c requirements.lock optax==0.2.8
	$(UV) install -q --no-deps timm==1.0.31 pytorch_optimizer==4.1.0 schedulefree==1.4.1

lint: .venv/.ok
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tools/prose.py

# One lock for every Python that pyproject.toml allows, on every system (markers say what only
# some need). torch is named by version alone and its CUDA packages are left out, so that the lock
# serves a CPU build as well: whichever torch is installed brings what it needs.
lock: .venv/.ok          ## requirements.in -> requirements.lock, site/live/package.json -> its lock
	sed -i '/^torch==/d' requirements.lock
	$(UV) compile -q --universal --python-version 3.11 $(FIND) --no-emit-package torch --no-annotate --no-header requirements.in -o requirements.lock
	sed -i -E '/^(nvidia-|cuda-|triton)/d; 1i torch==2.13.0' requirements.lock
	$(BIN)/python tools/npm_packages.py --lock

clean:
	rm -rf _build
