"""Assumptions about the driver, the registries and the trainer of verl."""

from verl_patches.assumptions.kind import Assumption, part
from verl_patches.guard import Absent, Accepts, Exists, Says, Signature, Source

_TRAINER = "verl.trainer.ppo.v1.trainer_base.PPOTrainer."
_BUFFER = "verl.trainer.ppo.v1.replay_buffer.ReplayBuffer."
_WORKER = "verl.trainer.ppo.v1.agent_loop_tq.AgentLoopWorkerTQ.__ray_actor_class__."

TRAINER: tuple[Assumption, ...] = (
    # The driver: verl's own entry, to which a task runner of ours is given.
    *part(
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
    *part(
        "driver",
        "recipe.runs.start_checks",
        ("verl.utils.config.validate_config", Accepts("config", "use_reference_policy", "use_critic")),
        ("verl.utils.device.auto_set_device", Accepts("config")),
        ("verl.trainer.ppo.reward.resolve_reward_manager_cls", Accepts("config")),
        ("verl.trainer.ppo.utils.need_critic", Accepts("config")),
        ("verl.trainer.ppo.utils.need_reference_policy", Accepts("config")),
    ),
    *part(
        "driver",
        "recipe.runs.reward_function",
        ("verl.trainer.ppo.reward.get_custom_reward_fn", Accepts("config")),
        ("verl.trainer.ppo.reward.get_custom_reward_fn", Says("return partial(_call_with_kwargs, raw_fn, reward_kwargs)")),
        (
            "verl.utils.reward_score.default_compute_score",
            Accepts("data_source", "solution_str", "ground_truth", "extra_info"),
        ),
    ),
    # The registries that a plugin enters.
    *part(
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
    *part(
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
        *((hook, Absent()) for hook in ("reward_actors", "queue_actors", "issue_prompts", "pause_rollouts", "closed")),
        ("_add_batch_to_generate", Signature("self")),
        ("prepare_step", Says("self._add_batch_to_generate()")),
        ("_setup", Says("self.reward_loop_manager", "self.checkpoint_manager")),
        # `self.logger` is assigned once, before anything is logged. Actor metrics get the prefix, and none but it.
        ("fit", Says("self.agent_loop_manager = agent_loop_manager", "self.logger = Tracking(", "self.logger.log(")),
        ("_update_actor", Says('rename_dict(output["metrics"], "actor/")', "metrics.update(")),
        ("_balance_batch", Says('"actor", self.actor_rollout_wg', "_dispatch_info[role]", "max(dp_rank_mapping) + 1")),
        under=_TRAINER,
    ),
    *part(
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
        ("transfer_queue.interface.init", Says('name="TransferQueueController", namespace="transfer_queue"')),
        ("transfer_queue.interface.init", Says('handle in _TQ_STORAGE["SimpleStorage"].values()')),
    ),
    *part(
        "task runner",
        "verl_patches.separate_async",
        ("verl.trainer.ppo.v1.trainer_separate_async.PPOTrainerSeparateAsync._setup", Says("logger.info(", "flush=True")),
    ),
    *part(
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
    *part(
        "task runner",
        "recipe.runs.trackers",
        ("_TensorboardAdapter.__init__", Says('"TENSORBOARD_DIR"', "self.writer = SummaryWriter(")),
        ("Tracking.__init__", Says("wandb.init(project=project_name, name=experiment_name,")),
        under="verl.utils.tracking.",
    ),
    *part(
        "task runner",
        "recipe.runs.checkpoints",
        ("_save_checkpoint", Says('f"global_step_{self.global_steps}"', '"async_save"', "latest_checkpointed_iteration.txt")),
        (
            "_load_checkpoint",
            Says("self.global_steps = 0", '"auto"', "find_latest_ckpt_path(", '"resume_path"', "self.global_steps = int("),
        ),
        under=_TRAINER,
    ),
    *part(
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
    *part(
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
    *part(
        "task runner",
        "recipe.runs.token_dump.collect",
        ("verl.workers.engine_workers.ActorRolloutRefWorker.compute_log_prob", Accepts("data")),
        ("verl.workers.utils.padding.response_from_nested", Accepts("tensor", "response_mask")),
        ("verl.utils.tensordict_utils.index_select_tensor_dict", Accepts("batch", "indices")),
        ("verl.utils.tensordict_utils.assign_non_tensor", Accepts("tensor_dict")),
    ),
    *part(
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
    *part(
        "task runner",
        "verl_patches.replay_buffer",
        (
            "transfer_queue.client.AsyncTransferQueueClient.async_kv_retrieve_meta",
            Says('raise ValueError("Received an empty list as keys.")'),
        ),
    ),
    *part(
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
    *part(
        "task runner",
        "recipe.token_level.rows",
        (
            "verl.trainer.ppo.padding_utils.upsample_batch_to_divisible_size",
            Says('pad_keys.append(f"{pad_uid}_{local_idx}_0")'),
        ),
    ),
)
