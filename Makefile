# `make` alone lists what there is. Everything is installed into .venv, nothing elsewhere.
.DEFAULT_GOAL := help
.PHONY: help book read lab test notebooks lint clean

PYTHON ?= $(shell sh tools/find-python)
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
HTML := _build/html/book/index.html
# Workers of the test run; 1 for one after another.
JOBS ?= 2

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' Makefile | while IFS='|' read name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

book: ## install what rendering needs, build the book, say where to open it
	@$(call install,book)
	@$(BIN)/python tools/build.py
	@echo "The book is ready: open $(HTML), or run 'make read'."

read: book ## build the book, serve it to this machine alone, open it in the browser
	@$(BIN)/python tools/read.py

lab: ## open the notebooks in JupyterLab
	@$(call install,dev)
	@$(BIN)/jupyter lab $(ARGS) book

test: ## install everything, run every test, execute and compare every notebook
	@$(call install,test)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

notebooks: ## execute the notebooks whose code changed, store their outputs (ARGS=--all: every one)
	@$(call install,test)
	@$(BIN)/python tools/execute.py $(ARGS)

lint: ## style and type hints
	@$(call install,test)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean: ## remove what was built; .venv stays
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

define install
python="$(PYTHON)" && test -n "$$python" && $$python tools/install.py $(1)
endef
