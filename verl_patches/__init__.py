"""The one room that knows what verl, Ray, vLLM, TransferQueue and torch do not document, and that patches them.

The rest of the project uses their documented extension points, and what is here under public names. Nothing in site-packages is
changed; on a GPU cluster four things are patched: one object of the trainer (its replay buffer), verl's FSDP checkpoint
manager, an entry of a registry, and the function by which TransferQueue makes its sockets.

    assumptions/         the list of all that is assumed; contract.py looks at it in each process; guard.py says how
    driver.py            run verl's driver with a task runner of ours, and be told when Ray is up and when all is closed
    trainer_hooks.py     a trainer whose steps, checkpoints and validation have public names
    replay_buffer.py     how many prompts are in which state, what was dropped, an end to a wait; how often to look
    separate_async.py    the trainer of that mode without vLLM on the training GPUs
    checkpoints/         shards are written once and read by any number of ranks; what is pickled in them is data
    weight_socket/       a run's weights go through a socket of its own
    queue_key/           TransferQueue, which unpickles what it is sent, listens only to who has the run's key
    external_modules.py  which modules of ours every process of a run loads
    orphans.py           vLLM's engine and workers end with their server
    agent_loop.py        an agent-loop worker of one's own, and what it does for one session
    ray_processes.py     asking actors of a run who they are; what the titles of processes say
    ray_cluster.py       a running cluster's address and free resources
    ray_gcs.py           the nodes of a cluster, without joining it
    ray_jobs.py          a job client that can have time limits
    ray_packaging.py     which files Ray would upload
    names.py             the names of files and metrics that verl writes
    cpu/                 what a machine without an accelerator needs, and nothing else loads

All of it is written for verl 0.9.1, Ray 2.60.0, TransferQueue 0.1.11 and vLLM 0.24.0; docs/upgrading-verl.md tells
how to move on.
"""
