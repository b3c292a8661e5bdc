"""How long `ugbench runs`, `table` and `report` take over a results folder of many runs, and with how much memory.

    python benchmarks/scale.py                       2,000 runs: 4 methods, 10 data sets, 50 seeds
    python benchmarks/scale.py --runs 200 --lines 50
    python benchmarks/scale.py --keep FOLDER         leaves the results folder there

The results folder is made here: each run has its config, a log of 200 lines, times, a checkpoint's folder and scores of
four metrics in both directions. There are no images, whose cost benchmarks/report.py measures. Each command runs in a
process of its own, and its time has the start of Python in it.
"""

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measuring import make_parser, print_figures

from ugbench.registry import load_method
from ugbench.runs.run import DatasetRecord, RunConfig, open_run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord

METHODS = ("ugatit", "cyclegan", "unit", "cut")
SETS = 10
METRICS = ("kid", "fid", "lpips", "density")
STEPS = 20_000
COMMANDS = {
    "runs": ["runs"],
    "table": ["table", "--format", "csv"],
    "report": ["report", "--output", "report.html"],
}


def make_runs(results: Path, runs: int, lines: int) -> None:
    """Write a results folder with so many finished runs, each with a log of so many lines."""
    generator = np.random.default_rng(0)
    configs = {name: load_method(name).make_config("smoke", None, {"steps": STEPS}) for name in METHODS}
    for index, (name, dataset, seed) in enumerate(grid(runs)):
        fingerprint = f"{dataset}-fingerprint"
        config = RunConfig(
            method=name,
            variant=None,
            preset="smoke",
            config=configs[name].model_dump(mode="json"),
            dataset=DatasetRecord(name=dataset, root=f"/data/{dataset}", fingerprint=fingerprint, images={}),
            direction="A2B" if name == "cut" else None,
            seed=seed,
            precision="fp32",
        )
        run = open_run(results / dataset, config)
        terms = generator.normal(1, 0.2, (lines, 8))
        steps = [STEPS * (line + 1) // lines for line in range(lines)]
        rows = [
            {"step": step, **{f"generators/term{term}": float(value) for term, value in enumerate(values)}}
            for step, values in zip(steps, terms, strict=True)
        ]
        run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        times = [{"step": step, "seconds_per_step": 0.1} for step in steps]
        run.timing_file.write_text("".join(json.dumps(row) + "\n" for row in times), encoding="utf-8")
        run.checkpoint(STEPS).mkdir(parents=True)
        directions = ("A2B",) if name == "cut" else ("A2B", "B2A")
        record.append(
            run.scores_file,
            [score(run.id, config, metric, side, generator) for metric in METRICS for side in directions],
        )
        if index % 500 == 499:
            print(f"{index + 1} runs made", file=sys.stderr)


def grid(runs: int) -> Iterator[tuple[str, str, int]]:
    """The method, data set and seed of each run."""
    for number in range(runs):
        rest, method = divmod(number, len(METHODS))
        seed, dataset = divmod(rest, SETS)
        yield METHODS[method], f"set{dataset}", seed


def score(run: str, config: RunConfig, metric: str, side: str, generator: np.random.Generator) -> ScoreRecord:
    """A score around 1."""
    value = float(generator.normal(1, 0.1))
    dataset = "" if config.dataset is None else config.dataset.name
    fields = {"run": run, "dataset": dataset, "direction": side, "method": config.method, "variant": None}
    numbers = {"value": value, "se": 0.05, "low": value - 0.1, "high": value + 0.1, "n_fake": 100, "n_real": 100}
    kind = {
        "metric": metric,
        "higher_is_better": metric == "density",
        "comparable": True,
    }
    protocol = {"name": "target", "metric": metric}
    return ScoreRecord(
        **fields, **numbers, **kind, seed=config.seed, step=STEPS, protocol=protocol, protocol_id=f"made{metric}"
    )


def measure(words: list[str], folder: Path) -> dict[str, Any]:
    """Seconds, processor seconds and the largest memory of a command, in MB, and how much it printed."""
    with (folder / "printed").open("wb") as printed:
        command = [sys.executable, "-m", "ugbench", *words, "--results", str(folder / "results")]
        start = time.perf_counter()
        actions = [(os.POSIX_SPAWN_DUP2, printed.fileno(), 1)]
        child = os.posix_spawn(sys.executable, command, dict(os.environ), file_actions=actions)
        _, status, usage = os.wait4(child, 0)
        seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "megabytes": round(usage.ru_maxrss / 1024),
        "printed_bytes": (folder / "printed").stat().st_size,
    }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--lines", type=int, default=200, help="lines in the log of a run")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="the commands to measure")
    parser.add_argument("--keep", type=Path, help="make the results in this folder, and leave them there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = (options.keep or Path(made)).absolute()
        if not (folder / "results").exists():
            # The methods load torch, and a process counts the memory of the one that starts it as its own.
            maker = multiprocessing.get_context("spawn").Process(
                target=make_runs, args=(folder / "results", options.runs, options.lines)
            )
            maker.start()
            maker.join()
            if maker.exitcode:
                raise SystemExit("the results folder could not be made; the error is above.")
        words = {name: list(COMMANDS[name]) for name in options.commands.split(",")}
        if "report" in words:
            words["report"][-1] = str(folder / "report.html")
        figures = {name: measure(of_command, folder) for name, of_command in words.items()}
        files = sum(len(names) for _, _, names in os.walk(folder / "results"))
    print_figures(
        {"runs": options.runs, "files": files, **figures, "load_average": round(os.getloadavg()[0], 1)}, options.output
    )


if __name__ == "__main__":
    main()
