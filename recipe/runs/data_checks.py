"""Checks of the data files of a run, read whole: each row can be trained on, and files that go together do."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field

import pyarrow as pa
from omegaconf import DictConfig, ListConfig, OmegaConf

from recipe.runs.data_files import Contents, read_contents

TRAINING, VALIDATION = KEYS = ("data.train_files", "data.val_files")


@dataclass
class Data:
    """The contents of a run's files: {key of the config: {file: contents}}.

    elsewhere: files that are not on a disk of this machine, and all if a data set class of the user's own reads them.
    """

    files: dict[str, dict[str, Contents]] = field(default_factory=lambda: {key: {} for key in KEYS})
    elsewhere: list[str] = field(default_factory=list)

    def rows(self, key: str) -> int:
        """Rows of the files of a key."""
        return sum(contents.rows for contents in self.files[key].values())

    def prompts(self, key: str) -> dict[str, list[dict]]:
        """{text: messages} of the distinct prompts of a key."""
        return {text: chat for contents in self.files[key].values() for text, chat in contents.prompts.items()}


def check_data(config: DictConfig) -> Data:
    """`read_data`, with a warning if training and validation share prompts."""
    data = read_data(config)
    if not data.elsewhere:
        _warn_of_shared_prompts(data)
    return data


def read_data(config: DictConfig) -> Data:
    """What the files hold.

    Raises:
        ValueError: a file that is missing or cannot be read, a row that cannot be used, files of one list with different
            columns, fewer training rows than a batch.
    """
    data = Data()
    for key in KEYS:
        files = files_of(config, key)
        if not files:
            raise ValueError(f"{key} is an empty list; name at least one file")
        for file in files:
            if config.data.custom_cls.path or "://" in file:  # such a class may read other columns, and no file at all
                data.elsewhere.append(file)
            else:
                data.files[key][file] = _contents(key, file, config.data.prompt_key)
        _require_same_columns(key, data.files[key])
    if not data.elsewhere:
        _require_a_batch(config, training_rows(config, data))
    return data


def training_rows(config: DictConfig, data: Data) -> int:
    """Rows that verl's data set takes of the training files, before it filters long prompts."""
    rows, most = data.rows(TRAINING), config.data.train_max_samples
    return min(rows, most) if most > 0 else rows


def files_of(config: DictConfig, key: str) -> list[str]:
    """The files of a key, which holds one or a list of them."""
    files = OmegaConf.select(config, key)
    return [str(file) for file in (files if isinstance(files, ListConfig) else [files])]


def _contents(key: str, file: str, prompt_key: str) -> Contents:
    if os.path.isdir(file):
        raise ValueError(f"{key} names {file}, which is a folder; name the files in it")
    if not os.path.isfile(file):
        raise ValueError(f"{key} names {file}, which does not exist")
    try:
        return read_contents(file, prompt_key)
    except ValueError as error:
        raise ValueError(f"{key}: {file} {error}") from None


def _require_same_columns(key: str, files: dict[str, Contents]) -> None:
    """verl puts the files of a key together with `datasets`, which takes a column of one name for one of one type."""
    seen: dict[str, tuple[str, object, pa.DataType]] = {}
    for file, contents in files.items():
        for column in contents.schema:
            shape = _shape(column.type)
            if pa.types.is_null(column.type):
                continue
            first, expected, before = seen.setdefault(column.name, (file, shape, column.type))
            if shape != expected:
                raise ValueError(
                    f"{key}: the column {column.name!r} is {before} in {first} and {column.type} in {file}, which cannot be "
                    "put together; write them with the same type, or drop the column"
                )


def _shape(found: pa.DataType) -> object:
    """A type without what does not count: the order of fields, and what the elements of a list are called."""
    if pa.types.is_struct(found):
        return {found.field(i).name: _shape(found.field(i).type) for i in range(found.num_fields)}
    if pa.types.is_list(found) or pa.types.is_large_list(found):
        return [pa.types.is_large_list(found), _shape(found.value_type)]
    return str(found)


def _require_a_batch(config: DictConfig, rows: int) -> None:
    if rows < config.data.train_batch_size:
        raise ValueError(
            f"{rows:,} training rows are fewer than one batch (data.train_batch_size={config.data.train_batch_size:,}); lower "
            "data.train_batch_size or add data"
        )


def _warn_of_shared_prompts(data: Data) -> None:
    training, validation = ({" ".join(text.split()) for text in data.prompts(key)} for key in KEYS)
    if shared := training & validation:
        warnings.warn(
            f"{len(shared):,} of {len(validation):,} validation prompts are in the training files as well, so that validation "
            f"looks better than it is; one is {min(shared)[:60]!r}",
            stacklevel=2,
        )
