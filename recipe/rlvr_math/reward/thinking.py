"""What follows the thinking of a model: the part of a response that its answer may stand in.

    +reward.custom_reward_function.reward_kwargs.thinking=model

none    the whole response (the default; base models, which have no tags)
model   the model writes the opening tag: what follows the last closing tag; nothing, if thinking is opened and not closed. A
        response without a tag has not thought, and counts as a whole.
prompt  the prompt ends with the opening tag: the same, but a response without a closing tag is thinking to its end.

The preflight's row `thinking` says which one the chat template at hand is for.
"""

from __future__ import annotations

from collections.abc import Iterable

MODES = ("none", "model", "prompt")

# Of public models: DeepSeek-R1, Qwen3, QwQ, GLM; Magistral; Sky-T1 and OpenThinker; Seed-OSS; and of system prompts in use.
TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<seed:think>", "</seed:think>"),
    ("<reasoning>", "</reasoning>"),
)


def after_thinking(response: str, mode: str = "none", tags: Iterable[Iterable[str]] = TAGS) -> str:
    """The part of `response` that counts, by this module's rule; "" if it is all thinking.

    Args:
        mode: one of MODES.
        tags: pairs of an opening and a closing tag; which one closes which is not looked at.

    Raises:
        ValueError: an unknown mode, or tags that are no pairs.
    """
    if mode not in MODES:
        raise ValueError(f"thinking is {mode!r}; it must be one of {', '.join(MODES)}")
    pairs = [tuple(pair) for pair in tags]
    if not pairs or any(len(pair) != 2 or not all(isinstance(tag, str) and tag for tag in pair) for pair in pairs):
        raise ValueError(
            f'thinking_tags is {pairs!r}; it must be pairs of an opening and a closing tag, [["<think>","</think>"]]'
        )
    if mode == "none":
        return response
    end = max((place + len(close) for _, close in pairs if (place := response.rfind(close)) >= 0), default=None)
    if end is None and mode == "prompt":
        return ""
    rest = response[end or 0 :]
    return "" if any(opening in rest for opening, _ in pairs) else rest
