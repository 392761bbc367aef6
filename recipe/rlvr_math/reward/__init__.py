"""The reward: is the final answer of a response the right one? `pkg://recipe.rlvr_math.reward.score`, `compute_score`.

A verdict, in its order:

* score.py, the function that verl calls, and judge.py, the command that explains a verdict;
* answers.py and answer_lines.py, where the answer stands;
* writing.py, one way of writing it, with unicode_signs.py, number_words.py and bases.py;
* reading.py, what kind of thing it is, with brackets.py, matrices.py and parts.py; nodes.py, the kinds; stated.py, what a data
  set states of the right one;
* equality.py, whether two are the same: values.py with numerals.py, units.py and unit_names.py, equations.py, number_sets.py;
* algebra.py, what is asked of computer algebra; expressions.py, which answers; latex_for_parser.py, what its parser gets wrong;
  verifier_pool.py and verifier_process.py, where it runs.

Beside it: thinking.py, which part of a response may hold the answer; contract.py, what every reward returns; composed.py,
judges of the whole response.
"""
