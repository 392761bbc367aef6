"""Verdicts of this project's reward beside other graders', on pairs whose right verdict is known.

`golds.jsonl` has the answers of four published test sets (AIME 2024, AMC 2023, Minerva math, OlympiadBench's English open-ended
text-only mathematics) as facts: the data set, the answer and, where the data set states them, type, unit and error.
`rewritings` makes from each of them responses that are right, `mutations` responses that are wrong. The two are a written
grammar: each rule has a docstring that says why what it makes is right, or wrong, whatever the gold.
"""
