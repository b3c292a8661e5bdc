"""How often two tests of whether two checkpoints differ in KID are wrong, and how often they find a difference.

    PYTHONPATH=benchmarks python benchmarks/simulations/paired_tests.py --data DIR          half an hour on one core
    PYTHONPATH=benchmarks python benchmarks/simulations/paired_tests.py --data DIR --draws 200    for a first impression

One is Student's t of the paired difference over its jackknife error. The other swaps the two outputs of each source at
random; its statistic is the same t. The pools are those of kid_interval.py. In each draw both methods translate the
same n sources, and there are n references.

Kinds with equal KIDs: "exchangeable" (the outputs of two checkpoints change places at random for each source),
"exchangeable 10%" (they do so for a tenth of the sources, and are equal for the others), "equal KID" (the worse
checkpoint outputs real images for so many sources that both KIDs are equal), and "10% untouched" (each method leaves
its own tenth of the sources untouched and is perfect else). Kinds with a difference: "middle" and "large" (the second
method has its own output for 30 % of the sources, or for all, else that of the first), and "10% - 30% untouched".

DIR holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, pairs, pools_parser, read_all_pools
from measuring import markdown_table, print_figures

from ugbench.statistics import permutation
from ugbench.statistics.paired import paired_from
from ugbench.statistics.paired_test import student_p

LEVELS = (0.05, 0.01)
IMAGES = (20, 30, 50, 100)
PERMUTATIONS = 499  # so that p <= 0.05 and p <= 0.01 have just these probabilities
UNTOUCHED = {"10% untouched": (0.1, 0.1), "10% - 30% untouched": (0.1, 0.3)}
FEW = 0.1
Rows = tuple[np.ndarray, np.ndarray]


def simulate(pools: dict[str, Pools], draws: int, seed: int = 0) -> dict[str, Any]:
    """The rows of the table."""
    first, second = list(pools["cat2dog"].outputs)[:2]
    last = list(pools["cat2dog"].outputs)[-1]
    of_cats = (
        ("exchangeable", second),
        ("exchangeable 10%", second),
        ("equal KID", second),
        ("equal KID", last),
        ("middle", second),
        ("large", second),
    )
    cases = [("cat2dog", kind, first, other) for kind, other in of_cats]
    cases += [(name, kind, "-", "-") for kind in UNTOUCHED for name in ("dial", "clusters")]
    return {
        "draws": draws,
        "permutations": PERMUTATIONS,
        "rows": [
            {"pool": name, "kind": kind, "first": first, "second": second, "images": n, **row}
            for name, kind, first, second in cases
            for n in IMAGES
            if (row := shares(pools[name], (kind, first, second), n, draws, seed))
        ],
    }


def shares(pools: Pools, case: tuple[str, str, str], images: int, draws: int, seed: int) -> dict[str, float]:
    """The shares of draws in which each test claims a difference, at each level."""
    random = np.random.default_rng(seed)
    (first, second), references = (
        outputs(pools, case, (draws, images), random),
        pools.draw(random, "real", (draws, images)),
    )
    generator = torch.Generator().manual_seed(seed)
    p_values: dict[str, list[float]] = {"t": [], "swaps": []}
    for of_first, of_second, real in zip(first, second, references, strict=True):
        difference = paired_from(pools.sums(of_first, real), pools.sums(of_second, real))
        p_values["t"].append(student_p(difference.value, difference.se, images))
        swaps = torch.rand(images, 1 + PERMUTATIONS, generator=generator) < 0.5
        swaps[:, 0] = False
        statistics = permutation.studentised(pools.all[of_first], pools.all[of_second], pools.all[real], swaps).abs()
        p_values["swaps"].append(float((statistics >= statistics[0] * (1 - 1e-9)).double().mean()))
    return {
        f"{name} {level}": float(np.mean(np.array(values) <= level))
        for level in LEVELS
        for name, values in p_values.items()
    }


def outputs(pools: Pools, case: tuple[str, str, str], shape: tuple[int, int], random: np.random.Generator) -> Rows:
    """Rows of both methods' outputs of drawn sources, (draws, sources) each."""
    kind, first, second = case
    if kind in UNTOUCHED:
        perfect, untouched = pools.draw(random, "real", shape), pools.draw(random, "other", shape)
        left = (random.random(shape) < share for share in UNTOUCHED[kind])
        of_first, of_second = (np.where(where, untouched, perfect) for where in left)
    elif kind == "exchangeable 10%":
        of_first, of_second, _ = pairs(pools, "exchangeable", first, second, shape, random)
        of_second = np.where(random.random(shape) < FEW, of_second, of_first)
    else:
        of_first, of_second, _ = pairs(pools, kind, first, second, shape, random)
    return of_first, of_second


def main() -> None:
    options = pools_parser(__doc__, draws=2000).parse_args()
    torch.set_num_threads(1)
    figures = simulate(read_all_pools(Path(options.data), options.features), options.draws)
    print(markdown_table(figures["rows"]))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
