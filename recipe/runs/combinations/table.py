"""docs/combinations.md, written from the rules."""

from __future__ import annotations

from pathlib import Path

from recipe.runs.combinations import RULES
from recipe.runs.combinations.rule import Rule

FILE = Path(__file__).parents[3] / "docs/combinations.md"

_HEAD = """# Combinations that train wrongly

Settings that verl takes together and that train wrongly, lose work or stand still without a word. `recipe.htpo.main` and
`recipe.hapo.main`, their preflights, `launch/submit.sh` and `launch/slurm/train.sbatch` look for them before anything starts,
and the trainer looks again, so that a config of your own and verl's own `main_ppo` are covered, too. What is refused ends in
one sentence with the way out.

This page is written from the checks, by `python -m recipe.runs.combinations`; a test compares, and composes each row. A row
with versions of verl holds for these only: another version is neither refused nor warned of by it, and the tests then ask
that its source be read again.

| Combination | Stock verl | Here | verl | Source |
|---|---|---|---|---|
"""

_TAIL = """
## The size of bf16's second rounding

With the temperature 1 verl leaves bf16 logits as they are; with another one it divides them in bf16. On synthetic logits over
151,936 tokens (normal, deviation 2 and 3, eight likely tokens, 512 positions, temperatures 0.6, 0.8 and 1.2; CPU,
2026-11-26), the log-probs of sampled tokens were off by 0.012 to 0.018 on average and by 0.15 at most, entropies by 0.14 nats
at most, against a division in float32. Old and new log-probs are rounded alike, so ratios of unchanged weights stay 1; what
differs is training from rollout, and the order of tokens by entropy.

Float32 logits are had by a forward pass in float32: `param_dtype: fp32` in the actor's `fsdp_config.mixed_precision`. By
arithmetic, logits of a micro-batch of 22,528 tokens then take 13.7 GB where bf16 takes 6.8 GB, and activations twice as much;
the time was not measured.
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "\n".join(map(_row, RULES)) + "\n" + _TAIL


def _row(rule: Rule) -> str:
    ours = f"**{rule.ours}**" + (f": {rule.how}" if rule.how else "")
    files = sorted({f"`verl/{file}`" for file, _ in rule.seen})
    reports = [f"[{report.partition('/')[2]}](https://github.com/{report.replace('#', '/issues/')})" for report in rule.reports]
    test = [f"tested in `{rule.test.partition('::')[0]}`"] if rule.test else []
    cells = (rule.combination, rule.stock, ours, rule.verl or "any", ", ".join([*reports, *files, *test]))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
