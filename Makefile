# Thin names for a few commands. The first of these Pythons that is 3.11 or later is used, best one that can make virtual
# environments; without that, the set-up says what to install.
first = $(shell for candidate in python3.13 python3.12 python3.11 python3; do \
	"$$candidate" -c 'import sys$(1); sys.exit(sys.hexversion < 0x30b0000)' 2>/dev/null && echo "$$candidate" && break; done)
PYTHON := $(or $(call first,; import ensurepip),$(call first))
ENV := .venv/bin/python

.PHONY: help demo run test proofs lint messages benchmark python dev

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

demo: python  ## set up, live fifteen months of a Region, write the workbooks (then: make run)
	@$(PYTHON) scripts/bootstrap.py
	@$(ENV) manage.py demo

run: python  ## set up and run with the data that are there: http://127.0.0.1:8000/
	@$(PYTHON) scripts/bootstrap.py
	@$(ENV) manage.py run

test: python  ## everything that CI checks, browser journeys included
	@$(PYTHON) scripts/run_tests.py

proofs: dev  ## 500 random sequences of moves, every figure looked at after each (half an hour)
	@$(PYTHON) scripts/run_proofs.py

lint: dev  ## style and the line of imports
	@$(ENV) -m ruff check .
	@$(ENV) -m ruff format --check .
	@.venv/bin/lint-imports

messages: dev  ## collect the texts to translate, and say which have no French
	@$(ENV) -m config.messages

benchmark: python  ## measure what the documentation claims
	@$(PYTHON) scripts/bootstrap.py
	@$(ENV) -m benchmarks

dev: python
	@$(PYTHON) scripts/bootstrap.py --dev

python:
	@test -n "$(PYTHON)" || { echo "Essor needs Python 3.11 or later: install it (Debian: apt install python3 python3-venv) and try again."; exit 1; }
