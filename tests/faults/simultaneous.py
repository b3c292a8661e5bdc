"""Starts one run many times at once: one of the processes trains it, and the others say so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from one_sentence import faults_of
from processes import Ended, Server
from small_training import Training, leftovers, outcome

METHOD = "cyclegan"
STEPS = 20


@dataclass
class SimultaneousReport:
    """What became of the processes, by number.

    Attributes:
        trained: those that trained the run; one must.
        refused: those that said that another process trains it.
        found_done: those that came after its end.
        faults: what was wrong.
    """

    starts: int
    trained: int = 0
    refused: int = 0
    found_done: int = 0
    faults: list[str] = field(default_factory=list)

    def count(self, ended: Ended) -> None:
        """Count a process by what it says."""
        if ended.code == 0 and json.loads(ended.out)["resumed_from"] is None:
            self.trained += 1
        elif ended.code == 0:
            self.found_done += 1
        elif "is being trained by another process" in ended.err:
            self.refused += 1
        else:
            self.faults.append(f"a process ended with {ended.code} and said: {ended.err.strip()}")
        self.faults += faults_of(ended, codes=(0, 1, 2))


def start_at_once(starts: int, folder: Path, server: Server) -> SimultaneousReport:
    """Start a run `starts` times at once. Its data set is drawn by the same processes."""
    crowded = Training(METHOD, folder / "crowded", STEPS)
    processes = [crowded.start(server) for _ in range(starts)]
    report = SimultaneousReport(starts)
    for process in processes:
        report.count(process.wait())
    alone = crowded.beside(folder / "alone")
    alone.finish(server)
    run = crowded.existing_run()
    report.faults += [f"{name} differs" for name in outcome(run).differences(outcome(alone.existing_run()))]
    report.faults += [f"{name} is left over" for name in leftovers(run)]
    if report.trained != 1:
        report.faults.append(f"{report.trained} of {starts} trained")
    return report
