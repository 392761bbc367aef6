"""All prompts of the data, as the chat template writes them: can each be written, and is it short enough?"""

from __future__ import annotations

from omegaconf import OmegaConf

from recipe.runs.data_checks import KEYS
from recipe.runs.preflight.facts import Run
from recipe.runs.preflight.results import Result, failed, passed, skipped, warned

_MOST = 5000  # prompts that are tokenized, the longest first: some seconds


def check_prompts(run: Run) -> Result:
    """The template takes every prompt, and at least one in each list of files is within `data.max_prompt_length`."""
    config, tokenizer, data = run.config, run.tokenizer, run.data
    if data.elsewhere:
        return skipped("the prompts of local files that verl's own data set class reads can be looked at, no others")
    most, findings = config.data.max_prompt_length, []
    for key in KEYS:
        chats = data.prompts(key)
        if not chats:
            continue
        try:
            texts = _written(chats, tokenizer, config)
        except ValueError as error:
            return failed(f"{key}: {error}", "mend the row, or set actor_rollout_ref.model.custom_chat_template")
        # No token has less than a byte, so that most prompts need no tokenizing.
        long = sorted((text for text in texts if len(text.encode()) > most), key=len, reverse=True)[:_MOST]
        lengths = [len(ids) for ids in tokenizer(long, add_special_tokens=False)["input_ids"]] if long else []
        over, longest = sum(length > most for length in lengths), max(lengths, default=0)
        if over == len(texts):
            return failed(f"{key}: all {over:,} prompts are longer than {most:,} tokens", f"data.max_prompt_length={longest}")
        finding = f"{key.removeprefix('data.')}: {len(texts):,} different prompts"
        if over:
            does = "left out" if config.data.filter_overlong_prompts else "cut"
            finding += f", {over:,} longer than {most:,} tokens (up to {longest:,}) and {does}"
        findings.append((finding, over and longest))
    shown = "; ".join(finding for finding, _ in findings)
    if longest := max((over for _, over in findings), default=0):
        return warned(shown, f"data.max_prompt_length={longest}, if they are to be kept whole")
    return passed(f"{shown}, none longer than {most:,} tokens")


def _written(chats: dict[str, list[dict]], tokenizer, config) -> list[str]:
    options = OmegaConf.to_container(config.data.apply_chat_template_kwargs, resolve=True) | {"add_generation_prompt": True}
    try:
        return tokenizer.apply_chat_template(list(chats.values()), tokenize=False, **options)
    except Exception:  # of the template's or its own; which prompt it was is looked for one by one
        for text, chat in chats.items():
            try:
                tokenizer.apply_chat_template(chat, tokenize=False, **options)
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ValueError(f"the chat template cannot write the prompt {text[:60]!r} ({reason})") from None
        raise
