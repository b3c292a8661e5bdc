"""What a notebook shows of a run: facts, scores, and the newest sample grid inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

from markupsafe import Markup, escape

from ugbench.data.images import read_image, resize
from ugbench.errors import UgbenchError
from ugbench.runs.run import Run
from ugbench.runs.state import state_of
from ugbench.scoring import record

WIDEST = 640  # px: largest width of the sample grid
SCORES_SHOWN = 12


def run_html(run: Run) -> str:
    """A part of an HTML page that loads nothing; every text is escaped."""
    config, state = run.config, state_of(run)
    facts = [
        ("method", config.label),
        ("data set", run.dataset_folder.name),
        ("step", f"{run.step()} of {run.steps}"),
        ("status", state.status + (f": {state.reason}" if state.reason else "")),
        ("folder", str(run.path)),
    ]
    parts = [
        Markup("<b>Run {}</b>").format(run.id),
        _table(facts),
        _scores(run),
        _newest_samples(run),
    ]
    return Markup("<div>{}</div>").format(Markup("").join(parts))


def _table(rows: Iterable[Iterable[object]], heads: Iterable[str] = ()) -> Markup:
    def line(cells: Iterable[object], tag: str) -> Markup:
        cell = Markup(f'<{tag} style="text-align: left">{{}}</{tag}>')
        return Markup("<tr>{}</tr>").format(Markup("").join(cell.format(escape(text)) for text in cells))

    lines = [line(heads, "th")] if heads else []
    return Markup("<table>{}</table>").format(Markup("").join([*lines, *(line(row, "td") for row in rows)]))


def _scores(run: Run) -> Markup:
    """The newest stored score of each metric, direction and protocol; the reason if they cannot be read."""
    try:
        newest = {(r.metric, r.direction, r.protocol_id): r for r in record.read(run.scores_file)}
    except UgbenchError as error:
        return Markup("<p>{}</p>").format(str(error))
    if not newest:
        return Markup("")
    rows = [
        (r.metric, r.direction, r.step, f"{r.value:.4g}" + ("" if r.se is None else f" ± {r.se:.2g}"))
        for r in list(newest.values())[-SCORES_SHOWN:]
    ]
    return _table(rows, ("metric", "direction", "step", "value"))


def _newest_samples(run: Run) -> Markup:
    """The last sample grid of the training as an image; nothing if there is none that can be read."""
    folder = run.samples
    steps = [int(file.stem) for file in folder.glob("*.png") if file.stem.isdecimal()] if folder.is_dir() else []
    if not steps:
        return Markup("")
    step = max(steps)
    try:
        picture = read_image(run.sample_file(step))
    except UgbenchError:
        return Markup("")
    scale = min(1.0, WIDEST / picture.width)
    content = io.BytesIO()
    small = resize(picture, (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))
    small.save(content, "PNG")
    uri = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    return Markup('<img alt="samples at step {0}" title="samples at step {0}" src="{1}">').format(step, uri)
