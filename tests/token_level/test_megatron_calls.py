"""How verl's Megatron engine, which cannot be imported without Megatron, calls a loss: read in its text, and done here."""

import ast
import importlib.util
from pathlib import Path

import pytest
import torch

from recipe.htpo import HTPOConfig
from recipe.token_level.loss import TokenFieldsLoss

ENGINES = {"fsdp": "FSDPEngineWithLMHead.forward_step", "megatron": "MegatronEngineWithLMHead.postprocess_micro_batch_func"}


def method(engine):
    """A method of verl's engine, as a syntax tree; nothing of it is imported."""
    folder = Path(importlib.util.find_spec("verl").submodule_search_locations[0])
    tree = ast.parse((folder / "workers/engine" / engine / "transformer_impl.py").read_text())
    owner, name = ENGINES[engine].split(".")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner]
    return next(node for node in classes[0].body if isinstance(node, ast.FunctionDef) and node.name == name)


def calls_of(name, tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_calls_the_loss_once_with_three_names(engine):
    (call,) = calls_of("loss_function", method(engine))
    assert not call.args
    assert [keyword.arg for keyword in call.keywords] == ["model_output", "data", "dp_group"]


def test_megatron_takes_the_loss_as_a_tensor_and_the_metrics_as_they_are():
    text = ast.unparse(method("megatron"))
    for piece in ("scaled_loss = loss * data['num_micro_batch']", "loss.detach().item()", "'metrics': metrics"):
        assert piece in text


def test_the_loss_of_a_call_by_name_is_a_scalar_with_a_gradient(case, actor_config):
    _, _, output, data = case
    log_probs = output["log_probs"].values().detach().clone().requires_grad_()
    output["log_probs"] = torch.nested.nested_tensor_from_jagged(log_probs, output["log_probs"].offsets())
    wrapper = TokenFieldsLoss(actor_config(), "recipe.htpo.plugin", ("token_groups",), HTPOConfig())
    loss, metrics = wrapper(model_output=output, data=data, dp_group=object())
    assert loss.dim() == 0
    assert metrics["actor/pg_loss"].aggregate() == pytest.approx(loss.item())
    assert torch.autograd.grad(loss, log_probs)[0].abs().sum() > 0
