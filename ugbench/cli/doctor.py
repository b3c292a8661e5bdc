"""`ugbench doctor`: what this machine and this installation can do, what is missing, and how to fix it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from ugbench import registry
from ugbench.cli.options import RESULTS, DataRoot, Json, Results, Weights
from ugbench.cli.output import print_json
from ugbench.cli.parse import parse_weights
from ugbench.data.data_root import DATA_ROOT
from ugbench.errors import DiskError, UgbenchError, UnknownName, UsageError

# A checkpoint of the largest method is 8 GB with the state of its optimizers, and the next is written before the last
# is removed.
BYTES_FOR_CHECKPOINTS = 20 * 10**9
GROUPS = ("methods", "metrics", "extractors", "figures")


def doctor(
    results: Results = RESULTS, data_root: DataRoot = DATA_ROOT, weights: Weights = None, as_json: Json = False
) -> None:
    """Show versions, devices, disk space and weights, with what is missing and how to fix it.

    Nothing is downloaded. A file that --weights names is read and checked; `ugbench weights list` says where the others
    are searched. In a results folder that exists a lock is taken for a moment, because trainings need locks there.

    \b
    Examples:
      ugbench doctor
      ugbench doctor --weights alexnet=alexnet-owt-7be5be79.pth --json
    """
    report = examine(results, data_root, parse_weights(weights))
    if as_json:
        print_json(report)
    else:
        show(report)


def examine(results: Path, data_root: Path, weights: Mapping[str, Path]) -> dict[str, Any]:
    """Everything that doctor prints; `problems` holds one sentence for each thing to fix."""
    versions, problems = installed()
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions,
    }
    for group in GROUPS:
        try:
            report[group] = list(registry.modules(group))
        except UgbenchError as error:
            report[group] = []
            problems.append(str(error))
    report |= {"results": disk(results), "data_root": disk(data_root), "cpu": {"cores": os.cpu_count()}}
    if report["results"]["free_bytes"] < BYTES_FOR_CHECKPOINTS:
        problems.append(
            f"{results} has {report['results']['free_bytes'] / 1e9:.1f} GB free, and two checkpoints of the "
            f"largest method take {BYTES_FOR_CHECKPOINTS / 1e9:.0f} GB; make room, or name another disk by --results."
        )
    problems += lock_problems(results)
    if versions.get("torch"):
        from ugbench.scoring.networks.sources import all_sources

        report |= hardware()
        frozen, refusals = frozen_networks(report["methods"])
        sources, further_refusals = all_sources()
        problems += refusals + further_refusals
        takes = {name: source.takes for name, source in sources.items()}
        report["weights"] = network_weights(weights, takes, frozen, problems.append)
        problems += [item["status"] for item in report["weights"].values() if item["file"] and not item["ok"]]
    return report | {"problems": problems}


def installed() -> tuple[dict[str, str | None], list[str]]:
    """The versions of ugbench and its requirements (None: not installed), and one sentence for each problem."""
    versions: dict[str, str | None] = {"ugbench": version("ugbench")}
    problems: list[str] = []
    for line in requires("ugbench") or []:
        requirement, _, marker = line.partition(";")
        match = re.match(r"([\w.-]+)\s*(?:>=\s*([\w.]+))?", requirement)
        if "extra" in marker or match is None:
            continue
        name, least = match.groups()
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
            problems.append(f"{name} is not installed; run `pip install '{requirement.strip()}'`.")
            continue
        if least and release(versions[name] or "") < release(least):
            problems.append(
                f"{name} {versions[name]} is older than {least}; run `pip install '{requirement.strip()}'`."
            )
    return versions, problems


def release(text: str) -> tuple[int, ...]:
    """The numbers of a version, to compare versions.

    >>> release("2.14.1+cpu") > release("2.9")
    True
    """
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def hardware() -> dict[str, Any]:
    """The devices and what they can do; `auto` is what --device auto and --precision auto mean here."""
    import torch

    from ugbench.device import has_bf16, pick_device, pick_precision

    name = platform.processor() or platform.machine()
    devices: list[dict[str, Any]] = [{"device": "cpu", "name": name, "memory_bytes": None}]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append({"device": f"cuda:{index}", "name": properties.name, "memory_bytes": properties.total_memory})
    if torch.backends.mps.is_available():
        devices.append({"device": "mps", "name": "Apple GPU", "memory_bytes": None})
    for item in devices:
        item["bf16"] = has_bf16(torch.device(item["device"]))
    auto = pick_device("auto")
    return {
        "devices": devices,
        "auto": {"device": str(auto), "precision": pick_precision("auto", auto)},
        "cuda": torch.version.cuda,
        "cpu": {
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "instruction_set": torch.backends.cpu.get_cpu_capability(),
        },
    }


def disk(folder: Path) -> dict[str, Any]:
    """A folder, whether it exists, and the free bytes of the disk that it is or would be on."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return {"path": str(folder), "exists": folder.exists(), "free_bytes": shutil.disk_usage(existing).free}


def lock_problems(results: Path) -> list[str]:
    """One sentence for each reason why locks do not work in a results folder; none before the folder is made."""
    if os.name != "posix" or not results.is_dir():
        return []
    from ugbench.runs.lock_check import check_locks

    problems: list[str] = []
    try:
        check_locks(results, problems.append)
    except (UsageError, DiskError) as error:
        problems.append(str(error))
    return problems


def frozen_networks(methods: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """The networks of methods whose weights are given, by their names for `--weights`: "vgg of cartoongan".

    The second value is one sentence for each method that cannot be loaded.
    """
    networks: dict[str, list[str]] = {}
    problems = []
    for name in methods:
        try:
            frozen = registry.load_method(name).frozen
        except Exception as error:  # of any type: the module of a method may come from anybody
            problems.append(registry.why_not_loaded("method", name, error))
            continue
        for child, option in frozen.items():
            networks.setdefault(option, []).append(f"{child} of {name}")
    return networks, problems


def network_weights(
    given: Mapping[str, Path],
    scoring: Mapping[str, str],
    frozen: Mapping[str, Sequence[str]],
    refused: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """Each name that `--weights` takes: where its file comes from, and whether the given file is readable, or else
    which file is found.

    Args:
        scoring: what is taken for each network of scoring.
        frozen: from `frozen_networks`.
        refused: receives a sentence for each file that is found and not used.
    Raises:
        UnknownName: a file is given for a network that does not exist.
    """
    from ugbench.errors import WeightsError
    from ugbench.nn.weight_files import read_weight_file
    from ugbench.scoring.networks.search import search

    sources = dict(scoring)
    for name, networks in frozen.items():
        of_methods = f"weights of the frozen network {', '.join(networks)}"
        sources[name] = f"{sources[name]}; {of_methods}" if name in sources else of_methods
    for name in given:
        if name not in sources:
            raise UnknownName("network for --weights", name, sources)
    try:
        found_files = search([name for name in sources if name not in given], refused)
    except UsageError as error:
        refused(str(error))
        found_files = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, source in sources.items():
        status, ok = (f"found, {found_files[name]}", True) if name in found_files else ("not found", False)
        if name in given:
            try:
                status, ok = f"{len(read_weight_file(name, given[name], source))} tensors", True
            except WeightsError as error:
                status = str(error)
        rows[name] = {"source": source, "file": given.get(name, found_files.get(name)), "ok": ok, "status": status}
    return rows


def show(report: Mapping[str, Any]) -> None:
    """Print the report for a person."""
    lines = [("python", f"{report['python']} on {report['platform']}")]
    lines += [(name, installed_version or "missing") for name, installed_version in report["versions"].items()]
    cpu = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in report["cpu"].items())
    lines.append(("cpu", cpu))
    for item in report.get("devices", []):
        memory = f", {item['memory_bytes'] / 2**30:.0f} GiB" if item["memory_bytes"] else ""
        lines.append((item["device"], f"{item['name']}{memory}, bf16 {'in hardware' if item['bf16'] else 'emulated'}"))
    if "auto" in report:
        lines.append(("auto", f"--device {report['auto']['device']} --precision {report['auto']['precision']}"))
    for key in ("results", "data_root"):
        missing = "" if report[key]["exists"] else " (not made yet)"
        lines.append((key, f"{report[key]['path']}{missing}, {report[key]['free_bytes'] / 1e9:.1f} GB free"))
    lines += [(group, ", ".join(report[group]) or "none") for group in GROUPS]
    for name, item in report.get("weights", {}).items():
        lines.append((f"--weights {name}", f"{item['status']}; {item['source']}"))
    width = max(len(label) for label, _ in lines)
    for label, text in lines:
        print(f"{label.ljust(width)}  {text}")
    print()
    for problem in report["problems"]:
        print(f"to fix: {problem}")
    if not report["problems"]:
        print("nothing to fix.")
