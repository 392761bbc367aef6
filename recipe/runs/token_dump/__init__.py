"""The token dump: some responses of a step with the numbers of each token, for the eye and for `recipe.insight`.

A file `step_<n>.parquet` (zstd) holds one row a response. Lists of a row have one entry a token of the response:

    step, prompt_id, session, data_source, prompt, ground_truth
    acc            the verifier's verdict; NaN if the reward function gave none
    reward         the sum of the response's token rewards
    solve_rate     share of right answers to the prompt in the batch; NaN without verdicts
    token          each token's own text; bytes that are no UTF-8 are U+FFFD
    token_id, entropy (nats), advantage, old_log_prob (nats), both of the old policy
    ratio          importance ratio of the policy after the step's updates to the old one; NaN if it could not be computed
    ...            the method's own columns (`Method.dump_columns`)

Tokens that the loss leaves out, a tool's or rejected by rollout correction, have NaN, and of integers 0, for their numbers.

The file's key-value metadata has "token_dump", a JSON object: format, method, groups (their names),
clip_ratio_low, clip_ratio_high, model.

Beside it, `verdicts_<n>.parquet` has a sample of the step's verdicts; see verdict_sample.py.

    dump_settings.py    the config node `trainer.token_dump`
    choice.py           which responses
    verdict_sample.py   which verdicts, and what is odd about them
    table.py            the columns, and the files in their folder
    collect.py          from verl's trainer to the table; collect_verdicts.py for the verdicts
    fields.py           the fields of a batch that hold no tensors; said_once.py for a warning that is given once
"""
