"""Modules that only name, list or describe data load no torch, so that commands that need no networks start fast."""

import subprocess
import sys
from pathlib import Path

LIGHT = (
    "acquire.archives",
    "acquire.catalog",
    "acquire.importing",
    "check",
    "clusters",
    "dataset_names",
    "datasets",
    "dial.scenes",
    "dial.spec",
    "duplicates",
    "images",
    "progress",
    "splits",
    "styles",
)
HEAVY = ("torch", "torchvision", "scipy", "matplotlib", "pandas")


def test_light_modules_load_no_heavy_package_also_when_a_data_set_is_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "cats" / "trainA").mkdir(parents=True)
    code = f"""
import pathlib, sys
import {", ".join(f"ugbench.data.{module}" for module in LIGHT)}
assert ugbench.data.dataset_names.resolve("cats", pathlib.Path(sys.argv[1])).name == "cats"
print(*(name for name in {HEAVY} if name in sys.modules))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == []
