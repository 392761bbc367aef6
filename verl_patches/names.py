"""Names that verl 0.9.1 and Ray write into files, metrics and paths and that this project reads; literals in their methods.

The contract checks that the methods still have them. Imports nothing, for those who look at a run's folder without verl.
"""

CHECKPOINT_TRACKER = "latest_checkpointed_iteration.txt"  # PPOTrainer._save_checkpoint; holds the step
CHECKPOINT_FOLDER = "global_step_{}"  # the same, and find_latest_ckpt_path
LOSS_METRIC_PREFIX = "actor/"  # PPOTrainer._update_actor puts it before every metric that the policy loss returns
RAY_WORKING_DIRS = "working_dir_files"  # Ray's WorkingDirPlugin: where a job's working directory lies on each node
