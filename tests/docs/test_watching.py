"""The tracker on docs/watching.md, brought by another distribution, is found and writes its file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

from commands import call_in

TRAIN = ["train", "cyclegan", "--dataset", "dial:size=32,train=4,test=2", "--preset", "smoke", "--size", "32"]
TINY = ["--batch-size", "1", "--steps", "3", "--log-every", "1", "--set", "channels=4,blocks=1"]


def test_the_tracker_of_the_page_writes_the_numbers_of_a_training(
    install: Callable[[str, str], None], tmp_path: Path
) -> None:
    install("watching.md", "csv_tracker")
    call_in(tmp_path, *TRAIN, *TINY, "--track", "csv_tracker")
    (file,) = (tmp_path / "results").glob("*.csv")
    rows = [(int(step), name, float(value)) for step, name, value in csv.reader(file.read_text().splitlines())]
    (log,) = (tmp_path / "results").glob("*/*/*/metrics.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    logged = {(line["step"], name, value) for line in lines for name, value in line.items() if name != "step"}
    assert logged <= set(rows) and len(lines) == 3
