"""What a job may ask SLURM for, and what is said where SLURM or submitit is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from commands import call, call_in

from ugbench.errors import UnknownName, UsageError
from ugbench.study import grid
from ugbench.study.slurm.parameters import checked_parameters

STUDY = ["compare", "--methods", "cyclegan", "--dataset", "dial:size=32,train=4,test=4"]


def test_parameters_have_the_names_of_submitit_and_values_of_their_types() -> None:
    given = {"partition": "gpu", "gpus_per_node": "1", "timeout_min": "90", "mem_gb": "7.5", "exclusive": "true"}
    assert checked_parameters({**given, "array_parallelism": "4", "account": "007x"}) == {
        "timeout_min": 90,
        "gpus_per_node": 1,
        "mem_gb": 7.5,
        "slurm_partition": "gpu",
        "slurm_exclusive": True,
        "slurm_array_parallelism": 4,
        "slurm_account": "007x",
    }


def test_a_job_without_a_time_limit_gets_twelve_hours() -> None:
    assert checked_parameters({}) == {"timeout_min": 720}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"partitoin": "gpu"}, UnknownName, "did you mean 'partition'"),
        ({"nodes": 2}, UsageError, "a run trains in one process"),
        ({"time": 60}, UsageError, "give timeout_min"),
        ({"timeout_min": "2h"}, UsageError, "timeout_min=2h: that is no value for it; give a whole number"),
        ({"timeout_min": 0}, UsageError, "give 1 minute or more"),
    ],
)
def test_a_wrong_parameter_is_one_sentence(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        checked_parameters(given)


def test_the_table_of_a_file_is_no_part_of_its_study(tmp_path: Path) -> None:
    plain = 'methods = ["cyclegan"]\ndatasets = ["dial"]\nseeds = 2\n'
    (tmp_path / "plain.toml").write_text(plain)
    (tmp_path / "study.toml").write_text(plain + '[slurm]\npartition = "gpu"\ntimeout_min = 60\n')
    assert grid.read_slurm(tmp_path / "study.toml") == {"partition": "gpu", "timeout_min": 60}
    assert grid.read_slurm(tmp_path / "plain.toml") == {}
    studies = [grid.declare(grid.read(tmp_path / name), "the file") for name in ("plain.toml", "study.toml")]
    assert studies[0].id == studies[1].id
    (tmp_path / "wrong.toml").write_text('slurm = "gpu"\n' + plain)
    with pytest.raises(UsageError, match=r"is no table; write \[slurm\]"):
        grid.read_slurm(tmp_path / "wrong.toml")


def test_without_submitit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    refused = call_in(tmp_path, *STUDY, "--on", "slurm", code=2)
    assert refused.stderr == "error: --on slurm needs submitit; install with `pip install 'ugbench[slurm]'`.\n"


def test_without_slurm_its_commands_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = call_in(tmp_path, *STUDY, "--on", "slurm", code=2)
    assert "there is no sbatch, srun, squeue, scontrol on this machine" in refused.stderr
    assert "--print-commands" in refused.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--slurm", "partition=gpu"], "--slurm goes with --on slurm"),
        (["--wait"], "--wait goes with --on slurm"),
        (["--on", "slurm", "--jobs", "2"], "--jobs 2 goes with --on local"),
        (["--on", "slurm", "--print-commands"], "--print-commands goes with --on local"),
        (["--on", "slurm", "--no-train"], "--no-train goes with --on local"),
        (["--on", "slurm", "--wait", "--dry-run"], "--wait and --dry-run exclude each other"),
        (["--on", "moon"], "'moon' is not one of 'local', 'slurm'"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(words: list[str], message: str) -> None:
    refused = call(*STUDY, *words, code=2)
    assert message in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
