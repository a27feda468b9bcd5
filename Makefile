# Everything a fresh machine with python3 (3.11 to 3.14), make and git needs:
#   make try         the whole way at a tiny size, in a copy of this folder
#   make reproduce   fetch, train, evaluate, analyse and render from nothing; then list the numbers
#                    that differ from the committed ones
#   make paper       render the committed results
#   make test        all checks and tests
#   make diff        what this branch changes in the paper's numbers (BASE=main)
# The everyday way is `dvc repro` and `quarto render` inside the environment (.venv).

PYTHON ?= python3
BASE ?= main
# The threads of two processes would slow each other, so each has one
TEST_PROCESSES ?= 2
UV := uv==0.13.9
export PATH := $(CURDIR)/.venv/bin:$(PATH)
STAMP := .venv/.installed

# uv does not read pip's own settings: where packages come from, and a CPU wheel of torch on disk
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_EXTRA_INDEX_URL
export UV_INDEX ?= $(PIP_EXTRA_INDEX_URL)
endif

.PHONY: try reproduce paper test diff environment data constraints clean

try: environment
	@python -m experiments.reproduce --try

reproduce: environment
	@python -m experiments.reproduce

paper: environment
	python -m experiments.render

test: environment data
	ruff check .
	ruff format --check .
	mypy
	OMP_NUM_THREADS=1 python -m pytest -n $(TEST_PROCESSES) --dist loadfile

diff: environment
	@python -m experiments.diff $(BASE)

environment: $(STAMP)

data: environment
	python -m experiments.fetch

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.11 to 3.14 is needed; name it: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up .venv (once; a few minutes)"
	@.venv/bin/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2> /dev/null || \
		$(PYTHON) -m venv --clear .venv  # none, or one that was interrupted
	@.venv/bin/python -m pip install --quiet $(UV)
	@.venv/bin/uv pip install --quiet --compile-bytecode -c constraints.txt -e '.[test]'
	@touch $@

# Pins with the sha256 of every file that the index offers, which uv compares. The pins are made with
# torch's version written in and without its hashes: as a constraint the same line admits the CUDA
# build on a GPU machine and a CPU wheel that lies on disk.
constraints: environment
	echo 'torch==2.13.0' | uv pip compile --quiet --no-header --no-annotate --generate-hashes \
		--extra test pyproject.toml - | python -c 'import re, sys; print(re.sub( \
		r"(?m)^(torch==[\d.]+)\S* \\\n(    --hash=\S+( \\)?\n)+", r"\1\n", sys.stdin.read()), end="")' \
		> constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf _site _try prepared curated adapters outcomes .printed
