"""Imported by `VERL_USE_EXTERNAL_MODULES` in every process of a run; verl makes its senders of what its registry names."""

from verl_patches.contract import check

check("weight socket")

from verl.workers.rollout import base as target

target._ROLLOUT_REGISTRY["vllm", "async"] = "verl_patches.weight_socket.ends.Sender"
