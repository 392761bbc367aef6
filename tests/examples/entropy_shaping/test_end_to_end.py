"""The method on the real stack on CPU: it trains, and shows up in metrics, console, token dump and report."""

import json
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as parquet
import pytest

from tests import ROOT
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_it_passes_the_preflight_trains_and_shows_up(demo_inputs, tmp_path):
    run = Run(
        demo_inputs,
        tmp_path / "run",
        "adaptive_temperature.enabled=True",
        "algorithm.filter_groups.enable=False",  # so that the dump has the whole batch of a step
        "trainer.token_dump.every=2",
        "trainer.token_dump.responses=99",
        "trainer.total_training_steps=2",
        "trainer.save_freq=-1",
        recipe="examples.entropy_shaping",
    )
    preflight = [part.replace("shaping.main", "shaping.preflight") for part in run.command]
    table = subprocess.run(preflight, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert table.returncode == 0, table.stdout + table.stderr

    steps = run.start().finish()
    assert sorted(steps) == [1, 2]
    log = run.log.read_text(errors="replace")
    for step, data in steps.items():
        assert data["entropy_shaping/bonus"] > 0
        assert 0 < data["entropy_shaping/capped_share"] < 1
        assert data["actor/grad_norm"] > 0
        assert "adaptive_temperature/log_entropy_center" in data
        assert re.search(rf"step {step}/2  reward .*  bonus {data['entropy_shaping/bonus']:.3f} \(\d+% capped\)", log)

        dump = parquet.read_table(run.folder / f"tokens/step_{step}.parquet")
        assert json.loads(dump.schema.metadata[b"token_dump"])["method"] == "entropy_shaping"
        bonus, entropy, advantage = (
            np.concatenate(dump.column(name).to_pylist()) for name in ("bonus", "entropy", "advantage")
        )
        assert bonus == pytest.approx(np.minimum(0.4 * entropy, np.abs(advantage) / 2), abs=1e-6)
        assert bonus.mean() == pytest.approx(data["entropy_shaping/bonus"], rel=1e-4)

    report = [sys.executable, "-m", "recipe.insight", run.folder, "--out", tmp_path / "report"]
    subprocess.run(report, cwd=ROOT, check=True, timeout=120)
    page = (tmp_path / "report/index.html").read_text()
    for text in ("Entropy bonus", "Capped bonuses", '"label":"entropy bonus"'):
        assert text in page.replace('": "', '":"'), text
