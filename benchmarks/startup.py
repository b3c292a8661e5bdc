"""Processor time of commands that need no network: help, lists, and errors about names.

    PYTHONPATH=benchmarks python benchmarks/startup.py

Each command runs in a process of its own, several times in turns, so that a busy machine disturbs all of them alike.
"""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from measuring import make_parser, markdown_table, print_figures

COMMANDS = (
    "--help",
    "train --help",
    "methods",
    "weights list",
    "train ugatti --dataset dial",
    "train ugatit --dataset no-such-set",
    "translate no-such-run --input x.png --output out",
    "eval no-such-run",
    "table --results no-such-folder",
)


def processor_seconds(words: list[str]) -> float:
    """Processor time of `ugbench WORDS` and its children, seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(Path(sys.executable).with_name("ugbench")), *words]
    subprocess.run(command, capture_output=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=9, help="times that each command is run")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
    for _ in range(options.runs):
        for command in COMMANDS:
            seconds[command].append(processor_seconds(command.split()))
    rows = [
        {"command": f"ugbench {command}", "seconds_median": statistics.median(of), "seconds_least": min(of)}
        for command, of in seconds.items()
    ]
    print(markdown_table(rows))
    print_figures({"runs": options.runs, "rows": rows}, options.output)


if __name__ == "__main__":
    main()
