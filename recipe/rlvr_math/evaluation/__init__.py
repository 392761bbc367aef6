"""From a model and benchmarks to scored responses on disk.

evaluate.py             the command; main.py, its name to the launchers
sharding.py             a part of the problems, and the parts put together
benchmarks.py           what is asked
model_folder.py         the model, merged if it is a training checkpoint
as_trained.py           what of it is the run's, if it is a checkpoint of one
serve.py                the servers that answer
scoring.py              the reward function
collect.py              many responses at a time, through both; progress.py, the bar and the closing table
evaluation_folder.py    where it is written, once: evaluation_settings.py, what with; samples.py, what came out
config/                 the command's defaults, and the papers' protocols
"""
