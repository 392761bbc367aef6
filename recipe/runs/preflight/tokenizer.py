"""Tokenizer, chat template and vocabulary: do they go with the model? Also hands on the tokenizer."""

from __future__ import annotations

from recipe.runs.preflight.facts import Run
from recipe.runs.preflight.results import Result, failed, passed, warned
from recipe.runs.time_limit import TimeLimit, time_limit

# A model's embedding is often padded to a multiple of 64 to 512 rows; more than this share is another model's tokenizer.
_MOST_PADDING = 0.05
CHAT_S = 20


def check_tokenizer(run: Run) -> Result:
    """The tokenizer loads, has an end token and a chat template, and fits the vocabulary."""
    from transformers import AutoTokenizer

    settings, model = run.config.actor_rollout_ref.model, run.model
    path = settings.tokenizer_path or model.folder
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=settings.trust_remote_code, local_files_only=True)
    except Exception as error:  # of many kinds, some of the tokenizer's own code
        reason = " ".join(str(error).split())[:300]
        return failed(f"the tokenizer in {path} cannot be loaded ({type(error).__name__}: {reason})", "copy its files again")
    tokenizer.chat_template = settings.custom_chat_template or tokenizer.chat_template
    rows, tokens = model.setting("vocab_size"), len(tokenizer)
    if tokens > rows:
        return failed(
            f"the tokenizer has {tokens:,} tokens, the model's embedding {rows:,} rows: some ids have no embedding",
            "use the tokenizer that belongs to the model (actor_rollout_ref.model.tokenizer_path), or resize its embedding",
        )
    if tokenizer.eos_token_id is None:
        return failed("the tokenizer has no end token, with which verl ends and pads", "set eos_token in tokenizer_config.json")
    if not tokenizer.chat_template:
        return failed(
            f"the tokenizer in {path} has no chat template, which turns every prompt into text",
            "take the instruction-tuned model's tokenizer, or set actor_rollout_ref.model.custom_chat_template",
        )
    try:
        with time_limit(CHAT_S):  # a template is a program of its author's
            turn = _end_of_turn(tokenizer)
    except TimeLimit:
        return failed(
            f"the chat template takes more than {CHAT_S} s to write a question and an answer",
            "take the model's own, or set actor_rollout_ref.model.custom_chat_template",
        )
    run.known_tokenizer = tokenizer
    ends = response_ends(model.folder, tokenizer)
    if lacking := [end for end in sorted(ends) if tokenizer.convert_ids_to_tokens(end) is None]:
        return failed(
            f"a response ends at token {lacking[0]}, which the tokenizer in {path} does not have",
            "copy its files again, or mend eos_token_id in generation_config.json",
        )
    shown = ", ".join(tokenizer.convert_ids_to_tokens(sorted(ends)))
    finding = f"{tokens:,} tokens, {rows - tokens:,} rows of padding; a response ends at {shown}"
    if rows - tokens > _MOST_PADDING * rows:
        return warned(f"{finding}; that is much padding", "look whether this is the model's own tokenizer")
    if turn is not None and turn not in ends:
        return warned(
            f"{finding}, but the chat template ends a turn with {tokenizer.convert_ids_to_tokens(turn)}",
            f"if the model writes that token, add {turn} to eos_token_id in its generation_config.json, or responses go on "
            "after it",
        )
    return passed(finding)


def response_ends(folder: str, tokenizer) -> set[int]:
    """Ids at which vLLM ends a response: the tokenizer's end token and those of generation_config.json."""
    from transformers import GenerationConfig

    try:
        more = GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
    except OSError:  # no such file
        more = None
    return {tokenizer.eos_token_id, *(more if isinstance(more, list) else [] if more is None else [more])}


def _end_of_turn(tokenizer) -> int | None:
    """Id of the special token that the chat template puts right after an answer; None if there is none."""
    from jinja2 import TemplateError

    answer = "answer"
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": answer}]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False)
    except TemplateError:  # a template for prompts only
        return None
    tail = tokenizer(text.rpartition(answer)[2], add_special_tokens=False)["input_ids"]
    return tail[0] if tail and tail[0] in tokenizer.added_tokens_decoder else None
