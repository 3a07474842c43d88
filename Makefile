# What people and CI run. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# Folders are relative to where make was called: with `make -C` (which turns on w) that is not this folder.
CALLER := $(if $(findstring w,$(firstword -$(MAKEFLAGS))),$(PWD),$(CURDIR))
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
IMAGES := dicom-reader,bundle-inference,dicom-writer,dicom-sender,dicom-adapter
PEERS := storescu dciodvfy dcm2niix plastimatch Orthanc chromium
PEER_PACKAGES := dcmtk dicom3tools dcm2niix plastimatch orthanc orthanc-dicomweb chromium
DICOMWEB := /usr/share/orthanc/plugins/libOrthancDicomWeb.so
CODE := plugins images dags tools tests benchmarks

# Recipes read these as shell variables, so that blanks and quotes in them survive.
export CALLER STUDY OUT WORKFLOW

.DEFAULT_GOAL := help
.PHONY: help env shell demo up phantom test fuzz lint bench peers lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

env: .venv/.installed ## the environment, and .clara/env.sh for a shell to source
	@$(BIN)/clara-ops env </dev/null

demo: .venv/.installed ## a study in, a segmentation out; STUDY=folder OUT=folder WORKFLOW=name
	@exec $(BIN)/python -m tools.demo --study "$$STUDY" --out "$$OUT" --workflow "$$WORKFLOW" --relative-to "$$CALLER"

up: .venv/.installed ## the same system in the foreground, until Ctrl-C
	@exec $(BIN)/clara-ops up

shell: env ## a shell for airflow and clara-ops commands; reads standard input too
	@. ./.clara/env.sh; exec env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS "$$(command -v bash || echo sh)"

phantom: .venv/.installed ## write the synthetic study; OUT=folder
	@[ -n "$$OUT" ] || { echo "Say where to write it: make phantom OUT=folder" >&2; exit 2; }
	@out="$$(cd "$$CALLER" && realpath -m -- "$$OUT")"; exec $(BIN)/python -m tools.phantom "$$out"

test: .venv/.installed ## all tests; those that need other programs say so when they skip
	@exec $(BIN)/python -m pytest

fuzz: .venv/.installed ## 10,000 damaged files through the reader; CLARA_FUZZ_FILES=number CLARA_FUZZ_SEED=number
	@CLARA_FUZZ_FILES="$${CLARA_FUZZ_FILES:-10000}" exec $(BIN)/python -m pytest -q tests/unit/dicom_reader/headers/test_fuzz.py

lint: .venv/.installed ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	PYTHONPATH=plugins:images $(BIN)/lint-imports

bench: .venv/.installed ## benchmarks
	@exec $(BIN)/python -m benchmarks

peers: .peers/ohif/package/dist/index.html ## programs of others that tests talk to (Debian, Ubuntu; OHIF from npm)
	@PATH="$$PATH:/usr/sbin"; missing=; for program in $(PEERS); do command -v $$program >/dev/null || missing=1; done; \
	[ -e $(DICOMWEB) ] || missing=1; \
	if [ -z "$$missing" ]; then echo "All peers are installed"; else \
	$(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(PEER_PACKAGES); fi

.peers/ohif/package/dist/index.html:
	@command -v npm >/dev/null || { $(SUDO) apt-get update -q && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends npm; }
	@mkdir -p .peers/ohif && cd .peers/ohif && archive=$$(npm pack --silent @ohif/app@3.13.2) && \
	tar -xzf "$$archive" && rm "$$archive" && touch package/dist/index.html

lock: .venv/.installed ## write constraints.txt from the environment
	@$(BIN)/python -m tools.environment.lock

clean: ## delete the environment and everything the system has stored here
	rm -rf .venv .clara .peers

.venv/.installed: pyproject.toml images/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and f"Python {v.major}.{v.minor} found, 3.11 or newer expected: make PYTHON=python3.11")'
	@echo "Installing the environment in .venv; the first time takes some minutes"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv </dev/null
	@# torch first and by itself: the CPU build is taken where a local index offers it
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt torch </dev/null
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt \
		-e 'images/[$(IMAGES)]' -e '.[kubernetes,dev]' </dev/null
	@touch $@
