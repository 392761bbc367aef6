"""Timings. Only ratios of what was measured side by side in one run are worth quoting."""
