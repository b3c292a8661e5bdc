"""The whole campaign: `make faults`. It writes its figures as JSON, which docs/reliability.md shows.

    python tests/faults/campaign.py [--output FILE] [--work DIR] [PART …]

Parts are kills, damage, disk, starts and inputs; without a name all of them are run. The exit code is 1 if anything
was lost, missed or not one sentence.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import sabotage
import torch
from bad_archives import bad_archives
from bad_checkpoints import bad_checkpoints
from bad_images import bad_images
from bad_inputs import Case, bad_input_campaign
from bad_run_files import bad_run_files
from damage import Checkpoints, DamageReport, damage_campaign
from full_disk import limited_files, small_disks_of_its_own
from good_inputs import make_good_inputs
from kills import kill_campaign
from processes import Server, serving
from rooms import Room
from simultaneous import start_at_once
from small_training import Training

from ugbench import registry

SEED = 0
KILLS = 50  # of each method
CONTROL_KILLS = 10  # of each method and sabotage
DAMAGES = 1000
DISKS = 20
FILE_LIMITS = (1_000, 2_000, 3_000, 4_000, 5_000, 8_000, 20_000, 50_000, 100_000, 300_000)  # bytes
STARTS = 16
INPUTS = {"images": 220, "archives": 160, "configs": 200, "logs": 110, "scores": 150, "checkpoints": 160}  # 1,000

Part = tuple[dict[str, Any], list[str]]
"""The figures of a part, and what was wrong."""


def methods_of_dials() -> list[str]:
    """The methods that train with the images of a dial alone: no further folders, as of smoothed edges."""
    return [name for name in registry.modules("methods") if not registry.load_method(name).splits]


def kills(folder: Path, server: Server) -> Part:
    """Kills of every method of dials, and the controls: the same kills of sabotaged programs, which must be noticed."""
    figures: dict[str, Any] = {"methods": {}, "controls": {}}
    faults = []
    for method in methods_of_dials():
        report = kill_campaign(method, KILLS, folder, server)
        figures["methods"][method] = {**asdict(report), "kills": dict(report.kills)}
        faults += [f"{method}, seed {seed}: {', '.join(names)} differ" for seed, names in report.differing.items()]
        faults += [f"{method}: {name} is left over" for name in report.leftovers]
        for name in sabotage.SABOTAGES:
            if sabotage.applies(name, method):
                control = kill_campaign(method, CONTROL_KILLS, folder, server, sabotage=name, runs=1)
                noticed = sorted({attribute for names in control.differing.values() for attribute in names})
                figures["controls"].setdefault(name, {})[method] = noticed
                if not noticed:
                    faults.append(f"{method}: nobody noticed that the {name} was sabotaged")
    return figures, faults


def damage(folder: Path, server: Server) -> Part:
    """Damaged checkpoints of every method of dials."""
    methods = methods_of_dials()
    total = DamageReport()
    for place, method in enumerate(methods):
        runs = []
        for seed in (0, 1):
            training = Training(method, folder / "runs", 4, seed=seed, keep="all")
            training.finish(server)
            runs.append(training.existing_run() / "checkpoints")
        number = DAMAGES // len(methods) + (place < DAMAGES % len(methods))
        originals = Checkpoints(runs[0] / "4", runs[0] / "2", runs[1] / "4")
        report = damage_campaign(originals, number, folder / "damaged", seed=place)
        total.tried += report.tried
        total.detected += report.detected
        total.missed += [f"{method}: {missed}" for missed in report.missed]
        total.undamaged += report.undamaged
    return {**asdict(total), "tried": dict(total.tried), "detected": dict(total.detected)}, total.missed


def disk(folder: Path, server: Server) -> Part:
    """Full disks of both kinds."""
    small, limited = (
        small_disks_of_its_own(DISKS, folder / "disks"),
        limited_files(FILE_LIMITS, folder / "files", server),
    )
    figures = {"small disks": None if small is None else asdict(small), "limited files": asdict(limited)}
    return figures, [
        *(["this system lets nobody mount a small disk"] if small is None else small.faults),
        *limited.faults,
    ]


def starts(folder: Path, server: Server) -> Part:
    """Many starts of one run at once."""
    report = start_at_once(STARTS, folder, server)
    return asdict(report), report.faults


def inputs(folder: Path, server: Server) -> Part:
    """Bad inputs of every kind."""
    room = Room(folder / "room")
    make_good_inputs(room, server)
    cases = chain.from_iterable(bad_cases(kind, number, room.template) for kind, number in INPUTS.items())
    report = bad_input_campaign(cases, room, server)
    counts = {name: dict(getattr(report, name)) for name in ("tried", "refused", "accepted")}
    return {**asdict(report), **counts}, report.faults


def bad_cases(kind: str, number: int, good: Path) -> Iterator[Case]:
    """`number` bad inputs of a kind in `INPUTS`; `good` is a folder with good input that nobody changes."""
    draw = random.Random(f"{SEED} {kind}")
    makers: dict[str, Callable[[int, random.Random, Path], Iterator[Case]]] = {
        "images": bad_images,
        "archives": bad_archives,
        "checkpoints": bad_checkpoints,
    }
    return makers[kind](number, draw, good) if kind in makers else bad_run_files(kind, number, draw, good)


PARTS: dict[str, Callable[[Path, Server], Part]] = {
    "kills": kills,
    "damage": damage,
    "disk": disk,
    "starts": starts,
    "inputs": inputs,
}


def main() -> int:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(description="Do faults to ugbench on purpose, and count what it loses.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--output", type=Path, help="JSON file of the figures; parts that are not run stay in it")
    parser.add_argument("--work", type=Path, help="an empty folder to work in; default: a temporary one")
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="ugbench-faults-"))
    output = arguments.output
    figures = json.loads(output.read_text(encoding="utf-8")) if output and output.exists() else {}
    every_fault = []
    with serving(work / "printed") as server:
        for name in arguments.parts or PARTS:
            since = time.monotonic()
            part, faults = PARTS[name](work / name, server)
            seconds = round(time.monotonic() - since)
            print(f"{name}: {len(faults)} faults in {seconds} s", file=sys.stderr, flush=True)
            figures[name] = {**part, "seconds": seconds}
            every_fault += [f"{name}: {fault}" for fault in faults]
    figures["machine"] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "instruction set": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if output:
        output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if arguments.work is None:
        shutil.rmtree(work)
    print("\n".join(every_fault) or "no fault")
    return 1 if every_fault else 0


if __name__ == "__main__":
    sys.exit(main())
