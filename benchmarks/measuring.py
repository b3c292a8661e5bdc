"""What the benchmarks share: the --output option, the clocks, a fresh process, and how figures are printed."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def make_parser(docstring: str | None) -> argparse.ArgumentParser:
    """A parser that is described by the first line of a script's docstring, with the option --output."""
    parser = argparse.ArgumentParser(description=str(docstring).partition("\n")[0])
    parser.add_argument("--output", type=Path, help="write the figures to this JSON file")
    return parser


def timed(call: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """What a call returns, and how many seconds it took: wall time, and processor time of this process."""
    start, start_processor = time.perf_counter(), time.process_time()
    value = call()
    return value, {"wall": time.perf_counter() - start, "processor": time.process_time() - start_processor}


def run_again(*options: object) -> Any:
    """What this script, started in a fresh process with these options, prints as JSON."""
    command = [sys.executable, sys.argv[0], *map(str, options)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def machine() -> dict[str, Any]:
    """Threads and vector instructions that torch uses on this machine."""
    import torch  # here, so that benchmarks of commands without torch do not load it

    return {"threads": torch.get_num_threads(), "instruction_set": torch.backends.cpu.get_cpu_capability()}


def print_figures(figures: dict[str, Any], file: Path | None) -> None:
    """Print the figures as JSON, and write them to the file if there is one."""
    text = json.dumps(figures, indent=2)
    print(text)
    if file is not None:
        file.write_text(text + "\n", encoding="utf-8")


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of figures as a Markdown table, with the names of the first row's figures as headings."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "\n".join("|".join(["", *line, ""]) if line[0] == "---" else f"| {' | '.join(line)} |" for line in lines)


def _cell(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    # A truth that is 0 but for rounding reads as 0.
    return f"{round(value, 12) + 0.0:.3g}" if isinstance(value, float) else str(value)
