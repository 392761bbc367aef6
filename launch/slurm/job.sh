# shellcheck shell=bash disable=SC2154  # the variables of train.sbatch
# The functions of train.sbatch: messages, steps on nodes, stopping, requeueing.

# One task of an array has a number of its own, too, but the first task's is the whole array's: to Slurm it names all of them.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID:-}}
job=${job:-$SLURM_JOB_ID}
driver=''
declare -A ray_step=() # node -> process id of the srun that runs Ray there

# To stderr, since the output of some steps goes to a file.
say() { printf '[%(%F %T)T job %s, start %s] %s\n' -1 "$job" "$((${SLURM_RESTART_COUNT:-0} + 1))" "$*" >&2; }
fail() {
  say "error: $*"
  exit 1
}

# shellcheck source=launch/slurm/asking.sh
. "${BASH_SOURCE[0]%/*}/asking.sh"

trap 'say "cancelled"; exit 143' TERM INT
trap 'status=$?; stop_everything; say "exit $status"; exit $status' EXIT

# Whether a module is in this project or in a folder of PYTHONPATH, which all steps inherit.
module_is_found() {
  local place places
  IFS=: read -ra places <<<"$PROJECT_DIR:${PYTHONPATH:-}"
  for place in "${places[@]}"; do [ -f "${place:-.}/${1//.//}.py" ] && return 0; done
  return 1
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
bracketed() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }
running() { kill -0 "$1" 2>/dev/null; }
# Unlike a plain sleep, a signal interrupts it.
pause() {
  sleep 1 &
  wait $!
}

# What differs between sites. conda's and Lmod's scripts read variables that are not set.
read_site() {
  local site=${SITE_ENV:-$tools/site.env}
  if [ -f "$site" ]; then
    [ -r "$site" ] || fail "cannot read the site's settings, $site"
    set +u
    # shellcheck source=launch/slurm/site.env.example
    . "$site" || fail "the last command in the site's settings, $site, has failed; if that is no fault, let \`true\` follow it"
    set -u
  elif [ -n "${SITE_ENV:-}" ]; then
    fail "SITE_ENV=$SITE_ENV does not exist"
  fi
}

# require_numbers NAME...: settings that bash computes with, which would end the job at the notice otherwise.
require_numbers() {
  local name
  for name in "$@"; do
    [[ ${!name} =~ ^(0|[1-9][0-9]{0,8})$ ]] || fail "$name=${!name} is no whole number, without a unit; mend the site's settings"
  done
}

# private_folder FOLDER: make it for this user only; one that is there must be this user's.
private_folder() {
  mkdir -p "$(dirname "$1")" || return 1
  mkdir -m 700 "$1" 2>/dev/null && return 0
  [ -d "$1" ] && ! [ -L "$1" ] && [ -O "$1" ] && chmod 700 "$1"
}

# How commands run on the nodes: with all CPUs and GPUs that the job has there, in the site's container if it has one.
set_up_steps() {
  step=(srun --overlap --export=ALL --mpi=none --input=none --cpu-bind=none
    --cpus-per-task="${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}")
  inside=()
  gpus=${RAY_GPUS:-${SLURM_GPUS_ON_NODE:-}}
  local mounts=$PROJECT_DIR:$PROJECT_DIR,$job_dir:$job_dir,$TEMP_DIR:$TEMP_DIR${CONTAINER_MOUNTS:+,$CONTAINER_MOUNTS}
  case ${CONTAINER:-none} in
    none) ;;
    pyxis)
      step+=(--container-image="$CONTAINER_IMAGE" --container-mounts="$mounts" --container-workdir="$PROJECT_DIR")
      [ -z "${CONTAINER_NAME:-}" ] || step+=(--container-name="$CONTAINER_NAME")
      ;;
    apptainer) inside=(apptainer exec --nv --bind "$mounts" --pwd "$PROJECT_DIR" "$CONTAINER_IMAGE") ;;
    *) fail "CONTAINER=$CONTAINER is none of: none, pyxis, apptainer" ;;
  esac
  export PYTHONPATH=$PROJECT_DIR${PYTHONPATH:+:$PYTHONPATH}
  unset RAY_AUTH_TOKEN_PATH # would win over this job's token
}

# These three are for the background (`on_node ... &`): they become srun, so that $! is srun's process id.
# on_node NODE [OPTIONS OF SRUN] COMMAND...
on_node() {
  local node=$1 options=()
  shift
  while [[ $1 = --* ]]; do
    options+=("$1")
    shift
  done
  exec "${step[@]}" --nodes=1 --ntasks=1 --nodelist="$node" "${options[@]}" "${inside[@]}" "$@"
}
on_all_nodes() { exec "${step[@]}" --nodes="${#nodes[@]}" --ntasks="${#nodes[@]}" --ntasks-per-node=1 "${inside[@]}" "$@"; }
# wait_for_nodes SECONDS NODE=ADDRESS...
wait_for_nodes() { on_node "$head" "$PYTHON" "$tools/wait_for_nodes.py" "$@"; }

# start_ray NODE [ARGUMENTS OF RAY START]
start_ray() {
  local arguments=(--dashboard-agent-listen-port=$((port + 3)) --min-worker-port=0 --max-worker-port=0 "${@:2}")
  [ -z "$gpus" ] || arguments+=(--num-gpus="$gpus")
  [ -z "${OBJECT_STORE_BYTES:-}" ] || arguments+=(--object-store-memory="$OBJECT_STORE_BYTES")
  on_node "$1" "$PYTHON" "$tools/ray_node.py" "${address[$head]}" "$port" "${address[$1]}" "${interface[$1]}" \
    "${arguments[@]}" >>"$job_dir/ray-$1.log" 2>&1 &
  ray_step[$1]=$!
}

# The first node on which Ray has ended, if any.
ended_node() {
  local node
  for node in "${!ray_step[@]}"; do
    running "${ray_step[$node]}" || { echo "$node" && return 0; }
  done
  return 1
}

# start_up COMMAND...: a step that comes before the driver. A notice ends it, and the job: there is nothing to save yet.
start_up() {
  "$@" &
  local process=$! node
  while running $process; do
    pause
    if [ -n "$notice" ]; then
      kill -TERM $process
      requeue "$notice"
    elif node=$(ended_node); then
      kill -TERM $process
      tail -n 20 "$job_dir/ray-$node.log" >&2
      fail "Ray on $node (${address[$node]}) ended while the cluster was starting; its output is above and in $job_dir/ray-$node.log"
    fi
  done
  wait $process
}

# False if a node is lost. Ray notices before Slurm does, which would requeue the job only if it saw the node fail itself.
all_nodes_answer() {
  wait_for_nodes 15 "${members[@]}" &
  wait $!
}

stop_everything() {
  trap : USR1 TERM INT
  [ -z "$driver" ] || kill -TERM "$driver" 2>/dev/null # srun answers TERM by killing its task
  # srun passes USR1 on, and ray_node.py cleans up.
  [ ${#ray_step[@]} = 0 ] || kill -USR1 "${ray_step[@]}" 2>/dev/null
  local deadline=$((SECONDS + 20)) node
  for node in "${!ray_step[@]}"; do
    while running "${ray_step[$node]}" && [ $SECONDS -lt $deadline ]; do pause; done
    if running "${ray_step[$node]}"; then
      say "Ray on $node does not stop, killing it"
      kill -TERM "${ray_step[$node]}"
    fi
  done
  driver='' ray_step=()
}

# requeue REASON: the same job again, where trainer.resume_mode=auto continues from the newest checkpoint.
requeue() {
  local count=$job_dir/requeues-in-a-row # without a checkpoint on notice, the same thing may happen for ever
  echo "$1" >>"$count"
  [ "$(wc -l <"$count")" -le "$MAX_REQUEUES" ] ||
    fail "$1, and the job has been requeued $MAX_REQUEUES times in a row (MAX_REQUEUES) without a checkpoint on notice"
  stop_everything
  say "requeued: $1"
  trap 'exit 143' TERM # that is how Slurm ends this script
  # Slurm may have requeued it at the same moment, when it has seen a node fail; or not answer for a while.
  local tries=0 state
  until timeout 60 scontrol requeue "$job"; do
    state=$(timeout 60 squeue --noheader --jobs="$job" --format=%T 2>/dev/null)
    case $state in
      RUNNING | '') ;;
      *) break ;;
    esac
    [ $((tries += 1)) -lt 10 ] || fail "Slurm does not requeue this job; submit it again, it resumes from its last checkpoint"
    sleep 2
  done
  for _ in {1..120}; do pause; done
  fail "Slurm has not ended this job after its requeue; submit it again, it resumes from its last checkpoint"
}
