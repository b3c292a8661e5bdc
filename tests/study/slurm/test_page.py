"""docs/cluster.md: its sbatch file runs on a real SLURM, and its printed commands are those that are printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commands import call
from slurm_cluster import SlurmCluster, wait_until

PAGE = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text(encoding="utf-8")

# Asked to stop, the first call saves and exits with 75; the second one ends.
LINE = """bash -c 'trap "echo saved >> told; exit 75" USR1; echo begins >> told
[ $(grep -c begins told) = 2 ] && exit 0; echo ready >> told; for i in $(seq 999); do sleep 0.2; done'"""


def test_the_sbatch_file_calls_a_line_again_that_was_stopped(slurm: SlurmCluster, tmp_path: Path) -> None:
    (script,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "array.sh").write_text(script.replace("--gpus-per-node=1 ", "").replace("12:00:00", "0:30:00"))
    (tmp_path / "lines").write_text("echo 'one line' > first\n" + LINE.replace("\n", "; ") + "\n")
    words = ["sbatch", "--array=1-2", "--parsable", f"--chdir={tmp_path}", str(tmp_path / "array.sh")]
    number = slurm.run(*words).strip()
    told = tmp_path / "told"
    wait_until(lambda: told.exists() and "ready" in told.read_text(), "the second line waits")
    slurm.run("scancel", "--batch", "--signal=USR1", f"{number}_2")
    wait_until(lambda: "saved" in told.read_text(), "the line has saved")

    def has_ended() -> bool:
        slurm.start_now(f"{number}_2")
        return told.read_text().count("begins") == 2 and slurm.job_state(f"{number}_2") == "COMPLETED"

    wait_until(has_ended, "the line was called again")
    assert told.read_text().split() == ["begins", "ready", "saved", "begins"]
    assert (tmp_path / "first").read_text() == "one line\n"
    assert slurm.job_state(f"{number}_1") == "COMPLETED"


def test_the_printed_lines_are_those_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = re.search(r"\$ ugbench (compare [^\n]*\\\n    --print-commands)\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    printed = call(*shown[1].replace("\\\n", "").split()).stdout
    assert re.sub(r"--precision \w+", "--precision fp32", printed) == shown[2]
    assert [file.name for file in (tmp_path / "results").iterdir()] == ["studies"]  # the precision alone is stored
