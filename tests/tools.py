"""A tool, a reward and a format of calls for runs of several turns with the demo's model, which never learned to write calls.

verl loads this file by itself, as `multi_turn.function_tool_path`, in every process that needs the tool; never import it.
"""

import json

from verl.experimental.agent_loop.tool_parser import FunctionCall, ToolParser
from verl.tools.function_tool import function_tool


@function_tool
def check(answer: str) -> str:
    """Repeat an answer.

    Args:
        answer: a number.
    """
    return f"is it {answer}?"


@ToolParser.register("answer_is_a_call")
class AnswerIsACall(ToolParser):
    """Every answer is handed to `check`; that ends with the last turn, after which verl looks for no calls."""

    async def extract_tool_calls(self, responses_ids, tools=None):
        answer = self.tokenizer.decode(responses_ids, skip_special_tokens=True)
        return answer, [FunctionCall(name="check", arguments=json.dumps({"answer": answer}))]


def first_answer(data_source, solution_str, ground_truth, extra_info=None, **_):
    """Score of what the model wrote before the tool's turn."""
    pred = solution_str.partition("tool")[0].strip()
    acc = float(pred == str(ground_truth))
    return {"score": acc, "acc": acc, "pred": pred}
