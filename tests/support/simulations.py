"""The scripts of benchmarks/simulations/ as modules."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def loaded(name: str) -> ModuleType:
    """A script of benchmarks/simulations as a module."""
    file = ROOT / "benchmarks" / "simulations" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"{name}_simulation", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        spec.loader.exec_module(module)
    return module
