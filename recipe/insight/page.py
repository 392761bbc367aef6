"""The page: one HTML file with its data, its script and Plotly in it, which may load nothing from anywhere.

The data are a JSON island and one text island of packed responses a run. The page's script only ever sets text from them.
The content security policy names the scripts by hash, so that nothing else runs, whatever stands in the data.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from recipe.insight.config import compare
from recipe.insight.described import Described, described, style
from recipe.insight.plots import groups, overview, prompts, times
from recipe.insight.runs import Run
from recipe.text.visible import visible


def page(runs: Sequence[Run], state: str = "") -> str:
    """The page of runs, as HTML text. state: of a page that is served, which asks whether there is another one by now.

    Raises:
        ValueError: Plotly is not installed.
    """
    sections = [overview(runs), groups(runs), prompts(runs), times(runs)]
    by_run = [next((one for one in described(runs) if one.display == run.display), None) for run in runs]
    data = {
        "runs": [{"name": run.name, "lacks": run.lacks, "facts": _facts(run), "warnings": _warnings(run)} for run in runs],
        "sections": sections,
        "config": _configs(runs),
        "tokens": [_tokens(run, one) for run, one in zip(runs, by_run, strict=True)],
        "verdicts": [asdict(run.verdicts) if run.verdicts else None for run in runs],
    }
    packed = "".join(
        f'<script type="text/plain" id="tokens-{i}">{chr(10).join(run.dumps.packed)}</script>\n'
        for i, run in enumerate(runs)
        if run.dumps
    )
    own = resources.files("recipe.insight")
    scripts = {
        "library": _text(_plotly()),
        "tokens": _text(own / "tokens.js"),
        "verdicts": _text(own / "verdicts.js"),
        "script": _text(own / "page.js"),
    }
    if state:
        scripts["follow"] = _text(own / "follow.js")
    assert not any("</script" in script.lower() or "<!--" in script for script in scripts.values())
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts.values()))}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'" + ("; connect-src 'self'" if state else "")
    )
    scripts["follow"] = f"<script>{scripts['follow']}</script>\n" if state else ""
    parts = scripts | {"policy": policy, "style": _text(own / "page.css") + style(runs), "data": island(data), "packed": packed}
    parts["state"] = state
    # Piece by piece: what was put in is not searched for further places.
    template = _text(own / "page.html").split("@@")
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(template))


def island(data: Any) -> str:
    """JSON that stands in a script element and cannot end it."""
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _plotly() -> Traversable:
    try:
        return resources.files("plotly") / "package_data/plotly.min.js"
    except ModuleNotFoundError:
        raise ValueError("the Python package plotly, which brings the plots' script, is missing; pip install plotly") from None


def _text(file: Traversable) -> str:
    """With line feeds only: a browser makes them of all line ends before it takes the hash."""
    return file.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _facts(run: Run) -> list[str]:
    """The cells of the overview's table: method, steps, reward, validation accuracy, entropy, length, seconds a step."""
    metrics = run.metrics
    accuracy = next((name for name in sorted(metrics.names) if name.startswith("val-core/") and "/acc/mean@" in name), "")
    names = ("critic/score/mean", accuracy, "actor/entropy", "response_length/mean", "timing_s/step")
    known = [metrics.known(name)[1] for name in names]
    changes = [_change(values, form) for values, form in zip(known[:4], ("{:.3f}", "{:.1%}", "{:.3f}", "{:,.0f}"), strict=True)]
    seconds = f"{np.median(known[4]):,.1f} s" if len(known[4]) else "-"
    return [run.method or "-", f"{metrics.steps[-1]:,}", *changes, seconds]


def _warnings(run: Run) -> list[dict[str, Any]] | None:
    return None if run.warnings is None else [asdict(one) | {"text": visible(one.text)} for one in run.warnings]


def _change(values: np.ndarray, form: str) -> str:
    return f"{form.format(values[0])} \u2192 {form.format(values[-1])}" if len(values) else "-"


def _configs(runs: Sequence[Run]) -> dict[str, Any]:
    def clean(value: str | None) -> str | None:
        return None if value is None else visible(value)

    configs = [run.config for run in runs]
    rows = [
        {"key": visible(row["key"]), "values": [clean(x) for x in row["values"]], "differs": row["differs"]}
        for row in compare(configs)
    ]
    return {"overrides": [[visible(x) for x in config.overrides] if config else None for config in configs], "rows": rows}


def _tokens(run: Run, one: Described | None) -> dict[str, Any] | None:
    """What the token view needs of a run: its responses, and what its method says of their tokens."""
    if run.dumps is None:
        return None
    dumps = run.dumps
    found = {"clip": dumps.clip, "note": dumps.note, "responses": dumps.responses, "groups": [], "columns": []}
    if one is None:
        return found | {"word": "group", "negative": ""}
    display = one.display
    groups = display.groups if display.grouping else ()
    return found | {
        "word": visible(display.group_word),
        "negative": visible(display.grouping.negative) if display.grouping else "",
        "groups": [
            {"name": visible(group.name), "color": one.color(i), "faint": bool(group.faint)}
            for i, group in enumerate(groups, 1)
        ],
        "columns": [
            {"name": visible(column.name), "label": visible(column.label), "edges": column.edges} for column in display.columns
        ],
    }
