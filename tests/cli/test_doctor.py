"""`ugbench doctor`: it reports, and exits 0 whatever is missing."""

import json
import sys
from collections import namedtuple
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import Result

from ugbench import registry
from ugbench.cli import doctor
from ugbench.runs import lock_check
from ugbench.scoring.networks.sources import DISTANCES, source_of

Run = Callable[..., Result]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**12))


def report(ugbench: Run, *args: object) -> dict[str, object]:
    result = ugbench("doctor", *args, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    examined = json.loads(result.stdout)
    assert isinstance(examined, dict)
    return examined


def test_the_report_is_of_this_machine(ugbench: Run, plenty: None, tmp_path: Path) -> None:
    examined = report(ugbench, "--results", tmp_path / "new" / "results", "--data-root", tmp_path)
    assert examined["python"] == sys.version.split()[0]
    assert examined["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert examined["versions"]["ugbench"] == version("ugbench")
    assert examined["devices"][0]["device"] == "cpu"
    assert len(examined["devices"]) == 1 + torch.cuda.device_count() + torch.backends.mps.is_available()
    assert examined["cpu"]["instruction_set"] == torch.backends.cpu.get_cpu_capability()
    assert examined["auto"]["device"] in ("cpu", "cuda", "mps")
    assert examined["results"] == {"path": str(tmp_path / "new/results"), "exists": False, "free_bytes": 10**12}
    assert examined["data_root"]["exists"] is True
    assert not (tmp_path / "new").exists()
    assert "ugatit" in examined["methods"]
    assert "kid" in examined["metrics"]
    of_methods = {file for name in registry.modules("methods") for file in registry.load_method(name).frozen.values()}
    assert set(examined["weights"]) == {*examined["extractors"], *DISTANCES, *of_methods} - {"random"}
    assert examined["problems"] == []


def test_a_person_reads_the_same(ugbench: Run, plenty: None) -> None:
    out = ugbench("doctor").stdout
    assert f"torch-fidelity        {version('torch-fidelity')}\n" in out
    assert "not found; torchvision's alexnet" in out
    assert out.endswith("nothing to fix.\n")


def test_what_is_absent_or_old_comes_with_its_mend(ugbench: Run, plenty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["torch>=99.1", "no-such-package>=1", "numpy>=1.0", "mypy>=99; extra == 'dev'"]
    monkeypatch.setattr(doctor, "requires", lambda _: lines)
    examined = report(ugbench)
    assert examined["problems"] == [
        f"torch {version('torch')} is older than 99.1; run `pip install 'torch>=99.1'`.",
        "no-such-package is not installed; run `pip install 'no-such-package>=1'`.",
    ]
    assert examined["versions"]["no-such-package"] is None
    assert "to fix: no-such-package is not installed" in ugbench("doctor").stdout


def test_too_little_room_is_a_problem(ugbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(10**12, 0, 3 * 10**9))
    assert report(ugbench, "--results", "here")["problems"] == [
        "here has 3.0 GB free, and two checkpoints of the largest method take 20 GB; make room, or name "
        "another disk by --results."
    ]


def test_locks_are_tried_in_a_results_folder_that_is_there(
    ugbench: Run, plenty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    assert report(ugbench, "--results", tmp_path / "results")["problems"] == []
    monkeypatch.setattr(lock_check, "TRY", "raise OSError(38, 'Function not implemented')")
    (problem,) = report(ugbench, "--results", tmp_path / "results")["problems"]
    assert problem.startswith(f"{tmp_path / 'results'}: its file system has no locks (OSError: [Errno 38]")
    assert report(ugbench, "--results", tmp_path / "none")["problems"] == []
    assert not (tmp_path / "none").exists()


def test_given_weights_are_read(ugbench: Run, plenty: None, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.pth"
    save_file({"0.weight": torch.zeros(2), "0.bias": torch.zeros(1)}, good)
    bad.write_bytes(b"not a checkpoint")
    examined = report(ugbench, "--weights", f"alexnet={good}", "--weights", f"inception={bad}")
    assert examined["weights"]["alexnet"] == {
        "source": source_of("alexnet"),
        "file": str(good),
        "ok": True,
        "status": "2 tensors",
    }
    assert examined["weights"]["inception"]["ok"] is False
    assert examined["weights"]["squeezenet"]["status"] == "not found"
    assert len(examined["problems"]) == 1
    assert str(bad) in examined["problems"][0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("alexnet=nowhere.pth", "error: --weights alexnet=nowhere.pth: there is no such file"),
        (
            f"alexnett={__file__}",
            "error: no network for --weights is called 'alexnett'; did you mean 'alexnet'?",
        ),
    ],
)
def test_weights_of_nothing_are_a_wrong_call(ugbench: Run, value: str, message: str) -> None:
    result = ugbench("doctor", "--weights", value)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)


@pytest.mark.parametrize(
    ("older", "newer"), [("2.9", "2.11"), ("2.14.1", "2.14.2+cu130"), ("1", "1.0.1"), ("3.0rc1", "3.1")]
)
def test_releases_compare_by_number(older: str, newer: str) -> None:
    assert doctor.release(older) < doctor.release(newer)
