"""The data sets that `prepare` knows: where each is published, at which revision, in which columns, and how large it is.

Ids, revisions and columns were taken from public projects that pin the same commits (the hub could not be reached from where
this was written). `xcyao00/HTPO`, the authors' own files, is a model repository: give their address as --source, for example
hf://xcyao00/HTPO/aime-2024.parquet.
"""

from __future__ import annotations

from dataclasses import dataclass

from recipe.rlvr_math.data.templates import DAPO
from recipe.rlvr_math.reward.stated import FIELDS


@dataclass(frozen=True)
class DataSet:
    """A data set and its default source on the Hugging Face hub.

    Attributes:
        rows: the numbers of different problems that its published files have; another one is warned of. None: not checked.
        data_source: verl's name for it. DAPO's is the one that verl's default scoring knows.
        published: the form of the published prompts, "...{problem}..."; None if they are bare problems or not known.
        only: column -> the value (in lower case) that a row must have, where the source has the column.
        context: a column whose text, if there is any, comes before the problem.
        stated: columns that say more of an answer (`recipe.rlvr_math.reward.stated`), where the source has them.
    """

    hub_id: str
    revision: str
    split: str
    rows: tuple[int, ...] | None
    data_source: str
    config: str | None = None
    published: str | None = None
    train: bool = False
    only: tuple[tuple[str, str], ...] = ()
    context: str | None = None
    stated: tuple[str, ...] = ()


DATA_SETS = {
    # 17,917 rows a hundred times each; 17,398 different prompts, seven of them with more than one answer
    "dapo-math-17k": DataSet(
        hub_id="BytedTsinghua-SIA/DAPO-Math-17k",
        revision="65877096c24ffa7abc4e4fa5edb95cf3413a5674",
        split="train",
        rows=None,
        data_source="math_dapo",
        published=DAPO,
        train=True,
    ),
    "aime-2024": DataSet(
        hub_id="HuggingFaceH4/aime_2024",
        revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
        split="train",
        rows=(30,),
        data_source="aime-2024",
    ),
    "aime-2025": DataSet(
        hub_id="math-ai/aime25",
        revision="563bb8404243c5f09de6ec262f2db674fe5bce9b",
        split="test",
        rows=(30,),
        data_source="aime-2025",
    ),
    "amc-2023": DataSet(
        hub_id="math-ai/amc23",
        revision="80815d37005feb82cd7f8fbc6901d5d3eff43057",
        split="test",
        rows=(40,),
        data_source="amc-2023",
    ),
    "minerva": DataSet(
        hub_id="math-ai/minervamath",
        revision="ee46ddc498933b1977577953250ca5c66be64f96",
        split="test",
        rows=(272,),
        data_source="minerva",
    ),
    "olympiadbench": DataSet(
        hub_id="Hothan/OlympiadBench",
        revision="91184b52131e7fc9455fef848035173aea8cc01a",
        config="OE_TO_maths_en_COMP",
        split="train",
        rows=(674, 675),  # the hub's, and the copy in Qwen2.5-Math's evaluation
        data_source="olympiadbench",
        only=(("question_type", "open-ended"), ("modality", "text-only"), ("subject", "math"), ("language", "english")),
        context="context",
        stated=FIELDS,
    ),
    "math-500": DataSet(
        hub_id="HuggingFaceH4/MATH-500",
        revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        split="test",
        rows=(500,),
        data_source="math-500",
    ),
}

# Columns of a problem and its answer, in the order in which they are looked for. An answer may be text, a number or a list.
LAYOUTS = (
    ("prompt", "reward_model"),  # verl's format: messages, {ground_truth}
    ("problem", "answer"),  # aime_2024, aime25, MATH-500
    ("question", "answer"),  # amc23, minervamath
    ("question", "final_answer"),  # OlympiadBench
    ("Problem", "Answer"),  # Maxwell-Jia/AIME_2024
    ("problem", "solution"),  # math-ai/aime24: the answer is the solution's last box
)
