"""The bucket for weights is as large as the largest tensor, as configured otherwise."""

import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from recipe.runs.preflight.model import fitting_bucket
from recipe.runs.weight_bucket import fit_weight_bucket


def config(path, megabytes):
    rollout = {"checkpoint_engine": {"update_weights_bucket_megabytes": megabytes}}
    return OmegaConf.create({"actor_rollout_ref": {"model": {"path": str(path)}, "rollout": rollout}})


def bucket(path, megabytes):
    settings = config(path, megabytes)
    fit_weight_bucket(settings)
    return settings.actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes


def test_the_largest_tensor_fits_in_float32(tmp_path):
    weights = {"embed": torch.zeros(1000, 1049, dtype=torch.bfloat16), "norm": torch.zeros(8)}  # 4.0016 MB in float32
    save_file(weights, tmp_path / "model.safetensors")
    assert bucket(tmp_path, 4) == 5
    assert bucket(tmp_path, 6) == 6


def test_the_embedding_of_smollm2():
    assert fitting_bucket(config("", 16), {"model.embed_tokens.weight": (49152, 576)}) == 108


def test_an_unknown_model_leaves_it(tmp_path):
    assert bucket("org/not-in-any-cache", 16) == 16
    assert bucket("hdfs://somewhere", 16) == 16
