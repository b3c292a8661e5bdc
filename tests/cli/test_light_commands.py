"""Which commands start without the packages that take seconds to import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ugbench.runs.run import DatasetRecord, RunConfig, open_run

ROOT = Path(__file__).parents[2]
NETWORKS = {"torch", "torchvision", "lpips", "torch_fidelity"}
HEAVY = {*NETWORKS, "pandas", "matplotlib", "scipy"}
NOT_FOR_HELP = {*HEAVY, "numpy", "PIL", "requests"}  # each takes a tenth of a second or so


def imported_by(*words: object, code: int = 0) -> set[str]:
    """The top-level packages that `ugbench WORDS` imports in a process of its own, which ends with this exit code."""
    script = (
        "import json, sys\n"
        "from ugbench.cli.app import main\n"
        "try:\n    main()\n"
        f"except SystemExit as end:\n    assert (end.code or 0) == {code}, end.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "words",
    [
        ["train", "ugatti", "--dataset", "dial"],
        ["train", "ugatit", "--dataset", "no-such-set"],
        ["train", "ugatit", "--dataset", "dial:shape=2"],
        ["train", "ugatit", "--dataset", "dial", "--track", "wandbb"],
        ["compare", "--methods", "ugatit,cyclegun", "--dataset", "dial"],
        ["compare", "--methods", "ugatit", "--dataset", "dial", "--track", "wandbb"],
        ["compare", "--methods", "ugatit", "--dataset", "no-such-set"],
        ["ablate", "ugatti", "--dataset", "dial"],
        ["ablate", "--dataset", "no-such-set"],
        ["ablate", "--dataset", "dial", "--track", "wandbb"],
        ["bench", "ugatti"],
        ["translate", "no-such-run", "--input", "x.png", "--output", "out"],
        ["eval", "no-such-run"],
        ["eval", "--real", "no-such-folder", "--fake", "no-such-folder"],
        ["table", "--results", "no-such-folder"],
        ["weights", "get", "no-such-network"],
        ["data", "check", "no-such-set"],
        ["data", "get", "no-such-set"],
    ],
    ids=" ".join,
)
def test_a_wrong_name_is_refused_before_networks_are_imported(words: list[str]) -> None:
    assert imported_by(*words, code=2) & NETWORKS == set()


def test_the_check_sees_what_a_command_imports() -> None:
    assert "torch" in imported_by("doctor")


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["methods"],
        ["weights", "list"],
        ["train", "--help"],
        ["compare", "--help"],
        ["data", "make", "--help"],
    ],
)
def test_help_and_lists_of_methods_and_weights_import_nothing_heavy(words: list[str]) -> None:
    assert imported_by(*words) & HEAVY == set()


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["eval", "--help"], ["data", "--help"]], ids=" ".join
)
def test_help_imports_no_package_of_the_work_itself(words: list[str]) -> None:
    # Typer itself needs pydantic for the options of one command, and not for the list of commands.
    assert imported_by(*words) & (NOT_FOR_HELP | ({"pydantic_core"} if words == ["--help"] else set())) == set()


def test_the_list_of_runs_imports_nothing_heavy(tmp_path: Path) -> None:
    config = RunConfig(
        method="ugatit",
        variant=None,
        preset="smoke",
        config={"steps": 10, "size": 32},
        dataset=DatasetRecord(name="cats", root="/d", fingerprint="f", images={"trainA": 2}),
        direction=None,
        seed=0,
        precision="fp32",
    )
    open_run(tmp_path / "cats", config)
    assert imported_by("runs", "--results", tmp_path) & HEAVY == set()


@pytest.mark.parametrize("format", ["terminal", "json"])
def test_a_table_imports_no_network_and_no_figure(format: str) -> None:
    words = ["table", "--results", "docs/reference/ablation", "--format", format]
    assert imported_by(*words) & {*NETWORKS, "matplotlib"} == set()
