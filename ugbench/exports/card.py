"""The model card beside an exported file: what it holds, how it was trained, its scores, and how to use it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ugbench import registry
from ugbench.exports.safetensors import Export
from ugbench.scoring.record import ScoreRecord
from ugbench.tables.notes import style_notes


def card(export: Export, scores: Iterable[ScoreRecord], file: str) -> str:
    """The model card as a page of Markdown.

    Args:
        scores: score records of the run; those of other steps than the exported one are left out.
        file: name of the exported file.
    """
    label = export.method + (f" ({export.variant})" if export.variant else "")
    training = f"Preset {export.preset}, seed {export.seed}, trained in {export.precision}."
    if export.preset is None:
        training = "From published weights: fields that only training reads may differ from how they were trained."
    # The last record of each metric, direction and protocol at the exported step.
    latest = {
        (score.metric, score.direction, score.protocol_id): score
        for score in scores
        if (score.step or 0) == export.step
    }
    return "\n".join(
        [
            f"# {label}" + (f" on {export.dataset['name']}" if export.dataset else ""),
            "",
            f"An unpaired image-to-image translator, {' and '.join(export.directions)}, written by ugbench from run "
            f"{export.run}{f' after {export.step} steps' if export.preset else ', which was imported'}.",
            "",
            "## Data",
            "",
            _data(export),
            "",
            "## Configuration",
            "",
            f"{training} Every field:",
            "",
            "```json",
            json.dumps(export.config, indent=2),
            "```",
            "",
            "## Scores",
            "",
            *_scores(list(latest.values()), export.step),
            "",
            "## Use",
            "",
            f"`ugbench import {file} --as {export.method}` makes it a run, which `ugbench translate` and `ugbench "
            "eval` take. In Python, with RGB images (n, 3, height, width) in [-1, 1]:",
            "",
            "```python",
            *_python(export, file),
            "```",
            "",
        ]
    )


def _data(export: Export) -> str:
    if export.dataset is None:
        return "What it was trained on is not known here: it was imported without a data set."
    images = ", ".join(f"{count} in {split}" for split, count in export.dataset["images"].items())
    verb = "Trained on" if export.preset else "Imported, and scored on"
    return (
        f"{verb} `{export.dataset['name']}`: {images or 'no images counted'}. "
        f"Fingerprint of the content: `{export.dataset['fingerprint']}`."
    )


def _python(export: Export, file: str) -> list[str]:
    """Python that translates `images` with the exported networks."""
    length = registry.load_method(export.method).style_dim
    styles = [f"styles = torch.randn(len(images), {length})  # each selects one of many outputs"] if length else []
    arguments = f'images, "{export.directions[0]}"' + (", styles" if length else "")
    return [
        "from pathlib import Path",
        *(["import torch"] if length else []),
        "from ugbench.exports.safetensors import build, read_export",
        "",
        f'method = build(read_export(Path("{file}")))',
        *styles,
        f"translated = method.translate({arguments})",
    ]


def _scores(scores: list[ScoreRecord], step: int) -> list[str]:
    if not scores:
        return [f"None were recorded at step {step}."]
    rows = [
        "| Metric | Direction | Value | Standard error | Translated | Real | Protocol | Comparable |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        se = "-" if score.se is None else f"{score.se:.4g}"
        cells = [score.metric, score.direction, f"{score.value:.5g}", se, score.n_fake, score.n_real, score.protocol_id]
        rows.append(f"| {' | '.join(map(str, cells))} | {'yes' if score.comparable else 'no'} |")
    protocols = {score.protocol_id: score.protocol for score in scores}
    lines = [f"- `{name}`: `{json.dumps(protocol, sort_keys=True)}`" for name, protocol in protocols.items()]
    said = " ".join(["Values are raw, never times 100.", *style_notes(scores), "Protocols:"])
    return [*rows, "", said, "", *lines]
