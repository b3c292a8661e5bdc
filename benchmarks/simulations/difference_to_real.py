"""How often the interval of KID(outputs) - KID(real images) covers the truth, and how often it shows equivalence.

    PYTHONPATH=benchmarks python benchmarks/simulations/difference_to_real.py --data DIR          minutes on one core

Each draw takes outputs, real images and references with replacement from the pools that
kid_interval.py describes. The real images
and the references are of one pool, so the true difference is the true KID of the outputs. If this difference is the
margin, equivalence may be shown in at most 5 % of the draws.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from feature_pools import Pools, read_all_pools
from measuring import make_parser, markdown_table, print_figures

from ugbench.metrics._kernel import RowSums
from ugbench.statistics.difference_to_real import from_sums
from ugbench.statistics.equivalence import LEVEL

SHARES = (0.0, 0.1, 0.3, 1.0)
CHUNK = 500  # draws at a time
SIZES = ((40, 40, 40), (50, 47, 50), (100, 100, 100))  # outputs, real images, references


def simulate(pools: dict[str, Pools], draws: int, seed: int = 0) -> dict[str, Any]:
    """The rows of the table: each pool, share of untouched outputs, and sizes."""
    rows = [
        {"pool": name, **difference_row(pool, share, *sizes, draws, seed)}
        for name, pool in pools.items()
        for share in SHARES
        for sizes in SIZES
    ]
    return {"draws": draws, "rows": rows}


def difference_row(pools: Pools, share: float, n: int, k: int, m: int, draws: int, seed: int) -> dict[str, Any]:
    """Coverage of the 95 % interval, and how often the 90 % interval lies inside a margin of the true difference."""
    random = np.random.default_rng(seed)
    truth = pools.truth({"real": 1 - share, "other": share})
    measured = []
    for start in range(0, draws, CHUNK):
        shape = (min(CHUNK, draws - start), n)
        outputs = pools.draw_mixed(random, "other", share, shape)
        real, references = (pools.draw(random, "real", (shape[0], size)) for size in (k, m))
        sums = [pools.sums_of_draws(images, references) for images in (outputs, real)]
        kernels = [pools.self_kernels(images) for images in (outputs, real, references)]
        for draw in range(shape[0]):
            of_outputs, of_real = (alone(of_draws, draw) for of_draws in sums)
            selves = (kernels[0][:, draw], kernels[1][:, draw], kernels[2][:, draw])
            wide, narrow = (from_sums(of_outputs, of_real, selves, level) for level in (0.95, LEVEL))
            measured.append((wide.value, wide.low, wide.high, narrow.low, narrow.high))
    values, low, high, narrow_low, narrow_high = np.array(measured, dtype=float).T
    inside = (-truth < narrow_low) & (narrow_high < truth)
    return {
        "outputs": f"{share:.0%} other",
        "n": n,
        "real": k,
        "m": m,
        "truth_over_sd": truth / float(np.std(values, ddof=1)),
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "truth_above": float(np.mean(truth > high)),
        "truth_below": float(np.mean(truth < low)),
        "equivalent_at_margin": float(np.mean(inside)),
    }


def alone(sums: RowSums, draw: int) -> RowSums:
    """The sums of one draw."""
    return RowSums(sums.fake[:, draw], sums.real[:, draw], sums.fake_cross[:, draw], sums.real_cross[:, draw])


def main() -> None:
    parser = make_parser(__doc__)
    data = os.environ.get("UGBENCH_TEST_DATA")
    parser.add_argument("--data", type=Path, default=data, required=data is None, help="default: UGBENCH_TEST_DATA")
    parser.add_argument("--features", type=Path, help="store the features in this folder, and read them if they exist")
    parser.add_argument("--draws", type=int, default=2000)
    options = parser.parse_args()
    pools = read_all_pools(Path(options.data), options.features)
    figures = simulate(pools, options.draws)
    print(markdown_table(figures["rows"]))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
