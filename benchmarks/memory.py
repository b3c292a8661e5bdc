"""Peak memory of scoring many images: it grows with their features alone, never with pairs or with pixels.

    python benchmarks/memory.py                      KID of 50,000 x 50,000 images of 256 features
    python benchmarks/memory.py --sizes 2500,5000,10000 --dim 2048
    python benchmarks/memory.py --metric fid --dim 2048
    python benchmarks/memory.py --files              features of 50,000 files, taken and found again

Each size runs in a process of its own, since one process has one peak. `beyond_the_features` is the peak less that of
a process that only imports, less the two sets of float32 features (or the one set that `--files` returns).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ugbench.metric import Score
from ugbench.metrics import fid, kid
from ugbench.scoring.cache import Cache
from ugbench.scoring.features import features_of
from ugbench.scoring.networks.extractors import load_extractor
from ugbench.training.bench import peak_memory

METRICS: dict[str, Callable[[Tensor, Tensor], Score]] = {
    "kid": kid.compute,
    "kid-subsets": partial(kid.compute, subset_size=1000, subsets=100),
    "fid": fid.compute,
}


def score(images: int, dim: int, metric: str, apart: float) -> dict[str, float]:
    """A metric of two random sets, `apart` in every feature, see METRICS."""
    generator = torch.Generator().manual_seed(0)
    fake, real = (torch.rand(images, dim, generator=generator) for _ in range(2))
    start, start_processor = time.perf_counter(), time.process_time()
    found = METRICS[metric](fake.add_(apart), real)
    seconds = {"seconds": time.perf_counter() - start, "processor": time.process_time() - start_processor}
    return {**seconds, "value": found.value, "features_bytes": 2 * 4 * images * dim}


def extract(images: int) -> dict[str, float]:
    """Features of that many files of 64 px by the extractor `random`, and again from the cache."""
    extractor = load_extractor("random", {})
    with tempfile.TemporaryDirectory() as folder:
        random, files = np.random.default_rng(0), []
        for number in range(images):
            files.append(Path(folder) / f"{number}.bmp")
            Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(files[-1])
        cache, seconds = Cache(Path(folder) / "cache"), []
        for _ in range(2):
            start = time.perf_counter()
            features_of(files, (), extractor, cache=cache)
            seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[0], "seconds_again": seconds[1], "features_bytes": 4 * images * extractor.dim}


def in_a_process(*options: str) -> dict[str, float]:
    """What this script measures with these options in a process of its own."""
    found = subprocess.run([sys.executable, __file__, *options], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(found.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="12500,25000,50000", help="images a side, one process each")
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--metric", choices=METRICS, default="kid", help="kid-subsets: 100 of 1,000")
    parser.add_argument("--apart", type=float, default=0.0, help="distance of the sets; at 0 KID tests equality too")
    parser.add_argument("--files", action="store_true", help="features of files instead of KID of features")
    parser.add_argument("--only", type=int, help="(for itself) measure one size, 0 for imports alone, in this process")
    options = parser.parse_args()
    if options.only is not None:
        measured: dict[str, float] = {"features_bytes": 0}
        if options.only:
            given = options.only
            measured = extract(given) if options.files else score(given, options.dim, options.metric, options.apart)
        print(json.dumps({**measured, "peak_bytes": peak_memory(torch.device("cpu"))}))
        return
    same = ["--dim", str(options.dim), "--metric", options.metric, "--apart", str(options.apart)]
    same += ["--files"] if options.files else []
    imports = in_a_process("--only", "0", *same)["peak_bytes"]
    rows = []
    for images in map(int, options.sizes.split(",")):
        measured = in_a_process("--only", str(images), *same)
        beyond = measured["peak_bytes"] - imports - measured["features_bytes"]
        rows.append({"images": images, **measured, "beyond_the_features": beyond})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    figures = {
        "measured": "files" if options.files else options.metric,
        "dim": None if options.files else options.dim,
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "imports_bytes": imports,
        "sizes": rows,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
