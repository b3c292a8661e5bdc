"""How often intervals over seeds, and over seeds and images together, cover the truth about other images.

    PYTHONPATH=benchmarks python benchmarks/simulations/crossed_errors.py --data DIR          minutes on one core
    PYTHONPATH=benchmarks python benchmarks/simulations/crossed_errors.py --data DIR --draws 100    a first impression

Pools of AlexNet features of real outputs (see feature_pools.py) stand for two methods. The output of a source is that
of one of two checkpoints, at random; the share of the second one differs between the seeds of a method, uniformly
between 0.5 - spread and 0.5 + spread. Seeds, sources and references are drawn anew for each study. The truth is the
mean over all shares of the V-statistic of the pools.

DIR holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.
"""

from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, pools_parser, read_all_pools
from measuring import print_figures
from scipy import stats

from ugbench.metrics._kernel import RowSums, jackknife_se, unbiased
from ugbench.statistics import crossed, seeds
from ugbench.statistics.paired import paired_from

SEEDS, SPREADS, IMAGES = (3, 6, 10, 20), (0.05, 0.5), 100


def simulate(pools: Pools, draws: int) -> dict[str, Any]:
    """The figures of all numbers of seeds and spreads."""
    return {"draws": draws, "rows": [row(pools, *case, draws) for case in product(SEEDS, SPREADS)]}


def row(pools: Pools, count: int, spread: float, draws: int) -> dict[str, Any]:
    """Coverage of the difference of two methods and of the mean of one, and how large the two errors are."""
    random = np.random.default_rng(0)
    names = list(pools.outputs)
    methods = (names[0], names[1]), (names[-2], names[-1])
    first_truth, second_truth = (truth(pools, *method, spread) for method in methods)
    covered = {"difference": 0, "difference_over_seeds": 0, "mean": 0, "mean_over_seeds": 0}
    ratios = []
    for _ in range(draws):
        sources = random.integers(0, len(pools.parts[names[0]]), IMAGES)
        real = pools.draw(random, "real", (1, IMAGES))[0]
        first, second = (
            [pools.sums(rows, real) for rows in outputs_of_seeds(pools, random, method, spread, count, sources)]
            for method in methods
        )
        claim = crossed.compare(first, second)
        values = [unbiased(sums) for sums in first]
        by_seeds = seeds.compare(values, [unbiased(sums) for sums in second])
        assert claim is not None and by_seeds.low is not None and by_seeds.high is not None
        difference = first_truth - second_truth
        covered["difference"] += claim.low <= difference <= claim.high
        covered["difference_over_seeds"] += by_seeds.low <= difference <= by_seeds.high
        mean = crossed_mean(first)
        covered["mean"] += mean.low <= first_truth <= mean.high
        half = np.std(values, ddof=1) / np.sqrt(count) * stats.t.ppf(0.975, count - 1)
        covered["mean_over_seeds"] += abs(np.mean(values) - first_truth) <= half
        ratios.append(claim.images_se / claim.seeds_se)
    shares = {name: number / draws for name, number in covered.items()}
    return {"seeds": count, "spread": spread, "images_se_over_seeds_se": float(np.median(ratios)), **shares}


def truth(pools: Pools, first: str, second: str, spread: float) -> float:
    """The mean true KID over the seeds of a method."""
    shares = np.linspace(0.5 - spread, 0.5 + spread, 201)
    return float(np.mean([pools.truth({first: 1 - share, second: share}) for share in shares]))


def outputs_of_seeds(
    pools: Pools, random: np.random.Generator, method: tuple[str, str], spread: float, count: int, sources: np.ndarray
) -> np.ndarray:
    """Rows (seeds, sources) of the outputs of these sources."""
    shares = random.uniform(0.5 - spread, 0.5 + spread, (count, 1))
    first, second = (pools.parts[name].start + sources for name in method)
    return np.where(random.random((count, len(sources))) < shares, second, first)


def crossed_mean(seeds_sums: list[RowSums]) -> crossed.CrossedMean:
    """The error of a method's mean as tables have it: from errors of scores and of their differences."""
    by_seed = {str(seed): sums for seed, sums in enumerate(seeds_sums)}
    values = {seed: unbiased(sums) for seed, sums in by_seed.items()}
    ses = {seed: jackknife_se(sums) or 0.0 for seed, sums in by_seed.items()}
    pair_ses = {
        frozenset((first, second)): paired_from(by_seed[first], by_seed[second]).se
        for first, second in combinations(by_seed, 2)
    }
    return crossed.of_mean(values, ses, pair_ses, IMAGES)


def main() -> None:
    options = pools_parser(__doc__, draws=2000).parse_args()
    torch.set_num_threads(1)
    pools = read_all_pools(Path(options.data), options.features)["cat2dog"]
    print_figures(simulate(pools, options.draws), options.output)


if __name__ == "__main__":
    main()
