"""The signs of sickness of all runs. The limits are choices: far enough from what a step of a sound run shows to be worth a
sentence. What they were tried on: tests/runs/health/curves.
"""

from __future__ import annotations

from recipe.token_level.signs import (
    Fall,
    Fallen,
    FallsWhile,
    Grown,
    GrowsWithout,
    Least,
    Most,
    NotFinite,
    Rise,
    Sign,
    Spike,
    outside_clip_sign,
)

_SMALLER_STEPS = "lower actor_rollout_ref.actor.optim.lr, from a checkpoint before it"

ENTROPY = (
    # At 0.02 nats the likeliest of two tokens has 99.7%: the responses to a prompt are nearly one response, so their rewards
    # are alike and the advantages vanish. A tenth, for models that start high: nine tenths of the exploration are gone.
    Sign(
        "actor/entropy",
        Fallen(0.1, least=0.02),
        "the policy hardly explores any more",
        "lower actor_rollout_ref.actor.optim.lr or raise actor_rollout_ref.actor.clip_ratio_high, from a checkpoint before it",
        "arXiv:2505.22617",
        unit="nats",
    ),
    # There, 200 gradient steps take 73 % of it, and that is called sharp; here it is a tenth or so of them.
    Sign(
        "actor/entropy",
        Fall(0.3, steps=20),
        "the entropy falls so fast that it will be gone soon",
        "raise actor_rollout_ref.actor.clip_ratio_high, or lower actor_rollout_ref.actor.optim.lr",
        "arXiv:2505.22617",
        unit="nats",
    ),
    # Reasoning models are trained below 1 nat (rllm#116); a mean of 4 is as if each token were drawn from 55 equal ones: noise.
    Sign(
        "actor/entropy",
        Grown(3, floor=1.0, most=4.0),
        "the policy is pushed away from itself and its responses turn into noise",
        "lower actor_rollout_ref.actor.optim.lr or actor_rollout_ref.actor.clip_ratio_high, or adaptive_temperature.tau where "
        "it is on, from a checkpoint before it",
        "verl#2738, verl#1066, Entropy-Mechanism-of-RL#20, rllm#116",
        unit="nats",
    ),
    # Ahead of the last. 0.1 nats, because near 0 a half more is nothing.
    Sign(
        "actor/entropy",
        Rise(1.5, by=0.1, steps=20),
        "the entropy rises fast, which often ends in noise",
        "look at responses in the token dump; if they get worse, go back and lower actor_rollout_ref.actor.optim.lr",
        "verl#2738, Entropy-Mechanism-of-RL#20",
        unit="nats",
    ),
)

# Two engines in bf16 differ by 0.004 in probability on average, with a correlation of 0.998 (verl-omni#637), in fp32 by 1e-6;
# adaptive temperatures by 0.002 with the default tau, 0.015 with 0.9.
_MISMATCH_SOURCE = "verl-omni#637, vime#64, open-instruct#1473, arXiv:2506.13585"
_DISAGREE = "docs/troubleshooting.md: Rollout and actor disagree"
MISMATCH = (
    # vime#64: three times as much within 30 steps was a sync that drifts. 0.01: below, growth is that of the entropy.
    Sign(
        "training/rollout_probs_diff_mean",
        Grown(3, floor=0.01, most=0.03),
        "vLLM samples from another policy than the one that is trained",
        _DISAGREE,
        _MISMATCH_SOURCE,
        unit="",
    ),
    Sign(
        "training/rollout_actor_probs_pearson_corr",
        Least(0.95, margin=0.01),  # it is never above 1
        "the probabilities of vLLM and of training hardly go together",
        _DISAGREE,
        _MISMATCH_SOURCE,
        unit="",
    ),
)

GRADIENT = (
    # verl clips the norm to 1, so of 100 only the direction is left; 1,200 were reported (ms-swift#3713). The demo has 3 to 11.
    Sign(
        "actor/grad_norm",
        Most(100),
        "the gradient is so large that clipping leaves hardly more than its direction",
        _SMALLER_STEPS,
        "verl#1066, ms-swift#3713",
        unit="",
    ),
    # A sound run's norm has its order of magnitude: the greatest of 40 runs was 5 times the median.
    Sign(
        "actor/grad_norm",
        Spike(10, steps=100),
        "a gradient far out of the ordinary; entropy and length often jump after it",
        "look at this step's responses in the token dump; if it comes again, lower actor_rollout_ref.actor.optim.clip_grad",
        "verl#1066, DanceGRPO#55",
        unit="",
    ),
    # The first is said where the update is left out (runs/finite.py), and 3 in a row end the run; here those with gaps.
    Sign(
        "actor/grad_norm",
        NotFinite(2, steps=20),
        "updates are left out again and again",
        _SMALLER_STEPS + "; look for infinite rewards or log-probs in the token dump",
        "verl#1197, verl#2505, verl#2626",
        unit="steps without a finite value",
    ),
    outside_clip_sign("actor/pg_clipfrac", "the policy"),
)

RESPONSES = (
    # Learning to be brief may halve the length; the penalty for long responses may end reasoning.
    Sign(
        "response_length/mean",
        Fallen(0.25),
        "the responses have collapsed",
        "look at some in the token dump, lower actor_rollout_ref.actor.optim.lr, or switch the penalty for long ones off with "
        "reward.reward_kwargs.overlong_buffer_cfg.enable=False",
        "VLM-R1#280",
        unit="tokens",
    ),
    # Reasoning may grow, but then the answers get better; means of 20 steps, because verdicts change from batch to batch.
    Sign(
        "response_length/mean",
        GrowsWithout(1.5, other="rollouts/acc"),
        "the responses grow without getting better",
        "look at some in the token dump for repetitions; give actor_rollout_ref.actor.loss_agg_mode=token-mean, or penalise "
        "long ones earlier with a greater reward.reward_kwargs.overlong_buffer_cfg.len",
        "arXiv:2503.20783, arXiv:2503.14476",
        unit="tokens",
    ),
    # A cut response counts as wrong whatever it has found so far, which is noise in a reward.
    Sign(
        "rollouts/cut_off_share",
        Most(0.25),
        "many responses reach the length limit and count as wrong, however right their reasoning is",
        "raise data.max_response_length, or look at some in the token dump for repetitions",
        "arXiv:2503.14476, verl#2738",
    ),
    # Base models have to learn the form of an answer first, so what has grown counts earlier than what there was.
    Sign(
        "rollouts/unanswered_share",
        Grown(3, floor=0.2, most=0.5),
        "many responses have no answer that the reward function can read",
        "look at some in the token dump: cut off, or a template and a reward function that do not go together",
        "verl#2626, autocontext#1067",
    ),
    # One response of a thousand: its reward function or agent loop has a case that it does not stand.
    Sign(
        "rollouts/failed_share",
        Most(0.001, window=1),
        "the reward function or the agent loop raised, and the step trained without these responses",
        "look for `Error in _run_prompt` in the log",
        "verl 0.9.1 drops them without a word in the metrics",
    ),
)

REWARD = (
    # Prompts that are all right or all wrong have no advantages: beyond this, 9 of 10 rollouts are for nothing.
    Sign(
        "rollouts/all_right_share",
        Most(0.9),
        "nearly all prompts are easy and teach nothing",
        "train on harder data, or stop here",
        "arXiv:2503.14476",
    ),
    Sign(
        "rollouts/all_wrong_share",
        Most(0.9),
        "nearly all prompts are too hard and teach nothing",
        "train on easier data, raise actor_rollout_ref.rollout.n, or look whether the reward function reads the answers",
        "arXiv:2503.14476",
    ),
    # Two validations, a fifth and 0.03: more than what sampling 100 answers anew does.
    Sign(
        "val-core/*/mean@*",
        FallsWhile(0.8, by=0.03, other="critic/score/mean"),
        "the policy learns what is rewarded and unlearns what is validated: over-fitting, or a reward that can be cheated",
        "look at rewarded responses in the token dump; go on from the checkpoint with the best validation",
        "arXiv:2210.10760, arXiv:2503.14476, open-r1#407",
        unit="",
    ),
)

SIGNS = (*ENTROPY, *MISMATCH, *GRADIENT, *RESPONSES, *REWARD)
