"""All prompts as the chat template writes them."""

import pytest

from recipe.runs.preflight import prompts, tokenizer
from tests.runs.bad_inputs.rows import row, write
from tests.runs.preflight.support import check


@pytest.fixture
def of_prompts(run, tmp_path):
    """The row for training prompts and overrides."""

    def of_prompts(given, *overrides):
        file = write(tmp_path / "train.parquet", [row(prompt=prompt) for prompt in given] * 32)
        built = run(f"data.train_files={file}", *overrides)
        tokenizer.check_tokenizer(built)
        return prompts.check_prompts(built)

    return of_prompts


def test_prompts_that_fit_are_counted_once(of_prompts):
    finding = "train_files: 2 different prompts; val_files: 100 different prompts, none longer than 48 tokens"
    check(of_prompts(["1+1=", "1+2="]), "pass", finding)


def test_prompts_that_are_too_long_are_counted(of_prompts):
    long = "1" * 40
    finding = r"train_files: 2 different prompts, 1 longer than 48 tokens \(up to 59\) and "
    check(of_prompts(["1+1=", long]), "warn", f"{finding}cut", "data.max_prompt_length=59")
    check(of_prompts(["1+1=", long], "data.filter_overlong_prompts=True"), "warn", f"{finding}left out")
    check(of_prompts([long]), "fail", "data.train_files: all 1 prompts are longer than 48 tokens", "max_prompt_length=59")


def test_a_prompt_that_the_template_cannot_write_is_named(of_prompts):
    template = "actor_rollout_ref.model.custom_chat_template='{{ messages[0].content[3] + messages[1].content }}'"
    check(
        of_prompts(["1+1="], template),
        "fail",
        r"cannot write the prompt '1\+1=' \(list object has no element 1\)",
        "custom_chat_template",
    )
