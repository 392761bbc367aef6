"""The reward: is the final answer of a response the right one? `pkg://recipe.rlvr_math.reward.score`, `compute_score`."""
