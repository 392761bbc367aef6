"""The settings of the token dump, from the config node `trainer.token_dump`. Imports neither verl nor torch."""

from __future__ import annotations

from dataclasses import dataclass, fields

from omegaconf import DictConfig, OmegaConf

from recipe.runs.run_folder import run_folder


@dataclass(frozen=True)
class DumpSettings:
    """When, how much and where.

    every: step 1 and each step that this divides are dumped; 0: none.
    responses, tokens: most of a file; a response that would exceed `tokens` is left out, none is cut.
    verdicts: most in a file of verdicts, of which there is one beside each; 0: none.
    files: most of each kind in the folder; beyond that the one whose neighbours are closest goes, so that they span the run.
    folder: where the files go; null: `tokens` beside a checkpoint folder named `checkpoints`, else inside it.

    Raises:
        ValueError: a value is out of range.
    """

    every: int = 10
    responses: int = 8
    tokens: int = 262144
    verdicts: int = 256
    files: int = 100
    folder: str | None = None

    def __post_init__(self) -> None:
        for name, least in (("every", 0), ("responses", 1), ("tokens", 1), ("verdicts", 0), ("files", 2)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                off = {"every": "; 0 switches the dump off", "verdicts": "; 0 for none"}.get(name, "")
                raise ValueError(f"trainer.token_dump.{name} is {value!r}; it must be a whole number of at least {least}{off}")
        if self.folder is not None and not (isinstance(self.folder, str) and self.folder):
            raise ValueError(f"trainer.token_dump.folder is {self.folder!r}; it must be a path, or null for the default")

    def due(self, step: int) -> bool:
        """Whether this step is dumped."""
        return self.every > 0 and (step == 1 or step % self.every == 0)


def dump_settings(config: DictConfig) -> DumpSettings:
    """The settings of a composed config, with the folder filled in; a config without the node has no dump.

    Raises:
        ValueError: an unknown key, a value out of range, or no room for a single response.
    """
    node = OmegaConf.select(config, "trainer.token_dump")
    if node is None:
        return DumpSettings(every=0)
    known = [f.name for f in fields(DumpSettings)]
    if not isinstance(node, DictConfig):
        raise ValueError(f"trainer.token_dump is {node!r}; it has the settings {', '.join(known)}")
    values = OmegaConf.to_container(node, resolve=True)
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"trainer.token_dump has no setting {unknown[0]!r}; its settings are {', '.join(known)}")
    settings = DumpSettings(**(values | {"folder": values.get("folder") or str(run_folder(config) / "tokens")}))
    if settings.every and settings.tokens < config.data.max_response_length:
        raise ValueError(
            f"trainer.token_dump.tokens is {settings.tokens}, less than the {config.data.max_response_length} tokens of one "
            f"response; set it to data.max_response_length or more, or switch the dump off with trainer.token_dump.every=0"
        )
    return settings
