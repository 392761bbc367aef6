"""What can be known to go wrong before a run holds its GPUs: `python -m <package>.preflight key=value ...`.

Seconds, no GPU memory, no model loaded. Every check is a function `(run) -> Result` and a row of the table:

    run.py       the order of the checks; a check that raises has failed
    results.py   what a check finds, the table, the exit status
    facts.py     what the checks learn and hand on: the model, the nodes, how the GPUs are divided
    launcher.py  the launcher's own checks: config, environment, model path, data, reward
    model.py     the weight files; tokenizer.py with chat template and vocabulary
    prompts.py   all prompts, as the chat template writes them; thinking.py whether it is for a model that thinks
    batch.py     batch sizes, token budgets, heads, requests, context length
    cluster.py   nodes, GPUs and packages; ray_nodes.py asks a running cluster, on_node.py is what runs there
    storage.py   checkpoints: their size, free space, whether all nodes share the folder
    grace.py     the time that an end takes, against the notice before it
    memory.py    an estimate of FSDP's and vLLM's GPU memory; sizes.py counts what is trained

Three settings of its own, which training ignores: `+preflight.skip=[nodes,memory]` leaves out rows by name,
`+preflight.gpu_gib=80` is the memory of a GPU where no machine with one can be asked, `+preflight.grace_s=600` are the seconds
between a signal to end and the end, which train.sbatch gives.
"""
