# drukte: `make run` shows it, `make test` proves it. Both do all of their own set-up and say what they do.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PREFIX ?= /opt/drukte
PIP := -m pip install --quiet --disable-pip-version-check

# Debian packages that the tests need: a broker to publish to, a tracer that looks over the shoulder, a browser.
TEST_PACKAGES := mosquitto mosquitto-clients strace chromium

.PHONY: help run test lint attack outage moved sealed install uninstall lock clean
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

run: $(VENV)/.ok ## count people in a recorded street and show the messages
	@$(VENV)/bin/drukte demo

test: $(VENV)/.ok test-packages ## everything that can be checked on this machine in minutes
	@$(PY) -m pytest -n 3 --dist worksteal -m 'not slow'

lint: $(VENV)/.ok ## style, types and import contracts alone
	@$(PY) -m pytest -q tests/test_gates.py

attack: $(VENV)/.ok ## try to reckon hidden numbers out of all that is published on 1,000 random days
	@nice $(PY) -m pytest -q -s -m slow tests/report/test_attack.py

outage: $(VENV)/.ok ## a week of sixteen zones without a broker: how much room it takes
	@nice $(PY) -m pytest -q -s -m slow tests/report/test_merge.py

.PHONY: fuzz
fuzz: $(VENV)/.ok ## 100,000 mutated commands and a million mutated door records: no crash, no wrong count
	@nice $(PY) -m pytest -q -s -m slow tests/report/test_fuzz.py

moved: $(VENV)/.ok ## an hour of an undisturbed street in changing light: the camera must never seem moved
	@nice $(PY) -m pytest -q -s -m slow tests/sense/test_moved.py

.PHONY: heights
heights: $(VENV)/.ok ## how far distances are off that were calibrated from the heights of recorded passers-by
	@OMP_NUM_THREADS=1 nice $(PY) -m pytest -q -m slow tests/tools/calibrate/test_heights.py

.PHONY: screenshot
screenshot: $(VENV)/.ok test-packages ## draw the picture of the calibration page that the documentation shows
	@$(PY) -m pytest -q -m slow tests/tools/calibrate/test_page.py

.PHONY: validate-demo
validate-demo: $(VENV)/.ok test-packages ## order, sample, count and report 60 pictures of a recorded street (6 minutes)
	@nice $(PY) -m tests.tools.validate.rehearsal --pictures 60

.PHONY: coverage
coverage: $(VENV)/.ok ## how often the 95 % intervals of reports hold the truth, on simulated places (minutes)
	@OMP_NUM_THREADS=1 nice $(PY) -m drukte_tools.validate.coverage --repetitions 1000

build/radar-demo.bin: $(VENV)/.ok
	@$(VENV)/bin/drukte simulate radar --out $@

.PHONY: radar-demo
radar-demo: build/radar-demo.bin ## count people before a simulated radar
	@$(VENV)/bin/drukte run --site firmware_config/sites/radar-demo.yaml

sealed: $(VENV)/.ok ## frames per second sealed and unsealed, and their ratio
	@$(PY) -m drukte_tools.bench.sealed

.PHONY: radar-table radar-together radar-check
radar-table: $(VENV)/.ok ## how well radars count simulated people (an hour)
	@OMP_NUM_THREADS=1 nice -n 5 $(VENV)/bin/drukte simulate evaluate --site firmware_config/sites/radar-demo.yaml \
	  --source points --source ld2450 --fan 60

radar-together: $(VENV)/.ok ## how well a camera, a radar and both together count one simulated crowd (half an hour)
	@OMP_NUM_THREADS=1 nice -n 5 $(VENV)/bin/drukte simulate together --site firmware_config/sites/radar-demo.yaml

radar-check: $(VENV)/.ok ## what our radar configurations mean, and whether they can work
	@$(VENV)/bin/drukte radar check firmware_config/radar/*.cfg

# ------------------------------------------------------------------ set-up

define apt_install
missing=""; for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
  if ! command -v apt-get >/dev/null; then echo "Please install:$$missing"; exit 1; fi; \
  as=""; [ "$$(id -u)" = 0 ] || as="sudo"; \
  echo "== Debian packages:$$missing"; \
  $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null 2>&1 \
  || { $$as apt-get update -qq && $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; }; \
fi
endef

$(VENV)/.ok: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "drukte needs Python 3.11 or newer; '$(PYTHON)' is older. Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(call apt_install,python3-venv); }
	@echo "== Python environment in $(VENV): pinned packages, checked by hash (a few minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(PIP) --require-hashes -r requirements/dev.txt
	@$(PY) $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: .venv test-packages
.venv: $(VENV)/.ok

test-packages:
	@$(call apt_install,$(TEST_PACKAGES))

lock: ## pin the newest versions that pyproject.toml allows (needs uv)
	for set in dev device; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	    --no-header --quiet --upgrade --extra $$set --extra build pyproject.toml -o requirements/$$set.txt; done

# ------------------------------------------------------------------ a device

install: ## put drukte on this machine as two systemd services (as root)
	@PREFIX=$(PREFIX) PYTHON=$(PYTHON) packaging/install.sh

uninstall: ## take it away again, all but the site file (as root)
	@PREFIX=$(PREFIX) packaging/install.sh --remove

clean: ## forget the environment and all caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache edge/*.egg-info
