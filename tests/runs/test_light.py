"""Reading configs, records and logs loads no torch, which takes seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIGHT = [
    "ugbench.device",
    "ugbench.runs.filters",
    "ugbench.runs.folder",
    "ugbench.runs.json_file",
    "ugbench.runs.jsonl",
    "ugbench.runs.method_description",
    "ugbench.runs.reset",
    "ugbench.runs.run",
    "ugbench.runs.stored_outputs",
    "ugbench.runs.training_log",
]


def loads_torch(code: str) -> bool:
    command = [sys.executable, "-c", f"{code}; import sys; print('torch' in sys.modules)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "True"


def test_the_store_of_runs_is_imported_without_torch() -> None:
    assert not loads_torch("; ".join(f"import {module}" for module in LIGHT))


def test_the_check_above_notices_torch() -> None:
    assert loads_torch("import ugbench.runs.checkpoint")


@pytest.mark.parametrize("described", [True, False])
def test_the_directions_of_a_run_load_torch_only_without_method_json(tmp_path, described: bool) -> None:  # type: ignore[no-untyped-def]
    code = f"""
from pathlib import Path
from ugbench.runs import method_description
from ugbench.runs.run import RunConfig, open_run, read_run
config = RunConfig(method='ugatit', variant=None, preset='smoke', config={{'steps': 1, 'size': 32}}, dataset=None,
                   direction=None, seed=0, precision='fp32')
run = open_run(Path({str(tmp_path)!r}), config)
if {described}:
    description = method_description.MethodDescription(
        title='U', directions=('A2B', 'B2A'), parameters={{}}, flops_per_step=None)
    method_description.write(run, description)
assert read_run(run.path).directions() == ('A2B', 'B2A')
"""
    assert loads_torch(f"exec({code!r})") is not described
