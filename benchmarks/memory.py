"""Peak memory of scoring many images: it grows with their features only, not with pairs of images or with pixels.

    python benchmarks/memory.py                      KID of 50,000 x 50,000 images of 256 features
    python benchmarks/memory.py --sizes 2500,5000,10000 --dim 2048
    python benchmarks/memory.py --metric fid --dim 2048
    python benchmarks/memory.py --files              features of 50,000 files, extracted, then read from the cache

Each size runs in a process of its own, since a process has only one peak. `beyond_the_features` is this peak minus the
peak of a process that only imports, minus the two sets of float32 features (or the one set that `--files` returns).
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import make_parser, print_figures, run_again, timed
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
    """A metric (see METRICS) of two random sets (images, dim) that differ by `apart` in every feature."""
    generator = torch.Generator().manual_seed(0)
    fake, real = (torch.rand(images, dim, generator=generator) for _ in range(2))
    result, seconds = timed(lambda: METRICS[metric](fake.add_(apart), real))
    times = {"seconds": seconds["wall"], "processor": seconds["processor"]}
    return {**times, "value": result.value, "features_bytes": 2 * 4 * images * dim}


def extract(images: int) -> dict[str, float]:
    """Features of this many files of 64 px by the extractor `random`, and the same features from the cache."""
    extractor = load_extractor("random", {})
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        files = [Path(folder) / f"{number}.bmp" for number in range(images)]
        for file in files:
            Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file)
        cache = Cache(Path(folder) / "cache")
        first, again = (timed(lambda: features_of(files, (), extractor, cache=cache))[1]["wall"] for _ in range(2))
    return {"seconds": first, "seconds_again": again, "features_bytes": 4 * images * extractor.dim}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sizes", default="12500,25000,50000", help="numbers of images per set, one process for each")
    parser.add_argument("--dim", type=int, default=256, help="length of a feature")
    parser.add_argument("--metric", choices=METRICS, default="kid", help="kid-subsets: 100 subsets of 1,000")
    parser.add_argument("--apart", type=float, default=0.0, help="distance of the sets; at 0 KID tests equality too")
    parser.add_argument("--files", action="store_true", help="features of files instead of a metric of features")
    parser.add_argument("--only", type=int, help="(for itself) measure this size, 0 for imports alone, in this process")
    options = parser.parse_args()
    if options.only is not None:
        measured: dict[str, Any] = {"features_bytes": 0}
        if options.only and options.files:
            measured = extract(options.only)
        elif options.only:
            measured = score(options.only, options.dim, options.metric, options.apart)
        print(json.dumps({**measured, "peak_bytes": peak_memory(torch.device("cpu"))}))
        return
    same = ["--dim", options.dim, "--metric", options.metric, "--apart", options.apart]
    same += ["--files"] if options.files else []
    imports = run_again("--only", 0, *same)["peak_bytes"]
    rows = []
    for images in map(int, options.sizes.split(",")):
        measured = run_again("--only", images, *same)
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
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
