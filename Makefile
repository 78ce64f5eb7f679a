# Two commands: `make demo` shows the tool at work, `make test` checks it. Both set up .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
SPACE ?= demo/names.space
RUN ?= organism.run
PAINTER ?= organism.painter

export OMP_WAIT_POLICY ?= PASSIVE
export HF_HUB_DISABLE_TELEMETRY = 1
# The many processes of the tests read the bytecode that the first of them wrote.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo audit explore organism painter test suite test-slow campaign lint style types format bench clean release supply docs

help:
	@echo "make demo     set up .venv, build a name space of real names, ask it four things"
	@echo "make explore  opens the demo's space in the browser"
	@echo "make audit    audits the packaged encoders, about 8 minutes: minilm, and the organism beside its truth"
	@echo "make test     set up .venv with the test tools; lint, type check, quick tests"
	@echo "make test ALL=1  the same with the long tests, as CI runs it"
	@echo "make test-slow  what takes too long for make test: simulated coverage, the hostile campaign"
	@echo "make campaign  the hostile campaign in full: kills, changed input, damage, crowds, full disks"
	@echo "make lint     ruff and mypy alone        make format   let ruff rewrite the code"
	@echo "make organism retrains the packaged organism, about 7 minutes on two quiet cores"
	@echo "make painter  retrains the organism's painter, about 50 minutes on two quiet cores, after the organism's 7"
	@echo "make docs     the command reference, docs/cli.md, and the outputs in README and tutorials"
	@echo "make release  wheel and sdist in dist/, checked; PYTHONS='python3.12 python3.13' tries them there too"
	@echo "make supply   known faults (by pip-audit, which asks the network) and licences of all libraries"
	@echo "make bench    the speeds of docs/benchmarks.md, about 100 minutes on a quiet machine; resumes where it stopped"
	@echo "make clean    remove .venv, caches and the demo's files"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("namebasis needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing namebasis into $(VENV) (the first time downloads torch; some minutes) ..."
	$(PIP) install --progress-bar off -q -c constraints.txt -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing namebasis and its test tools into $(VENV) (the first time downloads torch) ..."
	$(PIP) install --progress-bar off -q -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.explore: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --progress-bar off -q -c constraints.txt -e '.[explore]'
	@touch $@ $(VENV)/.demo

# Of the demo's space, which is built first where it is not.
explore: $(VENV)/.explore
	@test -d $(SPACE) || $(BIN)/namebasis demo --space $(SPACE)
	@$(BIN)/namebasis explore $(SPACE)

demo: $(VENV)/.demo
	@$(BIN)/namebasis demo --space $(SPACE)

audit: $(VENV)/.demo
	@$(BIN)/namebasis audit minilm -o audit-minilm --quiet > /dev/null
	@$(BIN)/python benchmarks/audit_truth.py audit-organism
	@echo "The pages: audit-minilm/audit.html and audit-organism/audit.html"

organism: $(VENV)/.demo
	@$(BIN)/namebasis organism train $(RUN)
	@$(BIN)/namebasis organism pack $(RUN) namebasis/data/organism --trajectories

# Of $(RUN), which is trained first where it is not.
painter: $(VENV)/.test
	@$(BIN)/namebasis organism train $(RUN)
	@$(BIN)/namebasis organism painter $(RUN) $(PAINTER)
	@$(BIN)/namebasis organism pack-painter $(PAINTER) namebasis/data/painter

lint: style types

style: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

# With the long tests one worker more than two cores, for some wait for browsers and other
# processes; the quick ones wait for little, and each worker loads torch and the rest for itself.
WORKERS ?= $(if $(ALL),3,2)
# Tests marked `long` take most of the time; ALL=1 runs them too.
MARKS := $(if $(ALL),not slow,not slow and not long)
suite: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m '$(MARKS)'

# mypy takes one core for a minute, so it runs beside the tests.
test: style
	@$(MAKE) --no-print-directory -j 2 types suite

# Coverage of every interval by simulation, and the whole hostile campaign.
test-slow: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow

# Kills, changed input, damage, crowds and full disks by the thousand; the same command resumes.
SEED ?= $(shell date +%Y%m%d)
campaign: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.campaign --full --seed $(SEED) --log campaign.jsonl

docs: $(VENV)/.test
	$(BIN)/python -m namebasis.cli.reference docs/cli.md
	$(BIN)/python docs/record.py

# Wheel and sdist, checked, and installed into a clean environment of each of $(PYTHONS).
PYTHONS ?= $(PYTHON)
release:
	@.ci/release $(PYTHONS)

# Needs a network: the known faults of what constraints.txt installs, and every licence.
supply: $(VENV)/.test
	$(PIP) install --progress-bar off -q pip-audit
	$(BIN)/pip-audit -r constraints.txt --no-deps --disable-pip
	@$(BIN)/namebasis doctor --licences

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) demo audit-minilm audit-organism campaign.jsonl build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
