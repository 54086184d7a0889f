# Everything runs in .venv, installed from the locks in requirements/. PYTHON picks the interpreter (3.11 to 3.14).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --only-binary :all:
# Compiled modules are kept, also where the environment says otherwise: the tests start hundreds of processes, each of which would compile all anew.
export PYTHONDONTWRITEBYTECODE =
ONCE ?=
# uv installs in a third of pip's time, on all cores, and comes by pip from a lock of its own. Where it cannot install (an index or a certificate that
# only pip is told of), pip does.
define add
	@{ $(PIP) install --quiet --require-hashes --only-binary :all: -r requirements/uv.lock \
		&& $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(1); } \
		|| { echo "uv cannot install here; pip does, which takes minutes"; $(PIP) install --quiet $(1); }
endef

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench lock package clean

help: ## list every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.run: requirements/run.lock requirements/uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 15) else "Sakigake needs Python 3.11 to 3.14; $(PYTHON) is " + sys.version.split()[0] + ". Install one and say: make PYTHON=python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call add,--require-hashes --only-binary :all: -r requirements/run.lock)
	$(call add,--no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.lock
	$(call add,--require-hashes --only-binary :all: -r requirements/test.lock)
	@touch $@

install: $(VENV)/.run ## only build .venv

demo: $(VENV)/.run ## run the whole cycle on a local Salesforce and HubSpot; ONCE=1 ends after one cycle
	@$(BIN)/sakigake demo $(if $(ONCE),--once)

check: $(VENV)/.test ## formatting, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(VENV)/.test check ## every check and every test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

format: $(VENV)/.test ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test ## measure, as ratios against a limit of the same run; writes bench/results.json
	$(BIN)/python -m bench

lock: $(VENV)/.test ## resolve the locks anew from pyproject.toml
	$(PIP) install --quiet 'uv>=0.9'
	echo 'uv>=0.9' | $(LOCK) - -o requirements/uv.lock
	$(LOCK) --extra build pyproject.toml -o requirements/run.lock
	$(LOCK) --extra build --extra test -c requirements/run.lock pyproject.toml -o requirements/test.lock

package: $(VENV)/.run ## write deploy/salesforce anew from the catalogue
	@rm -rf deploy/salesforce build/preset
	@$(BIN)/sakigake init --dir build/preset > /dev/null
	@$(BIN)/sakigake provision --config build/preset/sakigake.yaml --package deploy/salesforce

clean: ## remove .venv and what tests and builds left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
