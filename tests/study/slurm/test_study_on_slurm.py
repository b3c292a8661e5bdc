"""A study on a real SLURM: one node dies, one run comes to its time limit, and the table is that of one machine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import call_in
from slurm_cluster import SlurmCluster, processes, wait_until

import ugbench
from ugbench.study.slurm.jobs import Job

PATIENCE = 500  # seconds that one thing may take on a busy machine, where an import of torch takes a minute
STEPS, EVERY = 24, 8
SMALL = ["--dataset", "dial:size=32,train=6,test=4", "--preset", "smoke", "--size", "32", "--batch-size", "1"]
SCORED = ["--metric", "kid,changed", "--extractor", "random", "--precision", "fp32"]
CHANNELS = {"channels": 4, "discriminator_channels": 4}
SET = [word for name, value in CHANNELS.items() for word in ("--set", f"cyclegan.{name}={value}")]
STUDY = ["compare", "--methods", "cyclegan", *SMALL, *SCORED, *SET, "--seeds", "8", "--steps", str(STEPS)]


@dataclass(frozen=True)
class Done:
    """A study that SLURM has done, with what happened on the way.

    Attributes:
        killed: the job whose node died, with the steps that its run had logged then.
        stopped: the job that came to its time limit, with the steps that its run had logged then.
        printed: what the command printed, on stdout and stderr.
        code: its exit code.
    """

    home: Path
    killed: tuple[Job, int]
    stopped: tuple[Job, int]
    printed: tuple[str, str]
    code: int


class Study:
    """A study that runs on SLURM, looked at from outside."""

    def __init__(self, home: Path, slurm: SlurmCluster) -> None:
        self.home, self.slurm = home, slurm

    def jobs(self) -> list[Job]:
        """The jobs that train, as the study's file has them."""
        files = list(self.home.glob("results/studies/*/jobs.jsonl"))
        jobs = [Job(**json.loads(line)) for file in files for line in file.read_text().splitlines()]
        return [job for job in jobs if job.kind == "train"]

    def running(self, node: str) -> list[Job]:
        """The jobs that train on a node now."""
        listed = self.slurm.run("squeue", "--noheader", "--array", "--states=R", "--nodelist", node, "--format=%i")
        return [job for job in self.jobs() if job.job in listed.split()]

    def logged(self, job: Job) -> int:
        """The steps that a run has logged."""
        file = self.home.joinpath("results", *job.folder, "metrics.jsonl")
        return len(file.read_text().splitlines()) if file.exists() else 0

    def has_checkpoint(self, job: Job) -> bool:
        """Whether a run has one that a training can go on from."""
        return any(self.home.joinpath("results", *job.folder).glob("checkpoints/[0-9]*/manifest.json"))

    def trainer(self, job: Job) -> int:
        """The process that trains a run."""
        (pid,) = [
            pid
            for pid, command in processes().items()
            if "ugbench train" in command and f"--seed {job.seed} " in command and str(self.home) in _folder(pid)
        ]
        return pid


def _folder(pid: int) -> str:
    try:
        return str(Path("/proc", str(pid), "cwd").readlink())
    except OSError:  # it has ended
        return ""


def was_signalled(pid: int) -> bool:
    """Whether a process that is held was sent a signal; it has ended where SLURM let it go on to handle that."""
    try:
        status = Path("/proc", str(pid), "status").read_text()
    except FileNotFoundError:
        return True
    return any(int(mask, 16) for mask in re.findall(r"^S(?:ig|hd)Pnd:\s*(\w+)", status, re.MULTILINE))


def environment(slurm: SlurmCluster, home: Path) -> dict[str, str]:
    own = {"OMP_NUM_THREADS": "1", "UGBENCH_CACHE": str(home / "cache"), "UGBENCH_DEVICE": "cpu"}
    return {**slurm.environment, **own, "COLUMNS": "200", "NO_COLOR": "1"}


def hold(study: Study, node: str, command: subprocess.Popen[str]) -> tuple[Job, int]:
    """Hold the process of a run that trains on a node and has a checkpoint; returns its job and its process."""
    held: list[tuple[Job, int]] = []

    def trains() -> bool:
        assert command.poll() is None, command.communicate()
        for job in study.running(node):
            if study.has_checkpoint(job) and study.logged(job) < STEPS - 2:
                pid = study.trainer(job)
                os.kill(pid, signal.SIGSTOP)
                held.append((job, pid))
        return bool(held)

    wait_until(trains, f"a run on {node} has a checkpoint", PATIENCE)
    assert study.logged(held[0][0]) < STEPS
    return held[0]


@pytest.fixture(scope="module")
def done(slurm: SlurmCluster, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The study of eight runs, on two nodes."""
    home = tmp_path_factory.mktemp("slurm")
    words = [sys.executable, "-m", "ugbench", *STUDY, "--eval-every", str(EVERY)]
    words += ["--on", "slurm", "--slurm", "timeout_min=30", "--wait"]
    command = subprocess.Popen(
        words, cwd=home, env=environment(slurm, home), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    study = Study(home, slurm)
    killed, _ = hold(study, "n1", command)
    at_kill = study.logged(killed)
    slurm.kill_node("n1")

    stopped, trainer = hold(study, "n2", command)
    at_limit = study.logged(stopped)
    slurm.leave_two_minutes(stopped.job)
    wait_until(lambda: was_signalled(trainer), "the limit is near", PATIENCE)
    with suppress(ProcessLookupError):
        os.kill(trainer, signal.SIGCONT)

    wait_until(lambda: slurm.node_state("n1").startswith("down"), "SLURM misses n1", PATIENCE)
    slurm.start_node("n1")
    while command.poll() is None:
        for job in (killed, stopped):
            slurm.start_now(job.job)
        slurm.set_limit(stopped.job, 30)  # again, or each new start would be near it
        try:
            command.wait(2)
        except subprocess.TimeoutExpired:
            continue
    out, err = command.communicate()
    return Done(home, (killed, at_kill), (stopped, at_limit), (out, err), command.returncode)


def logs(done: Done) -> dict[str, str]:
    """The log of each run by its id."""
    files = done.home.glob("results/dial*/cyclegan/*/train.log")
    return {file.parent.name.rpartition("-")[2]: file.read_text() for file in files}


def test_a_node_that_dies_and_a_time_limit_cost_no_run(done: Done) -> None:
    assert done.code == 0, done.printed
    assert len(list(done.home.glob(f"results/dial*/cyclegan/*/checkpoints/{STEPS}"))) == 8
    assert done.killed[0].job != done.stopped[0].job


def test_no_run_begins_twice(done: Done) -> None:
    """The log of a run says `run …` each time a process trains it, and from which step it goes on."""
    for run, log in logs(done).items():
        begun = re.findall(r"^run \w+ in ", log, re.MULTILINE)
        resumed = [int(step) for step in re.findall(r"training goes on from step (\d+) of", log)]
        assert len(begun) == 1 + len(resumed), log
        assert all(step > 0 for step in resumed)
        if run == done.killed[0].run:
            assert resumed[-1] in (EVERY, 2 * EVERY) and resumed[-1] <= done.killed[1]
        elif run == done.stopped[0].run:
            # It was asked to stop, and saved the step that it was at.
            assert done.stopped[1] <= resumed[-1] <= done.stopped[1] + 1
            assert re.search(rf"^error: stopped .*step {resumed[-1]} ", log, re.MULTILINE), log


def test_slurm_itself_says_why_two_tasks_were_requeued(done: Done) -> None:
    (log,) = done.home.glob(f"results/studies/*/submitit/{done.stopped[0].job}_0_log.out")
    assert "Caught signal SIGUSR2" in log.with_suffix(".err").read_text() and "Requeued job" in log.read_text()
    (log,) = done.home.glob(f"results/studies/*/submitit/{done.killed[0].job}_0_log.out")
    assert log.read_text().count("Starting with") == 2 and "Requeued job" not in log.read_text()


def test_the_table_is_that_of_one_machine_to_the_byte(done: Done, tmp_path: Path) -> None:
    place = {"results": tmp_path / "results", "data_root": tmp_path / "datasets", "device": "cpu"}
    for seed in range(8):
        ugbench.train(
            "cyclegan", SMALL[1], preset="smoke", size=32, batch_size=1, steps=STEPS, seed=seed, set=CHANNELS,
            precision="fp32", progress=False, **place,
        )  # fmt: skip
    assert call_in(tmp_path, *STUDY, "--jobs", "1").stdout == done.printed[0]
    assert "CycleGAN" in done.printed[0]


def test_waiting_says_what_happens_to_each_run(done: Done) -> None:
    said = done.printed[1]
    for seed in range(8):
        assert f"seed {seed}: running" in said and f"seed {seed}: completed" in said
    assert "scoring: completed" in said
    assert re.search(r"\d of 8 runs done; jobs: \d running, \d queued", said)


FAILING = ["compare", "--methods", "cyclegan", *SMALL, *SCORED, *SET, "--seeds", "2", "--steps", "3"]
FAILING += ["--set", "cyclegan.lr=1e30"]


def test_runs_that_fail_or_are_cancelled_show_as_such(
    slurm: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No node takes jobs until they were looked at, and then one at a time: the second waits when it is cancelled."""
    slurm.run("scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=test")
    for name, value in environment(slurm, tmp_path).items():
        monkeypatch.setenv(name, value)
    words = [*FAILING, "--on", "slurm", "--slurm", "timeout_min=30,array_parallelism=1"]
    submitted = json.loads(call_in(tmp_path, *words, "--json").stdout)
    first, second = submitted["runs"]
    assert submitted["score_job"] is not None and [run["status"] for run in submitted["runs"]] == ["missing"] * 2
    again = call_in(tmp_path, *words)
    assert "2 runs have a job already" in again.stderr and "are submitted" not in again.stderr
    rows = {row["id"]: row for row in json.loads(call_in(tmp_path, "runs", "--json").stdout)}
    assert rows.keys() == {first["id"], second["id"]} and rows[second["id"]]["status"] == "queued"

    slurm.run("scontrol", "update", "NodeName=ALL", "State=RESUME")
    wait_until(lambda: slurm.job_state(first["job"]) == "RUNNING", "the first run trains", PATIENCE)
    slurm.run("scancel", second["job"])
    score = submitted["score_job"]
    wait_until(lambda: slurm.job_state(score) in ("COMPLETED", "FAILED"), "the study is scored", PATIENCE)
    (errors,) = (tmp_path / "results" / "studies").glob("*/scores.err")
    said = errors.read_text()
    assert "seed 0 FAILED" in said and "NaN or Inf" in said
    assert "seed 1 is cancelled, at step 0 of 3" in said
    rows = {row["id"]: row for row in json.loads(call_in(tmp_path, "runs", "--json").stdout)}
    assert [rows[run["id"]]["status"] for run in (first, second)] == ["failed", "cancelled"]
