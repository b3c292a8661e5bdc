"""The command of each run of a study: `ugbench train …` with the options that give the run its id."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ugbench.image_size import as_size, size_text
from ugbench.training.request import Request

# With -P the modules are those that `ugbench` itself imports, and none from the working directory.
UGBENCH = (sys.executable, "-P", "-m", "ugbench")


@dataclass(frozen=True)
class Watch:
    """How each run of a study is shown and scored while it trains.

    Attributes:
        track: names of trackers.
        eval_every: steps between scores; None for no scores.
        extractor: the one that KID is computed with; its file is in `weights` if it needs one.
        cache: folder of features; None for the default.
    """

    track: tuple[str, ...] = ()
    eval_every: int | None = None
    extractor: str = "inception"
    weights: Mapping[str, Path] = field(default_factory=dict)
    cache: Path | None = None


NOT_WATCHED = Watch()


def command(request: Request, device: str, watch: Watch = NOT_WATCHED, jobs: int = 1) -> list[str]:
    """The words that train a run with this Python, while `jobs` runs in all train at once."""
    return [*UGBENCH, *train_words(request, device, watch, jobs)]


def printed_command(request: Request, device: str, watch: Watch = NOT_WATCHED) -> str:
    """The line that trains a run, as a person types it into a shell."""
    return shlex.join(["ugbench", *train_words(request, device, watch)])


def train_words(request: Request, device: str, watch: Watch = NOT_WATCHED, jobs: int = 1) -> list[str]:
    """The words after `ugbench` that train a run: `train ugatit --dataset …`.

    Args:
        device: value of --device; `auto` is decided on the machine that trains.
        jobs: number of runs that train at once on that machine.
    """
    words = ["train", request.method, "--dataset", request.dataset]
    words += ["--preset", request.preset, "--seed", str(request.seed), "--precision", request.precision]
    words += ["--results", str(request.results), "--data-root", str(request.data_root), "--device", device]
    if request.variant is not None:
        words += ["--variant", request.variant]
    if request.direction is not None:
        words += ["--direction", request.direction]
    if request.skip_bad:
        words.append("--skip-bad")
    if request.execution.deterministic:
        words.append("--deterministic")
    for option, mode in (("--compile", request.execution.compile), ("--capture", request.execution.capture)):
        if mode != "auto":
            words += [option, mode]
    if jobs > 1:
        words += ["--jobs", str(jobs)]
    for key, value in request.overrides.items():
        text = "null" if value is None else size_text(as_size(value)) if key == "size" else value
        words += ["--set", f"{key}={text}"]
    weights = dict(request.weights)
    for name in watch.track:
        words += ["--track", name]
    if watch.eval_every is not None:
        words += ["--eval-every", str(watch.eval_every), "--extractor", watch.extractor]
        weights |= watch.weights
        if watch.cache is not None:
            words += ["--cache", str(watch.cache)]
    for name, file in weights.items():
        words += ["--weights", f"{name}={file}"]
    return words
