# drukte: `make run` shows it, `make test` proves it. Both do all of their own set-up and say what they do.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PREFIX ?= /opt/drukte
PIP := -m pip install --quiet --disable-pip-version-check

# Debian packages that the tests need: a broker to publish to, a tracer that looks over the shoulder, a browser, and the
# city's database.
TEST_PACKAGES := mosquitto mosquitto-clients strace chromium postgresql

.PHONY: help run test lint attack outage audit moved sealed install uninstall lock clean
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

run: $(VENV)/.ok ## count people in a recorded street and show the messages
	@$(VENV)/bin/drukte demo

test: $(VENV)/.ok test-packages ## everything that can be checked on this machine in minutes
	@$(PY) -m pytest -n 3 --dist worksteal -m 'not slow'

lint: $(VENV)/.ok ## style, types and import contracts alone
	@$(PY) -m pytest -q tests/test_gates.py

attack: $(VENV)/.ok ## try to reckon hidden numbers out of all that is published on 1,000 random days
	@nice $(PY) -m pytest -q -s -m slow tests/report/disclosure/test_attack.py tests/report/disclosure/test_worlds.py tests/report/disclosure/test_attack_everywhere.py

# Home Assistant needs a newer Python than drukte does, and hundreds of packages: it gets an environment of its own.
HA_PYTHON ?= python3.13
HA := build/home-assistant
$(HA)/.ok:
	@command -v $(HA_PYTHON) >/dev/null || { echo "Home Assistant needs $(HA_PYTHON): make HA_PYTHON=... $@"; exit 1; }
	@echo "== Home Assistant in $(HA) (a few minutes the first time)"
	@$(HA_PYTHON) -m venv $(HA)
	@$(HA)/bin/python $(PIP) homeassistant "paho-mqtt>=2,<3"
	@touch $@

.PHONY: home-assistant
home-assistant: $(VENV)/.ok $(HA)/.ok test-packages ## let Home Assistant itself read the discovery messages
	@DRUKTE_HA_PYTHON=$(HA)/bin/python nice $(PY) -m pytest -q -s -m slow tests/report/formats/test_in_home_assistant.py

RED := build/node-red
$(RED)/.ok:
	@command -v npm >/dev/null || { echo "Node-RED needs Node.js and npm"; exit 1; }
	@echo "== Node-RED in $(RED)"
	@npm install --silent --no-audit --no-fund --prefix $(RED) node-red
	@touch $@

.PHONY: node-red
node-red: $(VENV)/.ok $(RED)/.ok test-packages ## let Node-RED run the flows of docs/city-data.md and packaging/city
	@DRUKTE_NODE_RED=$(CURDIR)/$(RED)/node_modules/node-red/red.js nice $(PY) -m pytest -q -s -m slow \
	  tests/report/formats/test_examples.py tests/packaging/test_city_broker.py

outage: $(VENV)/.ok ## a week of sixteen zones without a broker: how much room it takes
	@nice $(PY) -m pytest -q -s -m slow tests/report/disclosure/test_merge.py

.PHONY: soak
soak: $(VENV)/.ok test-packages ## 24 simulated hours of kills, broker restarts, network cuts and full disks (half an hour)
	@nice $(PY) -m pytest -q -s -m slow tests/report/test_soak.py tests/report/broker/test_backoff.py

.PHONY: brokers
brokers: $(VENV)/.ok test-packages ## the same suite on Mosquitto, RabbitMQ and NATS; installs the latter two
	@$(call apt_install,rabbitmq-server nats-server)
	@nice $(PY) -m pytest -q -ra -m slow tests/report/broker/test_brokers.py

.PHONY: cluster
CLUSTER_DEVICES ?= 2000
cluster: $(VENV)/.ok ## kill one of three nodes of NATS and of RabbitMQ under 2,000 simulated devices (a quarter of an hour)
	@$(call apt_install,rabbitmq-server nats-server)
	@for engine in nats rabbitmq; do \
	  OMP_NUM_THREADS=1 $(PY) -m tests.cluster.run --engine $$engine --devices $(CLUSTER_DEVICES); done

.PHONY: city-picture
city-picture: $(VENV)/.ok test-packages ## draw the picture of the dashboards' panels that the documentation shows
	@$(PY) -m tests.packaging.picture docs/images/city.svg

.PHONY: fuzz-radar
fuzz-radar: $(VENV)/.ok ## a million mutated streams for each radar parser: no crash, no hang, memory flat (half an hour)
	@nice $(PY) -m pytest -q -s -m slow tests/sense/sources/test_radar_fuzz.py

.PHONY: fuzz
fuzz: $(VENV)/.ok ## 100,000 mutated commands and a million mutated door records: no crash, no wrong count
	@nice $(PY) -m pytest -q -s -m slow tests/report/broker/test_fuzz.py

audit: $(VENV)/.ok test-packages ## the audit on the demo, a simulated radar and four planted leaks (as root; a quarter of an hour)
	@$(PY) -m pytest -q -s -m slow tests/tools/audit

.PHONY: audit-picture
audit-picture: $(VENV)/.ok test-packages ## draw the picture of an audit's report that the documentation shows (as root)
	@$(VENV)/bin/drukte audit --site firmware_config/sites/demo-street.yaml --minutes 1 --out build/audit
	@$(PY) -m tests.tools.audit.picture build/audit docs/images/audit-report.jpg

moved: $(VENV)/.ok ## an hour of an undisturbed street in changing light: the camera must never seem moved
	@nice $(PY) -m pytest -q -s -m slow tests/sense/test_moved.py

.PHONY: calibration
calibration: $(VENV)/.ok ## how far distances are off that were calibrated by walking, or by the heights of passers-by
	@OMP_NUM_THREADS=1 nice $(PY) -m pytest -q -s -m slow tests/tools/calibrate/camera/test_heights.py \
	  tests/tools/calibrate/camera/test_walking.py

.PHONY: screenshot
screenshot: $(VENV)/.ok test-packages ## draw the picture of the calibration page that the documentation shows
	@$(PY) -m pytest -q -m slow tests/tools/calibrate/page/test_page.py

.PHONY: validate-demo
validate-demo: $(VENV)/.ok test-packages ## order, sample, count and report 60 pictures of a recorded street (6 minutes)
	@nice $(PY) -m tests.tools.validate.rehearsal --pictures 60

.PHONY: killed
killed: $(VENV)/.ok ## kill the sampler at a dozen moments and search disk and memory for its pictures (as root; 10 minutes)
	@nice $(PY) -m pytest -q -s -m slow tests/sample/test_killed.py

.PHONY: coverage
coverage: $(VENV)/.ok ## how often the 95 % intervals of reports hold the truth, on simulated places (minutes)
	@OMP_NUM_THREADS=1 nice $(PY) -m drukte_tools.validate.coverage --repetitions 1000

.PHONY: crowds day statues
crowds: $(VENV)/.ok ## count simulated crowds and recorded walkers and compare with exact truth (half an hour)
	@OMP_NUM_THREADS=1 nice $(PY) -m drukte_tools.validate.truth.crossings "$${DRUKTE_TEST_DATA:-../shared/data}" 1500

day: $(VENV)/.ok ## count a simulated day of passers-by: does anything add up? (half an hour)
	@OMP_NUM_THREADS=1 nice $(PY) -m drukte_tools.validate.truth.crossings day

statues: $(VENV)/.ok ## frozen people are statues, one who sways stays a person: minutes of pictures through the detector
	@nice $(PY) -m pytest -q -s -m slow tests/sense/test_pipeline.py

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

.PHONY: radar-bench
radar-bench: $(VENV)/.ok ## how much of real time the chain from raw radar samples takes on one core
	@OMP_NUM_THREADS=1 $(PY) -m drukte_tools.bench.chain

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

# Debian packages: one for each suite (its Python) and processor. Bit for bit the same from the same commit.
DEB_SUITE ?= bookworm trixie
DEB_ARCH ?= amd64
DEB_LEVEL ?= 6

.PHONY: deb deb-test deb-arm64 deb-twice
deb: $(VENV)/.ok ## Debian packages in dist/ (DEB_ARCH="amd64 arm64", DEB_SUITE="bookworm trixie")
	@command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing: run this on Debian or in a container of it"; exit 1; }
	@$(PY) packaging/deb/build.py --level $(DEB_LEVEL) $(addprefix --suite ,$(DEB_SUITE)) $(addprefix --arch ,$(DEB_ARCH))

deb-test: ## install, set up, count, upgrade, fall back, remove and purge them under a real systemd (as root)
	@packaging/deb/test/run.sh $(DEB_SUITE)

deb-arm64: ## start the packages for arm64 under an emulator (as root; after make deb DEB_ARCH=arm64)
	@packaging/deb/test/arm64.sh $(firstword $(DEB_SUITE))

deb-twice: $(VENV)/.ok ## make the packages twice, in two folders, and compare them byte for byte
	@packaging/deb/test/twice.sh $(PY) $(addprefix --suite ,$(DEB_SUITE)) $(addprefix --arch ,$(DEB_ARCH))

ENGINE ?= podman
PLATFORM ?= linux/amd64
ANSIBLE := build/ansible
$(ANSIBLE)/.ok:
	@$(PYTHON) -m venv $(ANSIBLE)
	@$(ANSIBLE)/bin/python $(PIP) ansible-core ansible-lint
	@touch $@

.PHONY: ansible-test
ansible-test: $(ANSIBLE)/.ok ## lint the Ansible role and run it against a device in a Debian root (as root; after make deb, make deb-test)
	@cd packaging/ansible && PATH="$(CURDIR)/$(ANSIBLE)/bin:$$PATH" ansible-lint --offline
	@packaging/ansible/test/run.sh

.PHONY: image-test vulnerabilities
image-test: ## the first start of a device, in a Debian root (as root; after make deb and make deb-test)
	@packaging/image/test/run.sh $(firstword $(DEB_SUITE))

AUDIT := build/pip-audit
$(AUDIT)/.ok:
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python $(PIP) pip-audit
	@touch $@

vulnerabilities: $(AUDIT)/.ok ## ask advisory databases about the locked packages; 3 when they cannot be asked
	@$(PYTHON) packaging/vulnerabilities.py --program $(AUDIT)/bin/pip-audit requirements/device.txt requirements/dev.txt

.PHONY: containers containers-test
containers: ## image of both rooms, localhost/drukte:latest (ENGINE=docker, PLATFORM=linux/arm64, BASE=...)
	@$(ENGINE) build --platform $(PLATFORM) $(if $(BASE),--build-arg BASE=$(BASE)) -t localhost/drukte:latest \
	  -f packaging/containers/Dockerfile .

containers-test: $(VENV)/.ok ## run the image by compose.yaml, look at its walls and try the ways out (as root, podman)
	@$(PY) packaging/containers/test/run.py "$${VIDEO:-$${DRUKTE_TEST_DATA:-../shared/data}/camera/pets09-s2l1/vtest.avi}"

install: ## put drukte on this machine as two systemd services (as root)
	@PREFIX=$(PREFIX) PYTHON=$(PYTHON) packaging/install.sh

uninstall: ## take it away again, all but the site file (as root)
	@PREFIX=$(PREFIX) packaging/install.sh --remove

clean: ## forget the environment and all caches
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache edge/*.egg-info
