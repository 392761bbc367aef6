"""From a training checkpoint to a folder for the hub: weights, tokenizer and a model card made from the run.

__main__.py  the command
facts.py     what the run's files say of how the model came about
card.py      these, and its evaluations, as README.md
"""
