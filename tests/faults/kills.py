"""Kills a training with SIGKILL again and again, at chosen points of its progress, and compares how it ends.

The points are seen from outside, in the files that the training writes. So a kill hits the program itself, and not a
program that was changed to be killed. The clock decides nothing: kills after random times fall into the start of the
process, and find no fault.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processes import Process, Server
from small_training import Training, checkpoint_folders, leftovers, outcome

STEPS = 60
SHARE_IN_SAVES = 5  # at least one of so many kills must hit a save
MOST_STARTS = 4  # per kill, before a campaign gives up


@dataclass
class KillReport:
    """What kills did to a method's runs.

    Attributes:
        kills: how many there were, by the point of progress that they were aimed at.
        inside_saves: how many left the unfinished files of a save behind.
        runs: how many runs were killed, and then trained to their end.
        differing: by a run's seed, what differs from the run that was left alone.
        leftovers: unfinished files that still lay in a run's folder after its end.
    """

    method: str
    kills: Counter[str] = field(default_factory=Counter)
    inside_saves: int = 0
    runs: int = 0
    differing: dict[int, list[str]] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Aim:
    """A point of progress.

    Attributes:
        point: "start" (the run is named on stderr, and its state is being loaded), "step" (the process has logged
            `count` steps) or "save" (it is writing its checkpoint number `count`).
    """

    point: str
    count: int = 1


def aims(seed: str) -> Iterator[Aim]:
    """Points without end, drawn with a seed."""
    draw = random.Random(seed)
    while True:
        point = draw.choices(("start", "step", "save"), (1, 5, 4))[0]
        yield Aim(point, draw.choice((1, 1, 2, 3) if point == "step" else (1, 1, 2)))


def kill_campaign(
    method: str,
    kills: int,
    folder: Path,
    server: Server,
    sabotage: str | None = None,
    runs: int | None = None,
    steps: int = STEPS,
) -> KillReport:
    """Kill runs of a method, one after the other, until there were enough kills, and compare each with its like.

    Args:
        kills: how many kills there must be; one of `SHARE_IN_SAVES` must hit a save.
        sabotage: a name in `sabotage.SABOTAGES`, for the runs that are killed.
        runs: the most runs; None for as many as the kills take.
        steps: of each run.
    """
    report = KillReport(method)
    points = aims(method)
    starts = 0

    def enough() -> bool:
        return report.kills.total() >= kills and report.inside_saves * SHARE_IN_SAVES >= report.kills.total()

    while not enough() and report.runs != runs:
        killed = Training(method, folder / (sabotage or "killed"), steps, seed=report.runs)
        while not enough():
            starts += 1
            assert starts <= MOST_STARTS * kills, f"{report} after {starts} starts"
            aim = next(points)
            process = killed.start(server, sabotage)
            hit = wait_for(reached(aim, killed, process), process)
            ended = process.kill()
            if not hit and ended.code == 0:
                break
            assert ended.code == -9, ended.err
            report.kills[aim.point] += 1
            report.inside_saves += bool(unfinished_saves(killed, process.pid))
        killed.finish(server, sabotage)
        left_alone = killed.beside(folder / "alone")
        if left_alone.run_folder() is None:
            left_alone.finish(server)
        ends = [outcome(training.existing_run()) for training in (killed, left_alone)]
        if different := ends[0].differences(ends[1]):
            report.differing[killed.seed] = different
        report.leftovers += leftovers(killed.existing_run())
        report.runs += 1
    return report


def wait_for(mark: Callable[[], bool], process: Process) -> bool:
    """Whether the mark was seen before the process ended."""
    looks = 0
    while not mark():
        looks += 1
        if looks % 20 == 0 and process.poll() is not None:
            return mark()
        time.sleep(0.0005)
    return True


def reached(aim: Aim, training: Training, process: Process) -> Callable[[], bool]:
    """Whether a process has come to a point."""
    run = training.run_folder()
    before = max(checkpoint_folders(run), default=0)
    own_log: list[Path] = []

    def run_folder() -> Path | None:
        nonlocal run
        run = run or training.run_folder()
        return run

    def has_opened_its_logs() -> bool:
        # Lines of the killed process before are still there until then; a TensorBoard file has the process's number.
        folder = run_folder()
        if not own_log and folder is not None:
            own_log.extend((folder / "tensorboard").glob(f"events.out.tfevents.*.{process.pid}.*"))
        return bool(own_log)

    def has_logged(count: int) -> bool:
        return has_opened_its_logs() and lines(run_folder()) >= before + count

    if aim.point == "start":
        return lambda: "run " in process.printed()
    if aim.point == "step":
        return lambda: has_logged(aim.count)
    return lambda: has_logged(training.save_every * (aim.count - 1) + 1) and unfinished_saves(training, process.pid)


def lines(run: Path | None) -> int:
    """How many steps are in the log."""
    file = None if run is None else run / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file is not None and file.exists() else 0


def unfinished_saves(training: Training, pid: int) -> bool:
    """Whether unfinished files of a save by this process lie in the run's folder."""
    run = training.run_folder()
    return run is not None and any(
        any(folder.glob(f".*.{pid}")) for folder in (run / "checkpoints", run) if folder.is_dir()
    )
