"""Packages of extras: what needs them says which extra to install, and nothing else imports them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from commands import call

from ugbench.errors import UsageError
from ugbench.extras import need_extra
from ugbench.statistics.preferences import Vote, preferences

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
OF_TRACKERS = ("mlflow", "wandb")
OF_EXTRAS = (
    *("cv2", "fastapi", "krippendorff", "onnx", "onnxruntime", "onnxscript", "pillow_heif", "submitit", "timm"),
    *("uvicorn", *OF_TRACKERS),
)


def in_a_process_without(packages: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code where importing any of these packages fails, as if it were not installed."""
    blocked = f"import sys\nfor name in {packages!r}: sys.modules[name] = None\n"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", blocked + code]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)


def test_an_extra_that_is_missing_is_named_with_the_packages_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UsageError) as refused:
        need_extra("votes", ("uvicorn", "no_such_package", "json"), "`ugbench vote`")
    assert str(refused.value) == (
        "`ugbench vote` needs uvicorn, no_such_package; install with `pip install 'ugbench[votes]'`."
    )


def test_voting_without_its_extra_ends_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    result = call("vote", "--methods", "a,b", "--dataset", "dial", code=2)
    assert result.stderr == "error: `ugbench vote` needs fastapi; install with `pip install 'ugbench[votes]'`.\n"


def test_the_agreement_of_raters_without_its_extra_ends_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "krippendorff", None)
    random = np.random.default_rng(0)
    votes = [Vote(f"rater {r}", f"image {i}", int(random.integers(2))) for r in range(4) for i in range(4)]
    with pytest.raises(UsageError, match=r"the agreement of raters needs krippendorff; install with `pip install 'u"):
        preferences(votes, 2)


def test_every_module_can_be_imported_and_a_table_made_without_any_extra() -> None:
    code = """
import importlib, pkgutil, ugbench
from typer.testing import CliRunner
skipped = ("ugbench.votes.server",)
for module in pkgutil.walk_packages(ugbench.__path__, "ugbench."):
    if module.name != "ugbench.__main__" and not module.name.startswith(skipped):
        importlib.import_module(module.name)
from ugbench.cli.app import app
for words in (["--help"], ["methods"], ["table", "--results", "docs/reference/ablation"]):
    result = CliRunner().invoke(app, words, prog_name="ugbench", catch_exceptions=False)
    assert result.exit_code == 0, result.output
"""
    done = in_a_process_without(OF_EXTRAS, code)
    assert done.returncode == 0, done.stderr


def test_the_extra_all_has_every_extra_but_those_of_trackers_and_dev_has_these_too() -> None:
    assert EXTRAS["all"] == [f"ugbench[{','.join(sorted(EXTRAS.keys() - {'all', 'dev', *OF_TRACKERS}))}]"]
    assert "ugbench[all,mlflow,wandb]" in EXTRAS["dev"]


def test_the_packages_of_extras_are_those_that_the_tests_take_away() -> None:
    names = {"opencv-python-headless": "cv2", "pillow-heif": "pillow_heif"}
    listed = {line.partition(">")[0] for name in EXTRAS.keys() - {"all", "dev"} for line in EXTRAS[name]}
    assert {names.get(name, name) for name in listed} == set(OF_EXTRAS)
    assert all(importlib.import_module(name) for name in OF_EXTRAS)
