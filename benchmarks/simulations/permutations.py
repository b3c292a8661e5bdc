"""From how many images and permutations on the p-values of permutation tests can be relied on.

    PYTHONPATH=benchmarks python benchmarks/simulations/permutations.py --data DIR          minutes on one core

"equality" is KID's test of whether outputs and references differ at all, with few images: `size` is the share of p up
to 0.05 where both are drawn from one pool (180 dogs), and `power` where the outputs are from the pool of 180 cats.

"batches" is about the number of permutations of any such test. Each permutation is a hit with the probability `p`. The
default draws permutations in batches until an interval of p excludes 0.05: `permutations` is their mean number,
`at_limit` the share of tests that reach the limit, and `wrong` the share of those below it with a p on the other side
of 0.05. `wrong_of_1000` is that share with 1,000 permutations.

DIR holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, pools_parser, read_all_pools
from measuring import markdown_table, print_figures

from ugbench.metrics._equality_test import LEVEL, equality_p_value
from ugbench.metrics._monte_carlo import MOST, monte_carlo_p

SIZES = ((4, 4), (5, 5), (10, 10), (4, 50), (20, 20), (50, 50))
PERMUTATIONS = 399
PS = (0.001, 0.01, 0.03, 0.04, 0.045, 0.0475, 0.05, 0.0525, 0.055, 0.06, 0.07, 0.1, 0.5)


def simulate(pools: Pools, draws: int) -> dict[str, Any]:
    """The rows of both tables."""
    return {
        "draws": draws,
        "equality": [equality_row(pools, *sizes, draws) for sizes in SIZES],
        "batches": [batches_row(p, draws) for p in PS],
    }


def equality_row(pools: Pools, n: int, m: int, draws: int) -> dict[str, Any]:
    """The shares of p up to 0.05 with n outputs and m references."""
    random, shares = np.random.default_rng(0), {}
    for name, pool in (("size", "real"), ("power", "other")):
        outputs, references = pools.draw(random, pool, (draws, n)), pools.draw(random, "real", (draws, m))
        rejected = 0
        for draw, (fake, real) in enumerate(zip(outputs, references, strict=True)):
            sums = pools.sums(fake, real)
            p_value = equality_p_value(pools.all[fake], pools.all[real], sums, PERMUTATIONS, draw)
            rejected += p_value is not None and p_value <= LEVEL
        shares[name] = rejected / draws
    return {"n": n, "m": m, **shares}


def batches_row(p: float, draws: int) -> dict[str, Any]:
    """How many permutations the default takes where the p of all permutations is `p`, and how often it errs."""
    random = np.random.default_rng(0)
    results = [monte_carlo_p(lambda count: int(random.binomial(count, p)), [LEVEL], 100) for _ in range(draws)]
    stopped = [result.value for result in results if result.permutations < MOST]
    fixed = (1 + random.binomial(1000, p, draws)) / 1001
    return {
        "p": p,
        "permutations": round(float(np.mean([result.permutations for result in results]))),
        "at_limit": 1 - len(stopped) / draws,
        "wrong": wrong(np.array(stopped), p),
        "wrong_of_1000": wrong(fixed, p),
    }


def wrong(values: np.ndarray, p: float) -> float | None:
    """The share of values on another side of 0.05 than p; None if p is 0.05, or there are no values."""
    return float(np.mean((values <= LEVEL) != (p <= LEVEL))) if p != LEVEL and len(values) else None


def tables(figures: dict[str, Any]) -> list[str]:
    """Both tables as Markdown."""
    return [markdown_table(figures[name]) for name in ("equality", "batches")]


def main() -> None:
    options = pools_parser(__doc__, draws=2000).parse_args()
    torch.set_num_threads(1)
    figures = simulate(read_all_pools(Path(options.data), options.features)["cat2dog"], options.draws)
    print("\n\n".join(tables(figures)))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
