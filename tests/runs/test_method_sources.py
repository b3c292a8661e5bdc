"""The hash of a method's code: it changes with code that decides numbers, and with nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ugbench import registry
from ugbench.runs.method_sources import changed_method, method_sources
from ugbench.runs.origin import Origin
from ugbench.runs.run import DatasetRecord, Run, RunConfig, open_run

FILES = {
    "__init__.py": '"""A package."""\n',
    "method.py": (
        '"""A method."""\nimport torch\nfrom . import layers\nfrom .deep.losses import weight\n'
        'class M:\n    """Doc."""\n    rate = 1e-4\n    """The rate."""\n'
    ),
    "layers.py": "import blotch.deep\ndef f(x):\n    return x + 1  # one\n",
    "deep/__init__.py": "",
    "deep/losses.py": "from blotch import layers\nweight = 10\n",
    "unrelated.py": "x = 1\n",
}
Edit = Callable[[str, str, str], str]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """edit(file, old, new): the hash of the method in package `blotch` after that change."""
    root = tmp_path / "site" / "blotch"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(root.parent)
    monkeypatch.setattr(registry, "modules", lambda group: {"blotch": "blotch.method"})

    def change(name: str = "method.py", old: str = "", new: str = "") -> str:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        sources = method_sources("blotch")
        assert sources is not None
        return sources

    return change


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("method.py", "1e-4", "2e-4"),
        ("layers.py", "x + 1", "x + 2"),
        ("deep/losses.py", "10", "11"),
        ("__init__.py", "package", 'package."""\nimport warnings\n"""'),
        ("method.py", "import torch", "import numpy"),
    ],
)
def test_code_that_the_method_imports_from_its_package_changes_the_hash(
    name: str, old: str, new: str, edit: Edit
) -> None:
    before = edit()
    assert len(before) == 64
    assert edit(name, old, new) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("layers.py", "  # one", "  # adds one"),
        ("method.py", "A method.", "A better explained method."),
        ("method.py", "Doc.", "More words."),
        ("method.py", "The rate.", "The learning rate."),
        ("layers.py", "return x + 1", "return (\n        x + 1\n    )"),
        ("unrelated.py", "x = 1", "x = 2"),
    ],
)
def test_comments_docstrings_layout_and_other_modules_do_not(name: str, old: str, new: str, edit: Edit) -> None:
    before = edit()
    assert edit(name, old, new) == before


def test_methods_of_one_package_do_not_see_each_other() -> None:
    hashes = {name: method_sources(name) for name in ("ugatit", "cyclegan", "cut", "unit")}
    assert len(set(hashes.values())) == 4 and None not in hashes.values()
    assert method_sources("no such method") is None


def test_hashing_imports_no_torch() -> None:
    code = (
        "import sys; from ugbench.runs.method_sources import method_sources; method_sources('ugatit')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def make_run(folder: Path, method: str = "ugatit", origin: Origin | None = None) -> Run:
    record = DatasetRecord(name="cats", root="/d", fingerprint="f", images={})
    config = RunConfig(
        method=method,
        variant=None,
        preset="smoke",
        config={"steps": 10, "size": 32},
        dataset=record,
        direction=None,
        seed=0,
        precision="fp32",
        origin=origin,
    )
    return open_run(folder / "cats", config)


def test_a_changed_method_is_said_once_with_the_way_out(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.environment_file.write_text(json.dumps({"method_sources": "0" * 64}), encoding="utf-8")
    sentence = changed_method(run)
    assert sentence is not None and run.id in sentence and "--restart" in sentence
    run.environment_file.write_text(json.dumps({"method_sources": method_sources("ugatit")}), encoding="utf-8")
    assert changed_method(run) is None


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert changed_method(run) is None  # nothing is trained yet
    for content in ({}, {"method_sources": None}):
        run.environment_file.write_text(json.dumps(content), encoding="utf-8")
        assert changed_method(run) is None
    gone, imported = make_run(tmp_path, "gone"), make_run(tmp_path, origin=Origin(name="theirs", files={}))
    for other in (gone, imported):
        other.environment_file.write_text(json.dumps({"method_sources": "0" * 64}), encoding="utf-8")
        assert changed_method(other) is None
    run.environment_file.write_text("{", encoding="utf-8")
    assert changed_method(run) is None
