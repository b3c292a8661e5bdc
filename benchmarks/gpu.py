"""Everything that only a GPU can tell: one command of at most 8 minutes on a machine with an NVIDIA GPU.

    python benchmarks/gpu.py --output gpu.jsonl                  all sections, on the GPU
    python benchmarks/gpu.py --device cpu --quick                a rehearsal at the smallest sizes, without a GPU
    python benchmarks/gpu.py --sections host_syncs,step_speed    some of the sections

Each line is a JSON object: the section, its case, the seconds that it took, and what was measured. A line is printed as
soon as it is known, so that a run that is killed leaves what it has measured. Each section has its share of the time
that is left; a case that takes longer ends there. An error ends its case, and the next one runs.
"""

import gc
import json
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

# Read when a process first uses the GPU. Without it, deterministic algorithms could not be measured in this process.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch
from gpu_checks import CHECKS
from gpu_runs import LONG_RUN, RUNS
from gpu_speed import SPEED
from gpu_training import Section, Settings
from gpu_ways import WAYS_OF_COMPUTING
from measuring import make_parser

from ugbench import registry
from ugbench.device import pick_device

SECTIONS = [*CHECKS, *RUNS, *SPEED, WAYS_OF_COMPUTING, LONG_RUN]
GRACE = 20.0
"""Seconds beyond its share after which a case is interrupted. Networks are made in them, and cuDNN tries algorithms."""


class OutOfTime(Exception):
    """A case took longer than the share of its section."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block after so many seconds, between two operations of Python."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise OutOfTime(f"it took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure(section: Section, case: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What a case measured, or why it measured nothing."""
    if section.needs_gpu and not settings.cuda:
        return {"skipped": "needs a GPU"}
    try:
        with time_limit(settings.seconds + GRACE):
            return section.run(settings, **case)
    except Exception as error:  # recorded; the sections after it can still tell something
        return {"error": {"type": type(error).__name__, "message": str(error)}}
    finally:
        gc.collect()
        if settings.cuda:
            torch.cuda.empty_cache()


def lines(sections: Sequence[Section], settings: Settings, seconds: float) -> Iterator[dict[str, Any]]:
    """A line per case; the sections share the seconds."""
    end = time.monotonic() + seconds
    for index, section in enumerate(sections):
        share = section.share / sum(later.share for later in sections[index:])
        end_of_section = time.monotonic() + max(0.0, end - time.monotonic()) * share
        cases = section.cases(settings)
        for number, case in enumerate(cases):
            began = time.monotonic()
            left = max(0.0, end_of_section - began) / (len(cases) - number)
            if began < end:
                figures = measure(section, case, replace(settings, seconds=left))
            else:
                figures = {"skipped": "no time was left"}
            yield {"section": section.name, **case, "seconds": round(time.monotonic() - began, 2), **figures}


def as_json(line: dict[str, Any]) -> str:
    """A line as JSON, in which NaN and Inf are text, because JSON has no such numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(line), allow_nan=False)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes and fewest steps: a rehearsal")
    parser.add_argument("--seconds", type=float, default=460.0, help="how long all sections may take")
    parser.add_argument("--sections", default="", help=f"some of {','.join(section.name for section in SECTIONS)}")
    parser.add_argument("--methods", default="", help="some methods; the first one trains the whole runs")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE", help="of an extractor")
    options = parser.parse_args()
    names = options.sections.split(",") if options.sections else [section.name for section in SECTIONS]
    if unknown := set(names) - {section.name for section in SECTIONS}:
        parser.error(f"--sections: there is no {', '.join(sorted(unknown))}.")
    methods = tuple(options.methods.split(",")) if options.methods else ("ugatit", *_other_methods())
    weights = {name: Path(file) for name, file in (pair.split("=", 1) for pair in options.weights)}
    settings = Settings(pick_device(options.device), options.quick, methods, weights)
    if options.output is not None:
        options.output.write_text("", encoding="utf-8")
    for line in lines([section for section in SECTIONS if section.name in names], settings, options.seconds):
        text = as_json(line)
        print(text)
        sys.stdout.flush()
        if options.output is not None:
            with options.output.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


def _other_methods() -> list[str]:
    """Those that train with images of A and B alone: no pairs, and no folders or weights that a user must have."""
    others = {name: registry.load_method(name) for name in registry.modules("methods") if name != "ugatit"}
    return [name for name, method in others.items() if not (method.paired or method.splits)]


if __name__ == "__main__":
    main()
