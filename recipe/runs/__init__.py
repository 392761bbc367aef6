"""A run of any method, from the command line to its end.

search_path.py      where Hydra finds verl's configs and those of config/
commands.py         a method's commands, from the command line to a composed config
hydra_commands.py   no secret on the way in, told by secret_checks.py, and private records of what was composed
launch.py           from there on: checks, verl's driver, the last sentence
settle.py           before the checks: value_checks.py, that values have verl's types, with value_ranges.py, and that no key is
                    misspelt.py; paths.py, which makes paths absolute; the environment of all processes
vllm_door.py        vLLM's HTTP server answers only who has the key
alone.py            one run at a time in a checkpoint folder
start_checks.py     the checks before Ray starts, for the launcher and the preflight, each ending in one sentence:
                    config_checks.py of settings that go together, environment_checks.py, input_checks.py of model and
                    checkpoints, saved_ranks.py of who saved them, data_checks.py of the files that data_files.py reads
                    (json_depth.py: none is nested too deep to be read), reward_checks.py, trained_with.py of the objective that
                    a run was begun with
combinations/       combinations of settings that would train wrongly without a word; docs/combinations.md is made of them
reward_function.py  verl's reward function, loaded and called, for checks and evaluations
time_limit.py       a limit for a call of someone else's code
trainer.py          a method's trainers, put together from what is here, in token_level/ and in adaptive_temperature/
recovery.py         the trainer's part in stopping and resuming
watched.py          its part in not waiting for ever
filled.py           its part in batches that are not full, or never will be
finite.py           its part in numbers that are not finite: the policy
stopping.py         how a run is asked to save and end; exit statuses
ask_to_end.py       a command that asks and waits, for pods that are taken away
child.py            a run that another program has started
checkpoints.py      which checkpoints are complete
retention.py        how many of them stay, over all starts of a run
digests.py          what their files hold, to see a byte that changed
weight_bucket.py    the bucket in which weights go to vLLM holds the largest tensor
trackers.py         one W&B run and one TensorBoard curve over all attempts
code.py             which code a run is of
run_folder.py       where a run keeps its metrics, its token dumps and what the report page shows of its method
watchdog.py         ends a run that hangs and names who does, with processes.py, which looks at them on their nodes
nodes.py            a function run on each node of the Ray cluster
console.py          a step's line on the console
health/             warnings when a run shows a known sickness
token_dump/         some responses of a step with the numbers of each token, as files
preflight/          the checks and more as a table, before a run holds its GPUs
"""
