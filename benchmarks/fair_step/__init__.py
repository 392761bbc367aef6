"""Steps of HTPO, HAPO and DAPO on the same replayed rollouts: `python -m benchmarks.fair_step`."""
