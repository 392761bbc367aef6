"""The list: what this project assumes of verl, Ray, vLLM, TransferQueue and torch beyond their documented interfaces."""

from __future__ import annotations

from dataclasses import dataclass

from verl_patches.guard import MEND, Absent, Accepts, Exists, Expectation, Says, Signature, Source, fault, installed

# Which process checks a part, and where.
PROCESSES = {
    "driver": "the launcher and the preflight, before the plugin is looked for",
    "plugin": "every process that imports verl, when a method's plugin is imported",
    "task runner": "the trainer's process, when the trainers are registered",
    "agent loop": "the trainer's process and the agent-loop workers, with adaptive temperatures",
    "rank": "each training rank, when the loss function arrives",
    "FSDP rank": "each training rank with FSDP, at the same time",
    "vLLM server": "each vLLM server, when the watchdog asks it who it is",
    "vLLM worker": "each vLLM worker, with adaptive temperatures",
    "preflight": "the preflight, before it asks a cluster",
    "evaluation": "an evaluation, before it starts the servers",
    "submission": "launch/submit.py, before it talks to the job server",
    "Slurm": "launch/slurm/wait_for_nodes.py",
    "weight socket": "every process of a run that imports verl",
    "vLLM weights": "training ranks and vLLM workers, when verl makes its two ends of the weight sync",
    "CPU": "every process on the platform `cpu`",
    "vLLM worker on the CPU": "each vLLM worker on the platform `cpu`",
}


@dataclass(frozen=True)
class Assumption:
    """One thing, by its dotted name, what is assumed of it, and the module of this project that relies on it."""

    process: str
    name: str
    expectation: Expectation
    user: str

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def refusal(self) -> str | None:
        """The sentence that says what is not as assumed; None if all is well."""
        found = fault(self.name, self.expectation)
        if found is None:
            return None
        return f"{self.name} of {installed(self.package)} {found}, and {self.user} relies on it: {MEND}"


def _part(process: str, user: str, *pairs: tuple[str, Expectation], under: str = "") -> list[Assumption]:
    return [Assumption(process, under + name, expectation, user) for name, expectation in pairs]


_TRAINER = "verl.trainer.ppo.v1.trainer_base.PPOTrainer."
_BUFFER = "verl.trainer.ppo.v1.replay_buffer.ReplayBuffer."
_WORKER = "verl.trainer.ppo.v1.agent_loop_tq.AgentLoopWorkerTQ.__ray_actor_class__."
_MANAGER = "verl.trainer.ppo.v1.agent_loop_tq.AgentLoopManagerTQ."
_SAMPLING = "vllm.v1.sample."
_JOBS = "ray.dashboard.modules.dashboard_sdk.SubmissionClient."
_PACKAGING = "ray._private.runtime_env.packaging."
_PLATFORM = "verl.plugin.platform."

ASSUMPTIONS: tuple[Assumption, ...] = (
    # The driver: verl's own entry, to which a task runner of ours is given.
    *_part(
        "driver",
        "verl_patches.driver",
        ("run_ppo", Signature("config", "task_runner_class")),
        # The actor is made after ray.init, by these two calls and no others, and its `run` gets the config.
        ("run_ppo", Source("a65eddb189e5")),
        ("TaskRunnerV1.__ray_actor_class__.run", Signature("self", "config")),
        (
            "TaskRunnerV1.__ray_actor_class__.run",
            Says("get_trainer_cls(config.trainer.v1.trainer_mode)", "self.trainer =", ".init()", ".fit(", "tq.close()"),
        ),
        ("TaskRunnerV1.__ray_actor_class__.__init__", Says("self.trainer = None")),
        under="verl.trainer.main_ppo.",
    ),
    *_part(
        "driver",
        "recipe.runs.start_checks",
        ("verl.utils.config.validate_config", Accepts("config", "use_reference_policy", "use_critic")),
        ("verl.utils.device.auto_set_device", Accepts("config")),
        ("verl.trainer.ppo.utils.need_critic", Accepts("config")),
        ("verl.trainer.ppo.utils.need_reference_policy", Accepts("config")),
    ),
    *_part(
        "driver",
        "recipe.runs.reward_function",
        ("verl.trainer.ppo.reward.get_custom_reward_fn", Accepts("config")),
        (
            "verl.utils.reward_score.default_compute_score",
            Accepts("data_source", "solution_str", "ground_truth", "extra_info"),
        ),
    ),
    # The registries that a plugin enters.
    *_part(
        "plugin",
        "recipe.token_level.method",
        ("register_adv_est", Accepts("name_or_enum")),
        ("register_policy_loss", Accepts("name")),
        ("ADV_ESTIMATOR_REGISTRY", Exists()),
        ("POLICY_LOSS_REGISTRY", Exists()),
        # The losses call it with these, and with what config.global_batch_info holds, by name.
        (
            "agg_loss",
            Accepts(
                *("loss_mat", "loss_mask", "loss_agg_mode"),
                *("dp_size", "batch_num_tokens", "global_batch_size", "loss_scale_factor"),
            ),
        ),
        under="verl.trainer.ppo.core_algos.",
    ),
    # The trainer: what trainer_hooks overrides, calls and reads.
    *_part(
        "task runner",
        "verl_patches.trainer_hooks",
        ("__init__", Signature("self", "config")),
        ("_compute_advantage", Signature("self", "batch", "metrics")),
        ("_update_actor", Signature("self", "batch", "metrics")),
        ("_save_checkpoint", Signature("self")),
        ("_load_checkpoint", Signature("self")),
        ("_validate", Signature("self")),
        ("_build_replay_buffer", Signature("self")),
        ("_rollout_server_managers", Signature("self")),
        *((hook, Absent()) for hook in ("advantage_step", "actor_step", "save", "load", "validate", "made_replay_buffer")),
        *((hook, Absent()) for hook in ("made_loggers", "data_parallel_ranks", "rank_actors", "server_actors")),
        *((hook, Absent()) for hook in ("reward_actors", "issue_prompts", "pause_rollouts", "closed")),
        ("_add_batch_to_generate", Signature("self")),
        ("prepare_step", Says("self._add_batch_to_generate()")),
        ("_setup", Says("self.reward_loop_manager", "self.checkpoint_manager")),
        # `self.logger` is assigned once, before anything is logged. Actor metrics get the prefix, and none but it.
        ("fit", Says("self.agent_loop_manager = agent_loop_manager", "self.logger = Tracking(", "self.logger.log(")),
        ("_update_actor", Says('rename_dict(output["metrics"], "actor/")', "metrics.update(")),
        ("_balance_batch", Says('"actor", self.actor_rollout_wg', "_dispatch_info[role]", "max(dp_rank_mapping) + 1")),
        under=_TRAINER,
    ),
    *_part(
        "task runner",
        "verl_patches.trainer_hooks",
        ("verl.utils.tracking.Tracking.__init__", Says("self.logger = {}", 'self.logger["console"]')),
        (
            "verl.utils.tracking.Tracking.log",
            Says("in self.logger.items()", "logger_instance.log(data=data, step=step)"),
        ),
        ("verl.workers.rollout.llm_server.LLMServerManager.get_replicas", Signature("self")),
        ("verl.workers.rollout.replica.RolloutReplica.__init__", Says("self.servers")),
        ("verl.single_controller.base.worker_group.WorkerGroup.__init__", Says("self._dispatch_info = {}")),
        ("verl.single_controller.ray.base.RayWorkerGroup.workers", Exists()),
    ),
    *_part(
        "task runner",
        "verl_patches.separate_async",
        ("verl.trainer.ppo.v1.trainer_separate_async.PPOTrainerSeparateAsync._setup", Says("logger.info(", "flush=True")),
    ),
    *_part(
        "task runner",
        "recipe.runs.recovery",
        ("on_init_end", Signature("self")),
        ("on_step_begin", Signature("self")),
        ("on_step_end", Signature("self")),
        ("fit", Signature("self", "agent_loop_manager")),
        # A step is over when its checkpoint is saved and the weights are sent; its metrics are logged after a validation.
        (
            "fit",
            Says(
                *("self.timing_raw = {}", "self.on_step_begin()", "self.step(metrics, self.timing_raw)"),
                *("self._save_checkpoint()", "self.on_step_end()", "self._validate()", "metrics.update(val_metrics)"),
                *("tq.kv_clear(", "self.logger.log(", "self.global_steps += 1"),
            ),
        ),
        ("init", Says("self._setup()", "self.on_init_end()")),
        ("_setup", Says("self.actor_rollout_wg", "self.llm_server_manager", "self._load_checkpoint()")),
        ("_init_dataloader", Says("self.steps_per_epoch =", "self.total_training_steps =")),
        under=_TRAINER,
    ),
    *_part(
        "task runner",
        "recipe.runs.checkpoints",
        ("_save_checkpoint", Says('f"global_step_{self.global_steps}"', '"async_save"', "latest_checkpointed_iteration.txt")),
        (
            "_load_checkpoint",
            Says("self.global_steps = 0", '"auto"', "find_latest_ckpt_path(", '"resume_path"', "self.global_steps = int("),
        ),
        under=_TRAINER,
    ),
    *_part(
        "task runner",
        "recipe.token_level.trainer",
        # The fields of the batch, and the order in which a step fills them.
        ("_compute_old_log_prob", Says('"calculate_entropy": True', 'data["old_log_probs"] =', 'data["entropy"] =')),
        ("_compute_advantage", Says("compute_advantage_for_multi_trajectories(", '"advantages"', "tq.kv_batch_put(")),
        (
            "_step_once",
            Says("self.replay_buffer.sample(", "_compute_old_log_prob(", "self._compute_advantage(", "self._update_actor("),
        ),
        ("__init__", Says("self.trainer_mode = self.config.trainer.v1.trainer_mode")),
        ("fit", Says("metrics.pop(DAPO_FILTERED_REWARD_COUNTS_KEY")),
        under=_TRAINER,
    ),
    *_part(
        "task runner",
        "recipe.token_level.trainer",
        ("verl.trainer.ppo.v1.replay_buffer.DAPO_FILTERED_REWARD_COUNTS_KEY", Exists()),
        ("verl.trainer.ppo.padding_utils.construct_minimal_padding_template", Says("is_padding=True")),
        ("verl.workers.engine_workers.ActorRolloutRefWorker.set_loss_fn", Accepts("loss_fn")),
        ("verl.utils.config.omega_conf_to_dataclass", Accepts("config")),
        ("verl.utils.debug.marked_timer", Accepts("name", "timing_raw")),
        ("verl.workers.utils.padding.response_to_nested", Accepts("tensor", "response_mask")),
        ("transfer_queue.kv_batch_get", Accepts("keys", "partition_id", "select_fields")),
        ("transfer_queue.kv_batch_put", Accepts("keys", "partition_id", "fields")),
    ),
    *_part(
        "task runner",
        "recipe.runs.token_dump.collect",
        ("verl.workers.engine_workers.ActorRolloutRefWorker.compute_log_prob", Accepts("data")),
        ("verl.workers.utils.padding.response_from_nested", Accepts("tensor", "response_mask")),
        ("verl.utils.tensordict_utils.index_select_tensor_dict", Accepts("batch", "indices")),
        ("verl.utils.tensordict_utils.assign_non_tensor", Accepts("tensor_dict")),
    ),
    *_part(
        "task runner",
        "verl_patches.replay_buffer",
        ("_sync_metadata_from_transfer_queue", Signature("self")),
        ("_sync_metadata_from_transfer_queue", Source("489dc320fdce")),
        ("_evict_terminal_groups", Signature("self", "global_steps", "partition_id", "eviction_reasons")),
        ("_evict_terminal_groups", Says("stale_uids, dapo_uids, failed_uids, dapo_counts = eviction_reasons")),
        ("sample", Says("self._sync_metadata_from_transfer_queue()", "self._evict_terminal_groups(", "self.refill_fn(")),
        ("sample", Says("with no materializable trajectories")),
        *(("__init__", Says(f"self.{kind}_keys")) for kind in ("pending", "running", "finished", "failure")),
        ("__init__", Says("self.poll_interval = poll_interval")),
        under=_BUFFER,
    ),
    *_part(
        "task runner",
        "recipe.token_level.rows",
        # Row keys {uid}_{session}_{output}, the tags and the fields of a row.
        (
            "_agent_loop_postprocess",
            Says('keys.append(f"{uid}_{session_id}_{i}")', "field = output.as_dict()", '"response_len": response_len'),
        ),
        ("_agent_loop_postprocess", Says('extra_fields["reward_extra_info"]')),
        under=_WORKER,
    ),
    *_part(
        "task runner",
        "recipe.token_level.rows",
        (
            "verl.trainer.ppo.padding_utils.upsample_batch_to_divisible_size",
            Says('pad_keys.append(f"{pad_uid}_{local_idx}_0")'),
        ),
    ),
    # Agent loops.
    *_part(
        "agent loop",
        "verl_patches.agent_loop",
        ("__init__", Signature("self", "*args", "**kwargs")),
        ("_run_agent_loop", Signature("self", "sampling_params", "trajectory", "agent_name", "trace", "**kwargs")),
        ("_run_prompt", Says("run_sampling_params, trajectory=trajectory, trace=trace, session_id=i, **prompt")),
        ("run_session", Absent()),
        under=_WORKER,
    ),
    *_part(
        "agent loop",
        "verl_patches.agent_loop",
        ("__init__", Signature("self", "*args", "**kwargs")),
        ("__init__", Says("self.agent_loop_workers_class = AgentLoopWorkerTQ")),
        ("generate_sequences", Signature("self", "prompts")),
        ("_init_agent_loop_workers", Says("self.agent_loop_workers_class.options(")),
        under=_MANAGER,
    ),
    *_part(
        "agent loop",
        "recipe.adaptive_temperature.rollout",
        ("verl.utils.tensordict_utils.assign_non_tensor_data", Accepts("tensor_dict", "key", "val")),
        ("verl.experimental.agent_loop.agent_loop.AgentLoopWorker._run_agent_loop", Says("agent_loop.run(sampling_params")),
    ),
    # The ranks.
    *_part(
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
    *_part(
        "rank",
        "recipe.token_level.device_metrics",
        # What it keeps instead of numbers, and how verl gathers them over micro-batches.
        ("metric.Metric.__init__", Says("self.aggregation =", "self.values = []")),
        ("metric.Metric", Accepts("aggregation", "value")),
        ("metric.AggregationType.SUM", Exists()),
        ("py_functional.append_to_dict", Says("val.init_list() if isinstance(val, Metric)", "data[new_key].append(val)")),
        under="verl.utils.",
    ),
    *_part(
        "FSDP rank",
        "verl_patches.checkpoints.weights_only",
        (
            "checkpoint.fsdp_checkpoint_manager.FSDPCheckpointManager.load_checkpoint",
            Says("torch.load(local_model_path", "torch.load(local_optim_path", "torch.load(local_extra_state_path"),
        ),
        ("fsdp_utils.fsdp_version", Accepts("model")),
        under="verl.utils.",
    ),
    *_part(
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
    *_part(
        "vLLM server",
        "verl_patches.ray_processes",
        ("vllm.utils.system_utils.set_process_title", Says("envs.VLLM_PROCESS_NAME_PREFIX", 'f"{prefix}::{name}"')),
        ("vllm.envs.VLLM_PROCESS_NAME_PREFIX", Exists("VLLM")),
    ),
    *_part(
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
    *_part("vLLM worker", "recipe.adaptive_temperature.logits_processor", ("vllm.SamplingParams.extra_args", Exists())),
    *_part("vLLM worker", "recipe.adaptive_temperature.rollout_config", ("vllm.envs.VLLM_USE_V2_MODEL_RUNNER", Exists())),
    # Ray, outside of verl's part of a run.
    *_part(
        "preflight",
        "verl_patches.ray_cluster",
        ("ray._private.services.canonicalize_bootstrap_address", Accepts("addr", "temp_dir")),
        ("ray._private.state.available_resources_per_node", Signature()),
    ),
    *_part(
        "preflight",
        "recipe.runs.preflight",
        ("verl.utils.model.update_model_config", Accepts("module_config", "override_config_kwargs")),
        ("verl.utils.model.get_hf_auto_model_class", Accepts("hf_config")),
        ("verl.utils.torch_dtypes.PrecisionType.to_dtype", Accepts("precision")),
        ("verl.utils.device.get_resource_name", Signature()),
    ),
    *_part(
        "evaluation",
        "recipe.rlvr_math.evaluation.serve",
        ("LLMServerManager.create", Accepts("config")),
        ("LLMServerManager.get_client", Exists()),
        ("LLMServerClient.generate", Accepts("request_id", "prompt_ids", "sampling_params")),
        under="verl.workers.rollout.llm_server.",
    ),
    *_part(
        "submission",
        "verl_patches.ray_jobs",
        ("_do_request", Signature("self", "method", "endpoint", "data", "json_data", "**kwargs")),
        ("_do_request", Says("requests.request(", "**kwargs", "raise AuthenticationError")),
        ("_raise_error", Signature("self", "r")),
        ("__init__", Says("self._headers =")),
        ("request", Absent()),
        ("refuse", Absent()),
        ("headers", Absent()),
        under=_JOBS,
    ),
    *_part(
        "submission",
        "verl_patches.ray_packaging",
        ("_dir_travel", Accepts("path", "excludes", "handler", "include_gitignore")),
        ("_get_excludes", Accepts("path", "excludes")),
        under=_PACKAGING,
    ),
    *_part(
        "submission",
        "verl_patches.ray_packaging",
        ("RAY_RUNTIME_ENV_IGNORE_GITIGNORE", Exists()),
        ("get_runtime_env_default_excludes", Signature()),
        under="ray._private.ray_constants.",
    ),
    *_part(
        "Slurm",
        "verl_patches.ray_gcs",
        ("ray._raylet.GcsClient", Exists()),
        ("ray._raylet.InnerGcsClient.get_all_node_info", Exists()),  # to which the other delegates
        ("ray.core.generated.gcs_pb2.GcsNodeInfo.ALIVE", Exists()),
    ),
    # The platform `cpu`.
    *_part(
        "vLLM server",
        "verl_patches.weight_socket",
        (
            "verl.workers.rollout.vllm_rollout.vllm_async_server.vLLMHttpServer._get_worker_extension_cls",
            Says('"verl.workers.rollout.vllm_rollout.utils.vLLMColocateWorkerExtension"'),
        ),
    ),
    # The weight sync's socket: its path is made in these two places and read from nowhere else.
    *_part(
        "weight socket",
        "verl_patches.weight_socket.registered",
        ("_ROLLOUT_REGISTRY", Exists()),
        ("get_rollout_class", Says("_ROLLOUT_REGISTRY[(rollout_name, mode)]", 'rsplit(".", 1)')),
        under="verl.workers.rollout.base.",
    ),
    *_part(
        "vLLM weights",
        "verl_patches.weight_socket.ends",
        ("vllm_rollout.ServerAdapter.__init__", Says('self.zmq_handle = f"ipc:///tmp/rl-colocate-zmq-{job_id}-replica-')),
        ("utils.vLLMColocateWorkerExtension._get_zmq_handle", Says('return f"ipc:///tmp/rl-colocate-zmq-{job_id}-replica-')),
        under="verl.workers.rollout.vllm_rollout.",
    ),
    *_part(
        "CPU",
        "verl_patches.cpu",
        ("platform_base.PlatformBase.communication_backend_name", Signature("self")),
        ("platform_base.PlatformBase.is_platform_available", Signature("self", "use_smi_check")),
        ("platform_manager.PlatformRegistry.register", Accepts("platform")),
        under=_PLATFORM,
    ),
    *_part(
        "CPU",
        "verl_patches.cpu.process_group",
        ("verl.utils.distributed.initialize_global_process_group_ray", Source("761a94d1a2e0")),
    ),
    *_part("CPU", "verl_patches.cpu.offload", ("verl.utils.fsdp_utils.CPUOffloadPolicy", Accepts("pin_memory"))),
    *_part(
        "CPU",
        "verl_patches.cpu.ulysses",
        ("all_to_all_tensor", Signature("local_input", "scatter_dim", "gather_dim", "group", "async_op")),
        ("SeqAllToAll.forward", Says("all_to_all_tensor(")),
        under="verl.utils.ulysses.",
    ),
    *_part(
        "CPU",
        "verl_patches.cpu.flash_attention",
        ("_lazy_imports", Signature("implementation", "attention_wrapper", "allow_all_kernels")),
        ("_lazy_imports", Says("flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache, pad_input, unpad_input")),
        ("_pad_input", Signature("hidden_states", "indices", "batch", "seqlen")),
        ("_unpad_input", Signature("hidden_states", "attention_mask", "unused_mask")),
        ("FLASH_ATTENTION_COMPATIBILITY_MATRIX", Exists()),
        under="transformers.modeling_flash_attention_utils.",
    ),
    *_part(
        "vLLM worker on the CPU",
        "verl_patches.cpu.vllm_weights",
        ("vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm", Source("b6a587814634")),
    ),
)
