"""Does the reward look for the answer behind the thinking, where the chat template is one of a model that thinks?"""

from __future__ import annotations

import re

from omegaconf import OmegaConf

from recipe.runs.preflight.facts import Run, SkipCheck
from recipe.runs.preflight.results import Result, failed, passed, warned

OWN_REWARD = "rlvr_math.reward.score"
_KEY = "reward.custom_reward_function.reward_kwargs.thinking"
# <think>, <seed:think>, [THINK], <|begin_of_thought|>, <reasoning>; closing: </think>, [/THINK], <|end_of_thought|>
_TAG = re.compile(
    r"(?:<\|?|\[)(?P<close>/|end_of_)?(?:begin_of_|[a-z]+:)?(?:think|thinking|thought|reasoning)(?:\|?>|\])", re.IGNORECASE
)


def check_thinking(run: Run) -> Result:
    """`reward_kwargs.thinking` is what the template's generation prompt asks for."""
    needed, why = thinking_of(run)
    given = run.config.reward.custom_reward_function
    path = str(given.path or "")
    if not (path.startswith("pkg://") and path.endswith(OWN_REWARD)) and not path.endswith("rlvr_math/reward/score.py"):
        if needed == "none" or path:
            return passed(f"{why}; which part of a response holds the answer is the reward function's own affair")
        return warned(
            f"{why}, and verl's reward functions find an answer inside the thinking, too",
            f"reward.custom_reward_function.path=pkg://recipe.{OWN_REWARD} +{_KEY}={needed}",
        )
    mode = (given.get("reward_kwargs") or {}).get("thinking", "none")
    special = [text for text in run.tokenizer.all_special_tokens if _TAG.fullmatch(text)]
    if needed != "none" and special:
        return warned(
            f"{why}, but {special[0]} is a special token, which verl leaves out of the text that the reward gets",
            "use a tokenizer that has it as an ordinary added token, or the answer is looked for in the thinking",
        )
    if mode == needed:
        return passed(f"{why}: the reward's thinking={mode}")
    if mode == "prompt" and needed == "none":
        return failed(f"{why}, but with thinking=prompt a response without a closing tag has no answer", f"+{_KEY}={needed}")
    if needed == "none":
        return passed(f"{why}; the reward's thinking={mode} takes a response without tags as a whole")
    return warned(f"{why}, but with the reward's thinking={mode} an answer inside the thinking is right", f"+{_KEY}={needed}")


def thinking_of(run: Run) -> tuple[str, str]:
    """The mode that the template is for (none, model, prompt), and why; SkipCheck without a tokenizer."""
    tokenizer = run.tokenizer
    options = OmegaConf.to_container(run.config.data.apply_chat_template_kwargs, resolve=True) | {"add_generation_prompt": True}
    try:
        written = tokenizer.apply_chat_template([{"role": "user", "content": "question"}], tokenize=False, **options)
    except Exception as error:
        raise SkipCheck(f"the chat template cannot write a prompt ({type(error).__name__})") from None
    tags = list(_TAG.finditer(written.rpartition("question")[2]))
    if tags and not tags[-1]["close"]:
        return "prompt", f"the generation prompt opens {tags[-1][0]}"
    if tags:
        return "none", "the generation prompt closes the thinking"
    template = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else str(tokenizer.chat_template)
    if (found := _TAG.search(template)) is not None:
        return "model", f"the chat template knows {found[0]}"
    return "none", "the chat template knows no thinking"
