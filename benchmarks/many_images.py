"""Start and memory of a training with more images than memory holds, which are read from the disk ahead of each step.

    python benchmarks/many_images.py --folder /tmp/many     draws 200,000 images there, and trains with them twice
    python benchmarks/many_images.py --images 20 --steps 4 --size 32 --place disk

The first training hashes every file, the second one finds the hashes in the cache. `seconds` go from the start of the
process to its first step, `processor` is its processor time until then. `memory_bytes` is that of the training and of
the processes that read ahead, where shared pages count once (Pss of Linux).
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from measuring import make_parser, print_figures
from PIL import Image

SIDE = 64  # px
SAMPLES = 10  # measurements of memory in a training
TICKS = os.sysconf("SC_CLK_TCK")


def draw(root: Path, images: int) -> None:
    """A data set of this many different JPEG files in trainA and trainB together; one that is there stays."""
    random = np.random.default_rng(0)
    for split, count in (("trainA", images // 2), ("trainB", images - images // 2), ("testA", 4), ("testB", 4)):
        folder = root / split
        if folder.is_dir():
            continue
        folder.mkdir(parents=True)
        for number in range(count):
            levels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(levels).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:06d}.jpg")


def children_of(pid: int) -> list[int]:
    """The processes that the main thread of a process has started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def memory_of(pid: int) -> int:
    """The memory of a process, in bytes; of pages that several processes share, its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def processor_seconds(pid: int) -> float:
    """The processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def train(root: Path, home: Path, seed: int, steps: int, size: int, place: str) -> dict[str, Any]:
    """Train a tiny CycleGAN on the data set for some steps, and measure it from outside.

    Args:
        home: folder of the results and of the cache of hashes.
    """
    command = [sys.executable, "-m", "ugbench", "train", "cyclegan", "--dataset", root, "--preset", "smoke"]
    command += ["--set", "channels=2,blocks=1,discriminator_channels=2", "--batch-size", 1, "--size", size]
    command += ["--steps", steps, "--log-every", 1, "--sample-every", steps, "--seed", seed, "--device", "cpu"]
    command += ["--results", home / "results", "--images", place]
    environment = {**os.environ, "UGBENCH_CACHE": str(home / "cache"), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], env=environment, stderr=subprocess.DEVNULL)
    log = f"results/*/*/seed{seed}-*/metrics.jsonl"
    figures: dict[str, Any] = {}
    memory: dict[int, int] = {}
    readers = 0
    while process.poll() is None:
        done = sum(len(file.read_bytes().splitlines()) for file in home.glob(log))
        if done and not figures:
            figures = {"seconds": time.perf_counter() - start, "processor": processor_seconds(process.pid)}
        if done > len(memory) * steps / SAMPLES:
            with suppress(ProcessLookupError, FileNotFoundError):  # it has just ended
                children = children_of(process.pid)
                memory[done] = sum(map(memory_of, [process.pid, *children]))
                readers = max(readers, len(children))
        time.sleep(0.02)
    if process.returncode != 0:
        raise SystemExit(f"training failed with exit code {process.returncode}")
    return {**figures, "readers": readers, "memory_bytes": memory}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=200_000, help="images of trainA and trainB together")
    parser.add_argument("--steps", type=int, default=500, help="steps of the second training")
    parser.add_argument("--size", type=int, default=256, help="px to which the images are resized")
    parser.add_argument(
        "--place", choices=["auto", "memory", "disk"], default="auto", help="value of --images of train"
    )
    parser.add_argument(
        "--folder", type=Path, help="where the data set is drawn, and stays; default: a temporary folder"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        root = options.folder or Path(home) / "many"
        draw(root, options.images)
        time.sleep(3)  # a file that has just been written is not trusted to keep its content, and its hash is not kept
        first, cached = (
            train(root, Path(home), seed, steps, options.size, options.place)
            for seed, steps in ((0, 1), (1, options.steps))
        )
    figures = {
        "images": options.images,
        "size": options.size,
        "place": options.place,
        "cores": len(os.sched_getaffinity(0)),
        "load_average": os.getloadavg()[0],
        "first": {"seconds": first.get("seconds"), "processor": first.get("processor")},
        "hashes_cached": cached,
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
