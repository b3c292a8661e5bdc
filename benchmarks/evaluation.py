"""Ten runs against one target: this package in one process against ten calls of torch-fidelity's own command.

    python benchmarks/evaluation.py                    ten folders of 1,000 images of 64 px, on the CPU
    python benchmarks/evaluation.py --images 50        the same in miniature
    python benchmarks/evaluation.py --device cuda

Three sides, round by round: `torch_fidelity`, ten processes, each extracting its run and the target; `computed`,
one process that extracts eleven folders once with an empty cache; `cached`, one more process that finds all of them.
With `--calls 2` two of the ten processes are measured and their mean counted ten times, for an hour less.
Seconds are the wall's and the processors' (children included), since only the latter leave out what others ran
meanwhile. All give KID over the same subsets. The images are noise and the weights of Inception are made here, of
the right shapes: the values say that both sides do the same work, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image

from ugbench.data.images import list_images
from ugbench.metrics import fid, kid
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor

SUBSETS = 100
COMMAND = "import sys; from torch_fidelity.fidelity import main; sys.exit(main())"


def draw(folder: Path, images: int, seed: int) -> None:
    """Noise of 64 px under a colour of each image's own."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(images):
        pixels = random.integers(0, 256, (64, 64, 3)) * random.random(3)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:05}.png")


def write_weights(file: Path) -> None:
    """A file with the keys and shapes of torch-fidelity's Inception, and some weights that keep signals alive."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.save({}, file)
    with mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=file)
    generator = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for key, value in state.items():
        if value.ndim > 1:
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5)
        elif key.endswith("running_var") or key.endswith("bn.weight"):
            value.fill_(1)
        elif value.is_floating_point():
            value.zero_()
    torch.save(state, file)


def ours(place: Path, runs: int, subset: int, device: str, with_fid: bool) -> list[dict[str, float]]:
    """KID (and FID) of all runs against the target, in this process."""
    extractor = load_extractor("inception", {"inception": place / "inception.pth"})
    cache = Cache(place / "cache", lambda text: print(text, file=sys.stderr))

    def features(folder: str) -> torch.Tensor:
        return features_of(list_images(place / folder), (), extractor, device, cache)

    target, values = features("target"), []
    for run in range(runs):
        outputs = features(f"run{run}")
        one = {"kid": kid.compute(outputs, target, subset_size=subset, subsets=SUBSETS).value}
        if with_fid:
            one["fid"] = fid.compute(outputs, target).value
        values.append(one)
    return values


def ours_as_process(place: Path, options: argparse.Namespace) -> list[dict[str, float]]:
    """`ours` in a process of its own, as a command would be: starting and loading are in its time."""
    command = [sys.executable, __file__, "--only", str(place), "--runs", str(options.runs)]
    command += ["--images", str(options.images), "--device", options.device, *(["--fid"] if options.fid else [])]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    values: list[dict[str, float]] = json.loads(found.stdout)
    return values


def theirs(place: Path, options: argparse.Namespace) -> list[dict[str, float]]:
    """torch-fidelity's command, once a run, for the first `--calls` runs."""
    values = []
    for run in range(options.calls or options.runs):
        command = [
            sys.executable,
            "-c",
            COMMAND,
            "--input1",
            str(place / "target"),
            "--input2",
            str(place / f"run{run}"),
        ]
        command += ["--kid", "--kid-subset-size", str(options.images), "--kid-subsets", str(SUBSETS)]
        command += ["--feature-extractor-weights-path", str(place / "inception.pth"), "--json", "--silent"]
        command += ["--fid"] if options.fid else []
        command += ["--cpu"] if options.device == "cpu" else ["--gpu", "0"]
        start = processor_seconds()
        found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"call {run + 1}: processor {processor_seconds() - start:.1f} s", file=sys.stderr, flush=True)
        one = {"kid": found["kernel_inception_distance_mean"]}
        if options.fid:
            one["fid"] = found["frechet_inception_distance"]
        values.append(one)
    return values


def processor_seconds() -> float:
    """Processor time of all processes that this one started and that have ended, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000, help="a folder; subsets are as large as a folder")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--calls", type=int, help="of torch-fidelity, whose mean stands for all of them; default: all")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--fid", action="store_true", help="FID too, on both sides, by the same routine")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", type=Path, help="(for itself) score the folders in this place and print the values")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(ours(options.only, options.runs, options.images, options.device, options.fid)))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_weights(place / "inception.pth")
        for number, name in enumerate(["target", *(f"run{run}" for run in range(options.runs))]):
            draw(place / name, options.images, number)
        rounds: list[dict[str, Any]] = []
        values: dict[str, list[dict[str, float]]] = {}
        for _ in range(options.rounds):
            shutil.rmtree(place / "cache", ignore_errors=True)
            load, seconds = os.getloadavg()[0], {}
            for side, call in (("computed", ours_as_process), ("torch_fidelity", theirs), ("cached", ours_as_process)):
                start, start_processor = time.perf_counter(), processor_seconds()
                values[side] = call(place, options)
                wall, processor = time.perf_counter() - start, processor_seconds() - start_processor
                times = len(values["computed"]) / len(values[side])  # calls that one measured call stands for
                seconds[side] = {"wall": times * wall, "processor": times * processor}
                print(f"{side}: {wall:.1f} s, processor {processor:.1f} s", file=sys.stderr, flush=True)
            rounds.append({"load_average": load, "seconds": seconds})
    differences = {
        name: max(
            abs(one[name] - other[name])
            for side in ("computed", "cached")
            for one, other in zip(values[side], values["torch_fidelity"], strict=False)
        )
        for name in values["cached"][0]
    }
    figures = {
        "runs": options.runs,
        "calls": options.calls or options.runs,
        "images": options.images,
        "size": 64,
        "device": options.device,
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "rounds": rounds,
        "share_of_torch_fidelitys_time": {
            side: {
                kind: [one["seconds"][side][kind] / one["seconds"]["torch_fidelity"][kind] for one in rounds]
                for kind in ("wall", "processor")
            }
            for side in ("computed", "cached")
        },
        "values_differ_by_at_most": differences,
    }
    print(json.dumps(figures, indent=2))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
