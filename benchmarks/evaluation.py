"""Scores of ten runs against one target: this package in one process against ten calls of torch-fidelity's command.

    python benchmarks/evaluation.py                    ten folders of 1,000 images of 64 px, on the CPU
    python benchmarks/evaluation.py --images 50        the same with few images
    python benchmarks/evaluation.py --device cuda

Each round has three sides: `torch_fidelity`, ten processes, each of which extracts its run and the target; `computed`,
one process that extracts all eleven folders once with an empty cache; `cached`, one more process that finds all
features in the cache. With `--calls 2` two of the ten processes are measured and their mean counts ten times, which
saves an hour. Both wall time and processor time (with child processes) are measured, since only the processor time
leaves out what other programs ran meanwhile. All sides compute KID over the same subsets. The images are noise and the
weights of Inception are made here, with the right shapes: the values only show that both sides do the same work.
"""

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
from measuring import machine, make_parser, print_figures, run_again
from PIL import Image
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ugbench.data.images import list_images
from ugbench.metrics import fid, kid
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor

SUBSETS = 100
COMMAND = "import sys; from torch_fidelity.fidelity import main; sys.exit(main())"
RUN_VALUES = list[dict[str, float]]  # for each run its values by metric


def draw(folder: Path, images: int, seed: int, brightness: float = 1.0) -> None:
    """Write images of 64 px: noise in a random colour for each image, with levels from 0 to 255 times `brightness`."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(images):
        pixels = random.integers(0, 256, (64, 64, 3)) * random.random(3) * brightness
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:05}.png")


def write_weights(file: Path) -> None:
    """Write a file with the keys and shapes of torch-fidelity's Inception, and weights that keep signals alive."""
    torch.save({}, file)
    with mock.patch.object(FeatureExtractorInceptionV3, "load_state_dict"):
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=file)
    generator = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for key, value in state.items():
        if value.ndim > 1:
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / value[0].numel()) ** 0.5)
        elif value.is_floating_point():
            value.fill_(key.endswith(("running_var", "bn.weight")))
    torch.save(state, file)


def ours(place: Path, options: argparse.Namespace) -> RUN_VALUES:
    """KID (and with --fid FID) of all runs against the target, in this process."""
    extractor = load_extractor("inception", {"inception": place / "inception.pth"})
    cache = Cache(place / "cache", lambda text: print(text, file=sys.stderr))

    def features(folder: str) -> torch.Tensor:
        return features_of(list_images(place / folder), (), extractor, options.device, cache)

    target, values = features("target"), []
    for run in range(options.runs):
        outputs = features(f"run{run}")
        values.append({"kid": kid.compute(outputs, target, subset_size=options.images, subsets=SUBSETS).value})
        if options.fid:
            values[-1]["fid"] = fid.compute(outputs, target).value
    return values


def ours_as_process(place: Path, options: argparse.Namespace) -> RUN_VALUES:
    """`ours` in a process of its own, as a command would be, so that its time includes starting and loading."""
    words = ["--only", place, "--runs", options.runs, "--images", options.images, "--device", options.device]
    values: RUN_VALUES = run_again(*words, *(["--fid"] if options.fid else []))
    return values


def theirs(place: Path, options: argparse.Namespace) -> RUN_VALUES:
    """The values of torch-fidelity's command, called for each of the first `--calls` runs."""
    values = []
    command: list[object] = [sys.executable, "-c", COMMAND, "--json", "--silent", "--input1", place / "target"]
    command += ["--kid", "--kid-subset-size", options.images, "--kid-subsets", SUBSETS]
    command += ["--feature-extractor-weights-path", place / "inception.pth"]
    command += ["--fid"] if options.fid else []
    command += ["--cpu"] if options.device == "cpu" else ["--gpu", 0]
    for run in range(options.calls or options.runs):
        words = [str(word) for word in (*command, "--input2", place / f"run{run}")]
        start = processor_seconds()
        scores = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        print(f"call {run + 1}: processor {processor_seconds() - start:.1f} s", file=sys.stderr, flush=True)
        values.append({"kid": scores["kernel_inception_distance_mean"]})
        if options.fid:
            values[-1]["fid"] = scores["frechet_inception_distance"]
    return values


def processor_seconds() -> float:
    """Processor time of all processes that this process started and that have ended, seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=1000, help="images of each folder, and of each subset")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--calls", type=int, help="measured calls of torch-fidelity, whose mean counts for all runs")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--fid", action="store_true", help="FID too, on both sides, by the same routine")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", type=Path, help="(for itself) score the folders in this place and print the values")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(ours(options.only, options)))
        return
    rounds: list[dict[str, Any]] = []
    values: dict[str, RUN_VALUES] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_weights(place / "inception.pth")
        for number, name in enumerate(["target", *(f"run{run}" for run in range(options.runs))]):
            draw(place / name, options.images, number)
        for _ in range(options.rounds):
            shutil.rmtree(place / "cache", ignore_errors=True)
            seconds: dict[str, dict[str, float]] = {}
            rounds.append({"load_average": os.getloadavg()[0], "seconds": seconds})
            for side, call in (("computed", ours_as_process), ("torch_fidelity", theirs), ("cached", ours_as_process)):
                start, start_processor = time.perf_counter(), processor_seconds()
                values[side] = call(place, options)
                wall, processor = time.perf_counter() - start, processor_seconds() - start_processor
                times = options.runs / len(values[side])  # the number of calls that a measured call counts for
                seconds[side] = {"wall": times * wall, "processor": times * processor}
                print(f"{side}: {wall:.1f} s, processor {processor:.1f} s", file=sys.stderr, flush=True)
    figures = {
        "runs": options.runs,
        "calls": options.calls or options.runs,
        "images": options.images,
        "size": 64,
        "device": options.device,
        **machine(),
        "rounds": rounds,
        "share_of_torch_fidelitys_time": {
            side: {
                clock: [times["seconds"][side][clock] / times["seconds"]["torch_fidelity"][clock] for times in rounds]
                for clock in ("wall", "processor")
            }
            for side in ("computed", "cached")
        },
        "values_differ_by_at_most": {
            metric: max(
                abs(run_values[metric] - their_values[metric])
                for side in ("computed", "cached")
                for run_values, their_values in zip(values[side], values["torch_fidelity"], strict=False)
            )
            for metric in values["cached"][0]
        },
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
