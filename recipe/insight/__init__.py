"""Show what a token-level objective did in training runs: `python -m recipe.insight RUN [RUN ...] --out DIR`."""
