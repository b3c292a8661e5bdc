"""KID over subsets from given features: this package against torch-fidelity, turn by turn in one run.

    python benchmarks/kid.py                     5,000 x 5,000 x 2,048, 100 subsets of 1,000
    python benchmarks/kid.py --images 2000 --subset-size 400

Both take the same subsets of the same random features. Ratios are taken round by round, so that a busy machine is
busy for both; the processor's time is given beside the wall's, since only it leaves out what others ran meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ugbench.metrics import kid


def features(images: int, dim: int) -> tuple[Tensor, Tensor]:
    """Two sets like Inception's: nonnegative, of mean about 0.4, a little apart."""
    generator = torch.Generator().manual_seed(0)
    fake, real = (torch.randn(images, dim, generator=generator).square_().mul_(0.4) for _ in range(2))
    return fake.add_(0.02), real


def timed(call: Callable[[], float]) -> tuple[float, dict[str, float]]:
    """What a call returns, and its seconds on the wall and of the processor."""
    start, start_processor = time.perf_counter(), time.process_time()
    value = call()
    return value, {"wall": time.perf_counter() - start, "processor": time.process_time() - start_processor}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000, help="a side")
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--subsets", type=int, default=100)
    parser.add_argument("--subset-size", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    fake, real = features(options.images, options.dim)

    def ours() -> float:
        return kid.compute(fake, real, subset_size=options.subset_size, subsets=options.subsets, seed=2020).value

    def theirs() -> float:
        sizes = {"kid_subset_size": options.subset_size, "kid_subsets": options.subsets}
        return float(kid_features_to_metric(real, fake, **sizes, rng_seed=2020, verbose=False)[KEY_METRIC_KID_MEAN])

    rounds = []
    for _ in range(options.runs):
        (value, fast), (other, slow) = timed(ours), timed(theirs)
        rounds.append({"ugbench": fast, "torch_fidelity": slow})
        print(f"ugbench {fast['wall']:.1f} s  torch-fidelity {slow['wall']:.1f} s", file=sys.stderr, flush=True)
    figures = {
        "images": options.images,
        "dim": options.dim,
        "subsets": options.subsets,
        "subset_size": options.subset_size,
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "load_average": os.getloadavg()[0],
        "seconds": rounds,
        "times_faster": {
            kind: statistics.median(one["torch_fidelity"][kind] / one["ugbench"][kind] for one in rounds)
            for kind in ("wall", "processor")
        },
        "values": {"ugbench": value, "torch_fidelity": other},
        "values_differ_by": abs(value - other),
    }
    print(json.dumps(figures, indent=2))
    if options.output:
        options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
