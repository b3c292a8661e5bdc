"""The sections of gpu.py that train whole runs: a kill and a resume, the end at a non-finite step, and a long run."""

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import torch
from gpu_training import IMAGES, Section, Settings, compared, differing
from safetensors.torch import load_file

from ugbench.device import Precision, has_bf16
from ugbench.errors import NonFiniteLoss
from ugbench.image_size import width_and_height
from ugbench.method import Batch, Method
from ugbench.runs.run import DatasetRecord, RunConfig, open_run
from ugbench.training import capture, loop, step
from ugbench.training.images import Images
from ugbench.training.intervals import Intervals

STOPPED = 75
"""The exit code of a training that a signal has stopped and that is saved."""
POLL = 0.02  # seconds
SAVING = 10.0
"""Seconds in which a training saves its state and ends."""


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    """`ugbench WORDS` in a process of its own, which ends with the block at the latest."""
    command = [sys.executable, "-m", "ugbench", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing where it has ended


def logged_steps(results: Path) -> int:
    """How many steps the only run in a folder has logged."""
    return sum(len(file.read_bytes().splitlines()) for file in results.rglob("metrics.jsonl"))


def wait_for_steps(process: subprocess.Popen[str], results: Path, steps: int, seconds: float = 600.0) -> None:
    """Wait until a run has logged so many steps, its process has ended, or the seconds are over."""
    end = time.monotonic() + seconds
    while process.poll() is None and logged_steps(results) < steps and time.monotonic() < end:
        time.sleep(POLL)


def kill_and_resume(settings: Settings, method: str) -> dict[str, Any]:
    """A deterministic run that SIGTERM stops and that goes on, and the same run without interruption."""
    size, steps = (32, 12) if settings.quick else (64, 100)
    with TemporaryDirectory() as folder:
        dataset = ["--dataset", f"dial:size={size},train=8,test=2", "--data-root", Path(folder, "data")]
        config = ["--preset", "smoke", "--size", size, "--batch-size", 1, "--steps", steps]
        computed = ["--log-every", 1, "--sample-every", steps, "--deterministic", "--device", settings.device, "--json"]
        codes = {}
        for name in ("whole", "killed", "resumed"):
            results = Path(folder, "whole" if name == "whole" else "other")
            with started("train", method, *dataset, *config, *computed, "--results", results) as process:
                if name == "killed":
                    wait_for_steps(process, results, 3)
                    process.send_signal(signal.SIGTERM)
                printed, _ = process.communicate()
                codes[name] = process.returncode
                if name == "killed":
                    stopped_at = json.loads(printed or "{}").get("step")
        metrics, generators = (
            [next(iter(Path(folder, name).rglob(file))) for name in ("whole", "other")]
            for file in ("metrics.jsonl", "generators.safetensors")
        )
        return {
            "steps": steps,
            "exit_codes": codes,
            "stopped_at_step": stopped_at,
            "was_stopped": codes["killed"] == STOPPED,
            "metrics_equal": metrics[0].read_bytes() == metrics[1].read_bytes(),
            "generators": compared(differing(*map(load_file, generators))),
        }


def recovery(settings: Settings, method: str, precision: Precision) -> dict[str, Any]:
    """The end of a training at a non-finite step: it is repeated to the last finite state, which is saved.

    Memory is the peak before the step and that of the whole training, so that two whole states at once would be seen.
    """
    config, bad = settings.large(method), 2
    width, height = width_and_height(config.training_size)
    a, b = torch.randint(0, 256, (2, IMAGES, 3, height, width), dtype=torch.uint8)
    peaks: list[int | None] = []

    def poisoned(network: Method, phases: step.Phases, batch: Batch) -> None:
        if batch.step == bad:
            peaks.append(settings.peak())
            batch = Batch(batch.a * torch.inf, batch.b, batch.draws, batch.step, batch.extra)
        step.train_step(network, phases, batch)

    settings.forget_peak()
    with TemporaryDirectory() as folder:
        record = DatasetRecord(name="drawn", root=folder, fingerprint="", images={"trainA": IMAGES, "trainB": IMAGES})
        run = open_run(
            Path(folder, "drawn"),
            RunConfig(
                method=method,
                variant=None,
                preset=None,
                config=config.model_dump() | {"steps": 6},
                dataset=record,
                direction=None,
                seed=0,
                precision=precision,
            ),
        )
        said: str | None = None
        began = time.perf_counter()
        with mock.patch.object(capture, "train_step", poisoned):
            try:
                loop.train(run, Images(a, b, {"A": a[:0], "B": b[:0]}), settings.device, Intervals(save_every=100))
            except NonFiniteLoss as error:
                said = str(error).replace(folder, "")
        return {
            "said": said,
            "saved_step": run.step(),
            "last_finite_step": bad,
            "seconds": time.perf_counter() - began,
            "peak_memory_bytes_before": peaks[0] if peaks else None,
            "peak_memory_bytes": settings.peak(),
        }


def long_run(settings: Settings, method: str) -> dict[str, Any]:
    """A real training of the light model for the rest of the time, stopped by SIGTERM: its speed and its losses."""
    size, preset, every = (32, "smoke", 1) if settings.quick else (256, "light", 20)
    end = time.monotonic() + settings.seconds - SAVING
    with TemporaryDirectory() as folder:
        results = Path(folder, "results")
        dataset = ["--dataset", f"dial:size={size},train=32,test=4", "--data-root", Path(folder, "data")]
        config = ["--preset", preset, "--size", size, "--batch-size", 1, "--steps", 1_000_000]
        with started(
            "train", method, *dataset, *config, "--log-every", every, "--device", settings.device, "--results", results
        ) as process:
            wait_for_steps(process, results, 1)
            wait_for_steps(process, results, 1_000_000, 2.0 if settings.quick else max(5.0, end - time.monotonic()))
            process.send_signal(signal.SIGTERM)
            process.communicate()
        return {"exit_code": process.returncode, "preset": preset, "size": size, **_course(results)}


def _course(results: Path) -> dict[str, Any]:
    """What the logs of the only run in a folder say: steps, speed, and the means of the first and last losses."""
    metrics, timing = (
        [json.loads(line) for file in results.rglob(name) for line in file.read_text(encoding="utf-8").splitlines()]
        for name in ("metrics.jsonl", "timing.jsonl")
    )
    terms = [name for name in metrics[0] if name != "step" and not name.startswith(("lr/", "rho"))]
    part = max(1, len(metrics) // 10)
    first, last = (
        {term: statistics.mean(line[term] for line in lines) for term in terms}
        for lines in (metrics[:part], metrics[-part:])
    )
    seconds = [line["seconds_per_step"] for line in timing]
    return {
        "steps": metrics[-1]["step"],
        "seconds_per_step": statistics.median(seconds[1:] or seconds),
        "first_losses": first,
        "last_losses": last,
    }


def _first_method(settings: Settings) -> list[dict[str, Any]]:
    return [{"method": settings.methods[0]}]


def _full_model(settings: Settings) -> list[dict[str, Any]]:
    precision: Precision = "bf16" if has_bf16(settings.device) and not settings.quick else "fp32"
    return [{**case, "precision": precision} for case in _first_method(settings)]


RUNS = [
    Section("kill_and_resume", 0.13, _first_method, kill_and_resume),
    Section("recovery", 0.16, _full_model, recovery),
]
LONG_RUN = Section("long_run", 0.1, _first_method, long_run)
