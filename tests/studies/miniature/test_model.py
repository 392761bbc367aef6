"""The start model solves some problems but not most, so that there is something to learn and something to explore."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from studies.miniature import results, study
from studies.miniature.comparison import pass_at
from studies.miniature.make_data import question, split
from studies.miniature.reward import compute_score


def test_greedily_it_solves_a_quarter_and_with_64_tries_nearly_all():
    problems = [question(numbers, target) for _, numbers, target in split()["train"][:150]]
    tokenizer = AutoTokenizer.from_pretrained(study.MODEL, padding_side="left")
    chats = [[{"role": "user", "content": problem}] for problem in problems]
    inputs = tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        tokens = AutoModelForCausalLM.from_pretrained(study.MODEL).generate(**inputs, max_new_tokens=96, do_sample=False)
    answers = tokenizer.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    right = [compute_score("", answer, problem)["acc"] for answer, problem in zip(answers, problems, strict=True)]
    assert 0.15 < sum(right) / len(right) < 0.35  # 0.29 of 300
    start = results.read_all(study.arms())["start"][0]
    assert 0.2 < pass_at(start, 1) < 0.35
    assert pass_at(start, 64) > 0.95
