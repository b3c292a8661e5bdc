"""The archives that a release consists of: what is in them, and that the wheel works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ugbench", "ugatit", "baselines")
BESIDE = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
IMPORT_ALL = """
import importlib, pkgutil, sys
import baselines, ugatit, ugbench
for package in (baselines, ugatit, ugbench):
    assert package.__file__.startswith(sys.prefix), package.__file__
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name != "ugbench.__main__":
            importlib.import_module(module.name)
"""


def run(*words: object, folder: Path) -> str:
    """What a command prints on stdout; it must succeed. It knows nothing of the checkout."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = list(map(str, words))
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built of it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    source.mkdir()
    for item in (*PACKAGES, "tests", ".ci", "docs", "Makefile", ".gitignore", *BESIDE - {"PKG-INFO", ".gitignore"}):
        ignored = shutil.ignore_patterns("__pycache__")
        path = ROOT / item
        if path.is_dir():
            shutil.copytree(path, source / item, ignore=ignored)
        else:
            shutil.copy(path, source / item)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, folder=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def installed(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The scripts of an environment in which the wheel alone is installed.

    The packages that it needs are those of the environment of the tests, because torch takes minutes to install. A .pth
    file adds them to the path; those of an editable install are not read in a folder that is added in this way.
    """
    home = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(home, symlinks=True)
    scripts = home / "bin"
    (site,) = home.glob("lib/python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (wheel,) = archives.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", scripts / "python", "install"]
    run(*pip, "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel, folder=home)
    yield scripts


def tracked_files() -> set[str]:
    """The files of the packages, as paths below the checkout."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*")]
    return {file.relative_to(ROOT).as_posix() for file in files if file.is_file() and "__pycache__" not in file.parts}


def test_the_wheel_has_every_file_of_the_packages_and_nothing_else(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
    assert names == tracked_files()
    data = {name for name in names if not name.endswith(".py")}
    assert {
        "ugbench/data/acquire/catalog.json",
        "ugbench/published/table1.json",
        "ugbench/published/titles.toml",
    } <= data
    assert {"ugbench/figures/print.mplstyle", "ugbench/report/templates/report.html"} <= data


def test_the_sdist_has_what_the_wheel_is_built_of_and_no_tests(archives: Path) -> None:
    (sdist,) = archives.glob("*.tar.gz")
    with tarfile.open(sdist) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    assert names == tracked_files() | BESIDE


def test_the_installed_modules_are_those_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    run(installed / "python", "-c", IMPORT_ALL, folder=tmp_path)


def test_the_installed_command_runs_the_whole_pipeline(installed: Path, tmp_path: Path) -> None:
    printed = run(installed / "ugbench", "demo", "--steps", "2", "--device", "cpu", folder=tmp_path)
    assert "U-GAT-IT" in printed
    assert len(list(tmp_path.glob("results/dial-*/comparison.png"))) == 1
    run(installed / "ugbench", "report", "--output", "report.html", folder=tmp_path)
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "cat2dog" in run(installed / "ugbench", "data", "list", folder=tmp_path)


def test_the_installed_command_checks_a_metric(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "ugbench", "check-metric", "iou", folder=tmp_path).startswith("ok ")
