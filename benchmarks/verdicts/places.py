"""Where a response states its answer: each place has the answer exactly once as the last one that is stated.

A place is `(name, template)`; `@` stands for the answer without dollar signs, `!wrong!` for a wrong
answer that is withdrawn.
"""

PLACES = (
    ("box", r"So we get $\boxed{@}$."),
    ("box, displayed", "Therefore\n\\[\n\\boxed{@}\n\\]"),
    ("line, dollars", "We add up.\n\nAnswer: $@$"),
    ("line, parentheses", "We add up.\nAnswer: \\(@\\)"),
    ("line, bold word", "We add up.\n**Answer:** $@$"),
    ("line, bold answer", "We add up.\nAnswer: **$@$**"),
    ("line, bold whole", "We add up.\n**Answer: $@$**"),
    ("line, heading", "We add up.\n### Final Answer: $@$."),
    ("line, displayed", "We add up.\nAnswer:\n$$\n@\n$$"),
    ("box in the line", "We add up.\nAnswer: $\\boxed{@}$"),
    ("Minerva", r"Final Answer: The final answer is $\boxed{@}$. I hope it is correct."),
    ("box, then remark", "Hence $\\boxed{@}$.\n\nI checked the answer: it is right."),
    ("box, then empty line", "Hence $\\boxed{@}$.\n\nAnswer:"),
    ("withdrawn box", "So $\\boxed{!wrong!}$. Wait, that is wrong.\nIn fact it is $\\boxed{@}$."),
    ("withdrawn line", "Answer: $!wrong!$\nNo, I made a mistake.\nAnswer: $@$"),
)
