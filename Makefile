# Two commands do everything on a fresh machine with python3.11, make and git:
#   make reproduce   fetch, train, evaluate, analyse and render from nothing; then list the numbers
#                    that differ from the committed ones
#   make test        the tests
# The everyday way is `dvc repro` and `quarto render` inside the environment (.venv).

PYTHON ?= python3
BASE ?= main
# uv does not read pip's own setting; a CPU wheel of torch that lies on disk is found through this
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
STAMP := .venv/.installed

.PHONY: environment data reproduce paper test diff constraints clean

reproduce: environment data
	dvc repro --force
	python -m experiments.diff HEAD --report-only

paper: environment
	python -m experiments.render

test: environment data
	ruff check .
	python -m pytest

diff: environment
	python -m experiments.diff $(BASE)

environment: $(STAMP)

data: environment
	python -m experiments.fetch

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
		{ echo "Python 3.11 or 3.12 is needed; name it: make PYTHON=python3.11 ..."; exit 1; }
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip install --quiet --compile-bytecode -c constraints.txt -e '.[test]'
	touch $@

# The pins are made with torch's version written in; as a constraint the same file admits the CUDA
# build on a GPU machine and a CPU wheel that lies on disk.
constraints: environment
	echo 'torch==2.13.0' | uv pip compile --quiet --no-header --no-annotate --extra test \
		pyproject.toml - | sed -E 's/\+cpu$$//' > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf _site prepared curated adapters outcomes .printed
