# shellcheck shell=bash disable=SC2154  # the variables of train.sbatch
# What the job asks Slurm about itself: when it ends, and who else may be on its nodes.

# Print when Slurm will end this job, in seconds since 1970; far away if it has no time limit. Fails if Slurm does not say.
job_end() {
  local said
  for _ in 1 2 3; do
    said=$(SLURM_TIME_FORMAT=%s timeout 8 squeue --noheader --jobs="$job" --format=%e 2>/dev/null)
    said=${said//[[:space:]]/}
    if [[ $said =~ ^[0-9]{9,11}$ ]]; then
      echo "$said"
      return 0
    elif [[ $said =~ ^(N/A|NONE)$ ]]; then
      echo 99999999999
      return 0
    fi
    pause
  done
  return 1
}

# Set `ends` anew, since the limit may have been extended. Where Slurm does not say: what it said before, or the notice asked for.
ask_for_end() {
  local said now
  now=$(date +%s)
  if said=$(job_end); then
    ends=$said
  elif [ -z "$ends" ]; then
    ends=$((now + GRACE_S))
    say "squeue does not say when this job ends; taken for $GRACE_S s from now (GRACE_S)"
  fi
  # A preempted job ends with its grace time, of which the margin must leave something.
  margin=${margin:-$((STOP_MARGIN < (ends - now) / 2 ? STOP_MARGIN : (ends - now) / 2))}
}
too_late() { [ "$(date +%s)" -gt $((ends - margin)) ]; }

# Warn if others may use the nodes of this job, too.
warn_of_others() {
  local shared
  shared=$(timeout 20 scontrol show job --oneliner "$job" 2>/dev/null | sed -n 's/.* OverSubscribe=\([^ ]*\).*/\1/p')
  case $shared in
    NO | USER) ;;
    *)
      say "warning: jobs of other users may run on these nodes (OverSubscribe=${shared:-unknown}) and reach this job's ports;" \
        "torch.distributed asks nobody for a key: --exclusive keeps the nodes to yourself (docs/security.md)"
      ;;
  esac
}
