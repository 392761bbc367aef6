"""From a model and benchmarks to scored responses on disk."""
