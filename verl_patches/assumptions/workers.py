"""Assumptions about agent loops, training ranks and vLLM, and the way of the weights between the last two."""

from verl_patches.assumptions.kind import Assumption, part
from verl_patches.guard import Absent, Accepts, Exists, Says, Signature

_WORKER = "verl.trainer.ppo.v1.agent_loop_tq.AgentLoopWorkerTQ.__ray_actor_class__."
_MANAGER = "verl.trainer.ppo.v1.agent_loop_tq.AgentLoopManagerTQ."
_SAMPLING = "vllm.v1.sample."

WORKERS: tuple[Assumption, ...] = (
    # Agent loops.
    *part(
        "agent loop",
        "verl_patches.agent_loop",
        ("__init__", Signature("self", "*args", "**kwargs")),
        ("_run_agent_loop", Signature("self", "sampling_params", "trajectory", "agent_name", "trace", "**kwargs")),
        ("_run_prompt", Says("run_sampling_params, trajectory=trajectory, trace=trace, session_id=i, **prompt")),
        ("run_session", Absent()),
        under=_WORKER,
    ),
    *part(
        "agent loop",
        "verl_patches.agent_loop",
        ("__init__", Signature("self", "*args", "**kwargs")),
        ("__init__", Says("self.agent_loop_workers_class = AgentLoopWorkerTQ")),
        ("generate_sequences", Signature("self", "prompts")),
        ("_init_agent_loop_workers", Says("self.agent_loop_workers_class.options(")),
        under=_MANAGER,
    ),
    *part(
        "agent loop",
        "recipe.adaptive_temperature.rollout",
        ("verl.utils.tensordict_utils.assign_non_tensor_data", Accepts("tensor_dict", "key", "val")),
        ("verl.experimental.agent_loop.agent_loop.AgentLoopWorker._run_agent_loop", Says("agent_loop.run(sampling_params")),
    ),
    # The ranks.
    *part(
        "rank",
        "recipe.token_level.loss",
        ("verl.workers.utils.losses.ppo_loss", Signature("config", "model_output", "data", "dp_group")),
        (
            "verl.workers.utils.losses.ppo_loss",
            Says(
                *('model_output["log_probs"]', 'model_output.get("entropy"', 'config.global_batch_info["dp_size"]'),
                # The method's fields are padded as these are, to the longest response of the micro-batch.
                *('["response_mask", "old_log_probs", "advantages"]', "data.select(*fields).to_padded_tensor()"),
                *("get_policy_loss_fn(loss_mode)", "old_log_prob=old_log_prob", "rollout_is_weights=rollout_is_weights"),
            ),
        ),
    ),
    *part(
        "rank",
        "recipe.token_level.device_metrics",
        # What it keeps instead of numbers, and how verl gathers them over micro-batches.
        ("metric.Metric.__init__", Says("self.aggregation =", "self.values = []")),
        ("metric.Metric", Accepts("aggregation", "value")),
        ("metric.AggregationType.SUM", Exists()),
        ("py_functional.append_to_dict", Says("val.init_list() if isinstance(val, Metric)", "data[new_key].append(val)")),
        under="verl.utils.",
    ),
    *part(
        "FSDP rank",
        "verl_patches.checkpoints.weights_only",
        (
            "checkpoint.fsdp_checkpoint_manager.FSDPCheckpointManager.load_checkpoint",
            Says("torch.load(local_model_path", "torch.load(local_optim_path", "torch.load(local_extra_state_path"),
        ),
        ("fsdp_utils.fsdp_version", Accepts("model")),
        under="verl.utils.",
    ),
    *part(
        "FSDP rank",
        "verl_patches.checkpoints.other_ranks",
        (
            "fsdp_checkpoint_manager.FSDPCheckpointManager.load_checkpoint",
            Says(
                *('f"model_world_size_{self.world_size}_rank_{self.rank}.pt"', "is_lora_only_state_dict(model_state_dict)"),
                *("load_state_dict(model_state_dict, strict=False)", "self.model.load_state_dict(model_state_dict)"),
                *('f"optim_world_size_{self.world_size}_rank_{self.rank}.pt"', "self.optimizer.load_state_dict("),
                *('f"extra_state_world_size_{self.world_size}_rank_{self.rank}.pt"', 'load_rng_state(extra_state_dict["rng"])'),
                *('extra_state_dict["lr_scheduler"]', "self.lr_scheduler.load_state_dict(", "torch.distributed.barrier()"),
            ),
        ),
        (
            "fsdp_checkpoint_manager.FSDPCheckpointManager.save_checkpoint",
            Says("self.optimizer.state_dict()", '"fsdp_config.json"'),
        ),
        ("fsdp_checkpoint_manager.FSDPConfig", Accepts("FSDP_version", "world_size")),
        ("checkpoint_manager.BaseCheckpointManager.should_load_extra", Exists()),
        under="verl.utils.checkpoint.",
    ),
    *part(
        "FSDP rank",
        "verl_patches.checkpoints.own_rates",
        (
            "checkpoint.fsdp_checkpoint_manager.FSDPCheckpointManager.load_checkpoint",
            Says("self.optimizer.load_state_dict(", "self.lr_scheduler.load_state_dict("),
        ),
        ("torch_functional.get_constant_schedule_with_warmup", Says("return LambdaLR(optimizer, lr_lambda, last_epoch)")),
        ("torch_functional.get_cosine_schedule_with_warmup", Says("return LambdaLR(optimizer, lr_lambda, last_epoch)")),
        under="verl.utils.",
    ),
    *part(
        "FSDP rank",
        "verl_patches.checkpoints.shards_once",
        (
            "save_checkpoint",
            Says(
                *("local_mkdir_safe(local_path)", 'f"model_world_size_{self.world_size}_rank_{self.rank}.pt"'),
                *('f"optim_world_size_{self.world_size}_rank_{self.rank}.pt"', "if self.should_save_model:"),
                *("if self.should_save_optimizer:", "torch.distributed.barrier()"),
            ),
        ),
        ("should_save_model", Exists()),
        under="verl.utils.checkpoint.fsdp_checkpoint_manager.FSDPCheckpointManager.",
    ),
    # vLLM.
    *part(
        "vLLM server",
        "verl_patches.ray_processes",
        ("vllm.utils.system_utils.set_process_title", Says("envs.VLLM_PROCESS_NAME_PREFIX", 'f"{prefix}::{name}"')),
        ("vllm.envs.VLLM_PROCESS_NAME_PREFIX", Exists("VLLM")),
    ),
    *part(
        "vLLM worker",
        "recipe.adaptive_temperature.logits_processor",
        # Processors run after the division by the temperature, and before top-k, top-p and processed log-probs.
        (
            "sampler.Sampler.sample",
            Says(
                "self.apply_temperature(", "logitsprocs.argmax_invariant", "processor.apply(logits)", "self.topk_topp_sampler("
            ),
        ),
        ("sampler.Sampler.forward", Says("logits.to(torch.float32)", "self.apply_logits_processors(", "self.sample(")),
        ("sampler.Sampler.apply_temperature", Says("_SAMPLING_EPS", "logits.div_(temp.unsqueeze(dim=1))")),
        ("sampler._SAMPLING_EPS", Exists(1e-5)),
        ("logits_processor.BatchUpdate", Signature("batch_size", "removed", "added", "moved")),
        ("logits_processor.MoveDirectionality.SWAP", Exists()),
        ("logits_processor.LogitsProcessor.__init__", Signature("self", "vllm_config", "device", "is_pin_memory")),
        ("logits_processor.LogitsProcessor.apply", Signature("self", "logits")),
        ("logits_processor.LogitsProcessor.update_state", Signature("self", "batch_update")),
        ("logits_processor.LogitsProcessor.is_argmax_invariant", Signature("self")),
        ("logits_processor.LogitsProcessor.validate_params", Signature("sampling_params")),
        under=_SAMPLING,
    ),
    *part("vLLM worker", "recipe.adaptive_temperature.logits_processor", ("vllm.SamplingParams.extra_args", Exists())),
    *part("vLLM worker", "recipe.adaptive_temperature.rollout_config", ("vllm.envs.VLLM_USE_V2_MODEL_RUNNER", Exists())),
    # The weight sync's socket: its path is made in these two places and read from nowhere else.
    *part(
        "weight socket",
        "verl_patches.weight_socket.registered",
        ("_ROLLOUT_REGISTRY", Exists()),
        ("get_rollout_class", Says("_ROLLOUT_REGISTRY[(rollout_name, mode)]", 'rsplit(".", 1)')),
        under="verl.workers.rollout.base.",
    ),
    *part(
        "vLLM weights",
        "verl_patches.weight_socket.ends",
        ("utils.vLLMColocateWorkerExtension.__new__", Signature("cls", "**kwargs")),
        ("vllm_rollout.ServerAdapter.__init__", Says('self.zmq_handle = f"ipc:///tmp/rl-colocate-zmq-{job_id}-replica-')),
        ("utils.vLLMColocateWorkerExtension._get_zmq_handle", Says('return f"ipc:///tmp/rl-colocate-zmq-{job_id}-replica-')),
        # For the sums of what is sent and held, which are made on demand.
        ("vllm_rollout.ServerAdapter.update_weights", Accepts("weights")),
        ("utils.vLLMColocateWorkerExtension.update_weights_from_ipc", Says("self._iter_all_models()")),
        ("utils.vLLMColocateWorkerExtension._iter_all_models", Says("yield self.model_runner.model")),
        under="verl.workers.rollout.vllm_rollout.",
    ),
    *part(
        "vLLM weights",
        "verl_patches.orphans",
        ("vllm.v1.engine.core.EngineCoreProc.run_engine_core", Says('"EngineCore"', "set_process_title(process_title)")),
        ("vllm.envs.VLLM_PROCESS_NAME_PREFIX", Exists()),
    ),
    *part(
        "vLLM server",
        "verl_patches.weight_socket",
        (
            "verl.workers.rollout.vllm_rollout.vllm_async_server.vLLMHttpServer._get_worker_extension_cls",
            Says('"verl.workers.rollout.vllm_rollout.utils.vLLMColocateWorkerExtension"'),
        ),
    ),
)
