"""Tables of the `datasets` library: from a parquet or CSV file, or from the hub at a commit."""

from __future__ import annotations

from recipe.rlvr_math.data.data_sets import DataSet


def load_file(source: str, kind: str):
    """A parquet or CSV file. ValueError, one sentence, if it cannot be read."""
    import datasets

    options = {"data_files": source, "split": "train"}
    try:
        if kind == "csv":
            # Everything is text: "007" is no number, and "NA" may be an answer.
            names = datasets.load_dataset(kind, nrows=1, **options).column_names
            text = datasets.Features({name: datasets.Value("string") for name in names})
            return datasets.load_dataset(kind, features=text, keep_default_na=False, **options)
        return datasets.load_dataset(kind, **options)
    except Exception as error:
        if isinstance(error, ValueError) and "corresponds to no data" in str(error):
            raise ValueError(f"{source} has no rows; give a file that has some") from None
        raise ValueError(f"{source} is not a readable {kind} file ({_cause(error)}); mend or download it again") from None


def load_hub(data_set: DataSet, source: str, revision: str | None):
    """The rows and the commit that they are from. ValueError, one sentence, if they cannot be loaded."""
    import datasets
    from huggingface_hub import HfApi

    own = source == data_set.hub_id
    try:
        pinned = own and revision is None
        revision = data_set.revision if pinned else HfApi().dataset_info(source, revision=revision).sha
        splits = datasets.load_dataset(source, data_set.config if own else None, revision=revision)
    except Exception as error:
        raise ValueError(
            f"{source} cannot be loaded from the hub ({_cause(error)}); check the id, the revision and the network, or give a "
            "local file as --source"
        ) from None
    if data_set.split in splits:
        return splits[data_set.split], revision
    if len(splits) > 1:
        raise ValueError(
            f"{source} has the splits {', '.join(splits)}, but no {data_set.split!r}; give a local file as --source"
        )
    return next(iter(splits.values())), revision


def of_mixed_types(loaded, column: str) -> bool:
    """Whether a column came from JSON with values of several types, which `datasets` keeps as JSON text."""
    return type(loaded.features[column]).__name__ == "Json"


def _cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
