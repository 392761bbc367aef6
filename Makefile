# Two commands set everything up: `make demo` trains a tiny model on CPU, `make test` runs the tests.
PYTHON ?= python3.11
VENV := .venv
PY := $(VENV)/bin/python
OBJECTIVES ?= htpo

.PHONY: setup demo test test-fast lint bench gpu-check lock clean

# The environment for CPU machines. It is made again when its requirements change.
setup: $(VENV)/.ready
$(VENV)/.ready: requirements-cpu.in requirements-cpu.txt pyproject.toml launch/setup_cpu.sh
	bash launch/setup_cpu.sh $(PYTHON) $(VENV)
	touch $@

# Train with HTPO for some minutes, e.g. `make demo OBJECTIVES=dapo ARGS="trainer.total_training_steps=20"`.
demo: setup
	$(PY) launch/demo/run.py --objectives $(OBJECTIVES) $(ARGS)

test: setup
	$(PY) -m pytest $(ARGS)

# Under two minutes: no Ray, no vLLM.
test-fast: setup
	$(PY) -m pytest -m "not slow" $(ARGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/shellcheck launch/*.sh .ci/run

# Side-by-side timings on this machine.
bench: setup
	$(PY) -m benchmarks.loss

# On a CUDA machine where the system's Python has torch and nothing else of this project.
gpu-check:
	python3 -m benchmarks.gpu_check

# Resolve the pins of both platforms anew (needs uv).
lock:
	bash launch/lock.sh

clean:
	rm -rf runs outputs build *.egg-info .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
