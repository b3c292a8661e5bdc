"""Several starts of one run at once train it once."""

from pathlib import Path

from processes import Server
from simultaneous import start_at_once


def test_one_of_the_processes_trains_and_the_others_say_so(tmp_path: Path, server: Server) -> None:
    report = start_at_once(4, tmp_path, server)
    assert report.faults == []
    assert report.trained == 1
    assert report.refused + report.found_done == 3
