"""Assumptions about Ray, outside of verl's part of a run."""

from verl_patches.assumptions.kind import Assumption, part
from verl_patches.guard import Absent, Accepts, Exists, Says, Signature

_JOBS = "ray.dashboard.modules.dashboard_sdk.SubmissionClient."
_PACKAGING = "ray._private.runtime_env.packaging."

CLUSTER: tuple[Assumption, ...] = (
    *part(
        "driver",
        "recipe.runs.paths",
        ("ray._private.runtime_env.working_dir.WorkingDirPlugin.__init__", Says('"working_dir_files"')),
    ),
    *part(
        "preflight",
        "verl_patches.ray_cluster",
        ("ray._private.services.canonicalize_bootstrap_address", Accepts("addr", "temp_dir")),
        ("ray._private.state.available_resources_per_node", Signature()),
    ),
    *part(
        "preflight",
        "recipe.runs.preflight",
        ("verl.utils.model.update_model_config", Accepts("module_config", "override_config_kwargs")),
        ("verl.utils.model.get_hf_auto_model_class", Accepts("hf_config")),
        ("verl.utils.torch_dtypes.PrecisionType.to_dtype", Accepts("precision")),
        ("verl.utils.device.get_resource_name", Signature()),
    ),
    *part(
        "evaluation",
        "recipe.rlvr_math.evaluation.serve",
        ("LLMServerManager.create", Accepts("config")),
        ("LLMServerManager.get_client", Exists()),
        ("LLMServerClient.generate", Accepts("request_id", "prompt_ids", "sampling_params")),
        under="verl.workers.rollout.llm_server.",
    ),
    *part(
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
    *part(
        "submission",
        "verl_patches.ray_packaging",
        ("_dir_travel", Accepts("path", "excludes", "handler", "include_gitignore")),
        ("_get_excludes", Accepts("path", "excludes")),
        under=_PACKAGING,
    ),
    *part(
        "submission",
        "verl_patches.ray_packaging",
        ("RAY_RUNTIME_ENV_IGNORE_GITIGNORE", Exists()),
        ("get_runtime_env_default_excludes", Signature()),
        under="ray._private.ray_constants.",
    ),
    *part(
        "Slurm",
        "verl_patches.ray_gcs",
        ("ray._raylet.GcsClient", Exists()),
        ("ray._raylet.InnerGcsClient.get_all_node_info", Exists()),  # to which the other delegates
        ("ray.core.generated.gcs_pb2.GcsNodeInfo.ALIVE", Exists()),
    ),
)
