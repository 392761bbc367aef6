# Two commands set everything up: `make demo` trains a tiny model on CPU, `make test` runs the tests.
PYTHON ?=
VENV := .venv
PY := $(VENV)/bin/python
RECIPE ?= htpo

.PHONY: setup demo demo-eval demo-experiment test test-fast test-cluster test-faults browser screenshot study study-report lint bench golden verdicts test-presets test-vllm test-wheel test-elsewhere gpu-acceptance audit lock clean

# The environment for CPU machines. It is made again when its requirements change.
setup: $(VENV)/.ready
$(VENV)/.ready: requirements-cpu.in requirements-cpu.txt pyproject.toml launch/setup_cpu.sh
	bash launch/setup_cpu.sh $(VENV) $(PYTHON)
	touch $@

# Train for some minutes, e.g. `make demo RECIPE=hapo ARGS="hapo.adaptive_clip=False trainer.total_training_steps=20"`.
demo: setup
	$(PY) launch/demo/run.py --recipe $(RECIPE) $(ARGS)

# Is the demo's model better than the one it began as? Evaluates both, draws the curve.
demo-eval: setup
	$(PY) launch/demo/evaluate.py --recipe $(RECIPE) $(ARGS)

# From one file to a table: two arms, two seeds, two steps each, ten minutes on 2 cores. ARGS="--status", "--dry-run".
demo-experiment: setup
	$(PY) launch/demo/experiment.py $(ARGS)

# The fast tests; then those of the real stack, the longest first. A start of the stack is busy on one core at a time, so two
# files at a time take little longer than one, where there is memory for them: a run takes 6 GB, one on two ranks 9.
AT_ONCE ?= $(shell awk '/MemAvailable/ { print ($$2 > 19000000 ? 2 : 1) }' /proc/meminfo)
test: test-fast
	$(PY) -m pytest -m "slow and not cluster" -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder $(ARGS)

# Debian's browser, for the tests of the report page, which are skipped without it; needs root.
BROWSER_PACKAGES := chromium fonts-dejavu-core
browser:
	dpkg -s $(BROWSER_PACKAGES) >/dev/null 2>&1 || (apt-get update && apt-get install -y --no-install-recommends $(BROWSER_PACKAGES))

# The picture in the README, of a run of `make demo`.
screenshot: setup
	$(PY) launch/demo/screenshot.py runs/demo-$(RECIPE) --out docs/insight.png

# A real Slurm on virtual hosts of this machine; needs root. Two of them at a time: they mostly wait for Slurm.
CLUSTER_PACKAGES := slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge iproute2
test-cluster: setup
	dpkg -s $(CLUSTER_PACKAGES) >/dev/null 2>&1 || (apt-get update && apt-get install -y --no-install-recommends $(CLUSTER_PACKAGES))
	$(PY) -m pytest -m cluster -n $(AT_ONCE) --dist load $(ARGS)

# The fault matrix, real stack: makes the cells that are missing for this commit, some two minutes each. Disks need root.
test-faults: setup
	$(PY) -m tests.faults $(ARGS)

# About six minutes on two cores: no Ray, no vLLM, two files at a time.
test-fast: setup
	$(PY) -m pytest -m "not slow and not cluster" -n 2 --dist loadfile $(ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck -x launch/*.sh tests/adaptive_temperature/other_vllm.sh tests/commands/from_pypi.sh tests/launch/elsewhere.sh launch/slurm/train.sbatch launch/slurm/job.sh launch/slurm/site.env.example .ci/run

# The miniature study: makes the runs that are missing, for hours on 2 cores; ARGS="--arms dapo htpo_paper" for some of them.
study: setup
	$(PY) -m studies.miniature.study $(ARGS)

# Its table and figures, from the committed results alone.
study-report: setup
	$(PY) -m studies.miniature.report

# Side-by-side timings on this machine as one table of ratios; ARGS=--full for the paper's size.
bench: setup
	$(PY) -m benchmarks $(ARGS)

# False positives and negatives of the reward and of other graders; an hour. ARGS="--graders ours" for some minutes.
verdicts: setup
	$(PY) -m benchmarks.verdicts $(ARGS)

# Does the project work on this machine? ARGS="platform=cpu steps=4" without a GPU; layers=a where the system's Python has torch
# and nothing else of this project. PY is the Python that has the packages.
gpu-acceptance: PY = python3
gpu-acceptance:
	$(PY) -m benchmarks.acceptance.main $(ARGS)

# Trains with each shipped preset on the CPU, only sizes overridden, and prints a table. Three minutes a preset on 2 cores.
test-presets: setup
	$(PY) -m tests.preset_runs $(ARGS)

# The adaptive temperature with another vLLM's CPU build, in an environment of its own: make test-vllm VLLM=0.28.0
VLLM ?= 0.28.0
test-vllm: setup
	tests/adaptive_temperature/other_vllm.sh $(VLLM) $(PY)

# The wheel in new environments with PyPI's packages, in runs/wheel: reports alone, then training, evaluation and report by its commands.
test-wheel: setup
	tests/commands/from_pypi.sh $(PY)

# Linters and schemas from PyPI, in environments of their own in build/: Dockerfiles, SkyPilot's YAML.
test-elsewhere: setup
	tests/launch/elsewhere.sh $(PY)

# Rewrites the curves that a test compares with; the commit says why they changed.
golden: setup
	$(PY) -m tests.token_level.golden_curve

# Known vulnerabilities of the pinned packages, asked of PyPI; ARGS="--vulnerability-service osv" asks osv.dev.
audit: setup
	PYTHON=$(PY) launch/audit.sh $(ARGS)

# Resolve the pins of both platforms anew (needs uv).
lock:
	bash launch/lock.sh

# What can be made again. What was trained, in runs/, and Hydra's records of it, in outputs/, are yours to remove.
clean:
	rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
