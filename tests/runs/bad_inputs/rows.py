"""Rows of data files."""

import pyarrow as pa
import pyarrow.parquet as parquet


def row(prompt="1+1=", **columns):
    """A row as the tests of the good run have it, with other columns; a column of None is left out."""
    chat = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    found = {"data_source": "sum", "prompt": chat, "reward_model": {"ground_truth": "2"}, "extra_info": {"index": 0}}
    return {key: value for key, value in (found | columns).items() if value is not None}


def write(path, rows, schema=None):
    """Write rows as parquet."""
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    return path
