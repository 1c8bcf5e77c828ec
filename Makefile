# Two commands do everything on a plain machine with Python 3.11 or later: `make demo` and `make test`.
# The first of them installs into .venv; from then on nothing is fetched, so both work without a network.

VENV := .venv
BIN := $(VENV)/bin
# Prints the first Python that is new enough, or nothing.
FIND_PYTHON = for each in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$each"; break; }; done
# A benchmark takes minutes; what `make bench` runs by default only shows that each of them works.
QUICK := $(if $(FULL),,--quick)
# Where an environment forbids it, each process of the tests compiles again what the one before it has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check bench vectors mutants fix venv docs site clean
.DEFAULT_GOAL := help

help:  ## Say what can be made.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1|/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST)

demo: venv  ## Four small tasks, real commands, a scripted model: no key, no network.
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/stillroom demo
	@echo "(the command is $(BIN)/stillroom; its demos of evaluating, training and evolving: demo evaluate, demo train, demo evolve)" >&2

test: venv  ## The tests, in some three minutes on two cores; those marked slow and those of containers are left to `make check`.
	$(BIN)/python -m pytest -n 2 -m "not slow and not docker" $(ARGS)

check: venv  ## Everything a change must pass: format, lint, types, borders, all tests, in containers too if an engine answers.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 $(ARGS)

bench: venv  ## Every benchmark, quickly; FULL=1 for figures worth quoting, PEERS=FOLDER, a venv for each peer, to compare with others.
	$(BIN)/python -m benchmarks.aims $(QUICK) $(if $(PEERS),--peers $(PEERS))
	$(BIN)/python -m benchmarks.append $(if $(FULL),,--rounds 1 --events 5000 --skip-long)
	$(BIN)/python -m benchmarks.replay_speed $(if $(FULL),,--rounds 1 --events 5000)
	$(BIN)/python -m benchmarks.rerun_speed $(QUICK)
	$(BIN)/python -m benchmarks.pdi $(QUICK)
	$(BIN)/python -m benchmarks.http_client $(QUICK)
	$(BIN)/python -m benchmarks.trials $(QUICK)
	$(BIN)/python -m benchmarks.looking $(QUICK)
	$(BIN)/python -m benchmarks.sweep $(QUICK)
	$(BIN)/python -m benchmarks.replay_memory $(QUICK)
	$(BIN)/python -m benchmarks.comparison_study $(QUICK)
	$(BIN)/python -m benchmarks.evaluate_cells $(QUICK)
	$(BIN)/python -m benchmarks.gate_study $(QUICK)
	$(BIN)/python -m benchmarks.train_regret $(QUICK)
	$(BIN)/python -m benchmarks.train_qa $(QUICK)
	$(BIN)/python -m benchmarks.evolve_grid $(QUICK)
	$(if $(PEERS),$(BIN)/python -m benchmarks.turn_cpu $(QUICK) --peer-python $(PEERS)/inspect_ai/bin/python,@echo "benchmarks.turn_cpu needs its peer: make bench PEERS=FOLDER, which has inspect_ai/bin/python")
	$(BIN)/python -m benchmarks.kills $(QUICK)
	$(BIN)/python -m benchmarks.shuffle $(QUICK)
	$(BIN)/python -m benchmarks.crash_matrix $(QUICK)
	@if docker info >/dev/null 2>&1; then set -x; \
		$(BIN)/python -m benchmarks.container_trials $(QUICK) && $(BIN)/python -m benchmarks.exec_latency $(QUICK); \
	else echo "benchmarks.container_trials and benchmarks.exec_latency need a Docker engine, and none answers"; fi

vectors: venv  ## Answer what was recorded from SkillOpt, and compare; ARGS=FILE for other cases than ../shared's.
	$(BIN)/python -m tests.vectors.compare $(ARGS)

mutants: venv  ## Change one line at a time, and see that a test fails: two hours at most; ARGS="--only ID" tries one.
	nice $(BIN)/python -m benchmarks.mutants $(ARGS)

fix: venv  ## Format, and repair what the linter can.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: venv  ## Write the generated reference again: docs/cli.md, docs/config.md, docs/events.md.
	$(BIN)/python -c "import cli; from pathlib import Path; from views.reference.pages import write; print(*write(cli.app, Path(\"docs\")))"

site: venv  ## The site of the docs, in site/; installs what builds it, once.
	@$(BIN)/python -c "import material" 2>/dev/null || \
		$(BIN)/python -W ignore -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[site]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q
	@echo "open site/index.html; for its search box, python3 -m http.server -d site, and http://127.0.0.1:8000" >&2

venv: $(VENV)/.installed  ## Make .venv and install into it, once.

# The stamp is what keeps later runs off the network: only a change of these two files installs again.
# --no-build-isolation: an isolated build would fetch setuptools each time, and not the one we name.
$(VENV)/.installed: pyproject.toml constraints.txt
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "stillroom needs Python 3.11 or later, and none was found; install one, or: make PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	if command -v uv >/dev/null 2>&1; then $(MAKE) --no-print-directory install-uv FOUND="$$python"; \
	else $(MAKE) --no-print-directory install-pip FOUND="$$python"; fi
	@touch $@

.PHONY: install-pip install-uv
install-pip:
	@test -x $(BIN)/python || $(FOUND) -m venv $(VENV) || { \
		echo "$(FOUND) cannot make an environment; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip --version >/dev/null || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt setuptools wheel
	$(BIN)/python -W ignore -m pip install -q --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'

install-uv:
	@test -x $(BIN)/python || uv venv -q --python "$(FOUND)" $(VENV)
	uv pip install -q --python $(BIN)/python -c constraints.txt setuptools wheel
	uv pip install -q --python $(BIN)/python -c constraints.txt --no-build-isolation -e '.[dev]'

clean:  ## Remove what was built; logs in .stillroom stay.
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
