"""Tests of the algorithm that need torch and nothing else: no pytest, no NumPy, no verl.

pytest collects them on the CPU; `python -m benchmarks.gpu_check` runs the same functions on a CUDA device.
"""
