"""Prompt templates. One is chosen for all data sets; what a data set was published with is taken off first."""

from __future__ import annotations

# The wording of DAPO-Math-17k's prompts, to the letter: models trained on the published file have seen nothing else.
DAPO = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: $Answer "
    "(without quotes) where $Answer is the answer to the problem.\n\n"
    "{problem}\n\n"
    'Remember to put your answer on its own line after "Answer:".'
)
# Qwen2.5-Math's, there a system prompt.
BOXED = r"Please reason step by step, and put your final answer within \boxed{}."

# name: (system prompt or None, user prompt)
TEMPLATES = {
    "answer-line": (None, DAPO),
    "boxed": (None, "{problem}\n" + BOXED),
    "qwen-math": (BOXED, "{problem}"),
    "plain": (None, "{problem}"),
}
PUBLISHED = (DAPO, "{problem}\n" + BOXED, "{problem} " + BOXED)


def messages(problem: str, template: str) -> list[dict[str, str]]:
    """The prompt of a problem as verl takes it."""
    system, user = TEMPLATES[template]
    prompt = [{"role": "user", "content": user.replace("{problem}", problem)}]
    return [{"role": "system", "content": system}, *prompt] if system else prompt


def strip(prompt: str, form: str) -> str | None:
    """The problem in a prompt of the form "...{problem}..."; None if the prompt is not of this form."""
    before, _, after = form.partition("{problem}")
    if len(prompt) < len(before) + len(after) or not (prompt.startswith(before) and prompt.endswith(after)):
        return None
    return prompt[len(before) : len(prompt) - len(after)].strip()
