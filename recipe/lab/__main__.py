"""`python -m recipe.lab [method=htpo] [task=sums] [key=value ...]`; config/lab.yaml has the keys."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import recipe.htpo
from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.lab.collect import Collector
from recipe.lab.policy import Policy
from recipe.lab.settings import check, objective_of, sizes_of, task_of
from recipe.lab.temperature import AdaptiveTemperature
from recipe.lab.train import Loop, Validation, train
from recipe.lab.warm_start import warm_started
from recipe.text.command_line import answered

HERE = Path(__file__).parent


def composed(overrides: list[str]) -> dict:
    """ValueError, one sentence, for what cannot be composed."""
    objectives = f"hydra.searchpath=[file://{Path(recipe.htpo.__file__).parent}/config]"
    try:
        with initialize_config_dir(str(HERE / "config"), version_base=None):
            config = compose("lab", [objectives, *overrides])
            return OmegaConf.to_container(config, resolve=True)
    except Exception as error:
        raise ValueError(" ".join(str(error).split())) from None


def run(config: dict, overrides: list[str], say=print) -> list[dict[str, float]]:
    """Train as the config says; the last validation's metrics of each seed."""
    check(config)
    torch.manual_seed(config["seed"])  # what verl's losses draw from
    task, objective = task_of(config["task"]), objective_of(config)
    adaptive = AdaptiveTemperature(AdaptiveTemperatureConfig(**config["adaptive_temperature"]))
    sizes, folder = sizes_of(config["model"], task), Path(config["folder"])
    base = warm_started(task, sizes, **config["warm_start"], folder=folder.parent / "warm-starts", say=say)
    seeds = list(range(config["seed"], config["seed"] + config["seeds"]))
    policy = Policy(sizes, len(seeds)).spread(base).to(config["device"])
    keep_config(folder, seeds, config, overrides)
    collector = Collector(
        task, seeds, config["prompts"], config["n"], config["filter_rounds"], config["temperature"], config["device"]
    )
    loop = Loop(
        **{key: config[key] for key in ("steps", "updates", "lr", "temperature", "staleness")},
        seeds=seeds,
        validation=Validation(**config["validation"]),
    )
    return train(policy, task, objective, adaptive, collector, loop, folder, say)


def keep_config(folder: Path, seeds: list[int], config: dict, overrides: list[str]) -> None:
    """As Hydra leaves them in a real run's folder, for the report page."""
    for seed in seeds:
        place = folder / f"seed-{seed}/hydra/.hydra"
        place.mkdir(parents=True, exist_ok=True)
        (place / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config | {"seed": seed})))
        (place / "overrides.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(overrides)))


def main() -> int:
    """0; 2 for wrong settings."""
    overrides = sys.argv[1:]
    started = time.perf_counter()

    def trained() -> str:
        config = composed(overrides)
        lines = [
            f"seed {seed}: " + ", ".join(f"{name.rpartition('/')[2]} {value:.3f}" for name, value in metrics.items())
            for seed, metrics in enumerate(run(config, overrides), start=config["seed"])
        ]
        return "\n".join([*lines, f"{time.perf_counter() - started:.0f} s; metrics in {config['folder']}"])

    return answered(trained)


if __name__ == "__main__":
    raise SystemExit(main())
