"""How often intervals of a difference of two KIDs cover the truth, and how often equivalence is shown at the margin.

    PYTHONPATH=benchmarks python benchmarks/simulations/kid_differences.py --data DIR          minutes on one core

The pools are those of kid_interval.py. In the rows "paired", two methods translate the same sources. Each leaves its
share of the outputs untouched (of the pool "other"), and its other outputs are perfect and equal to those of the second
method; or both are real checkpoints, and the second has its own output for a share of the sources, else that of the
first. In the rows "to real", the outputs of a method are compared with real images of the pool of the references.

If the true difference is the margin, equivalence may be shown in at most 5 % of the draws.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, pools_parser, read_all_pools
from measuring import markdown_table, print_figures
from torch import Tensor

from ugbench.metrics import _kernel
from ugbench.metrics._intervals import student_quantile
from ugbench.statistics.difference_to_real import variance_to_real
from ugbench.statistics.equivalence import LEVEL
from ugbench.statistics.paired import paired_variance
from ugbench.statistics.recovery import ends

UNTOUCHED = ((0.0, 0.1), (0.0, 0.3), (0.1, 0.2), (0.3, 0.3))  # shares of two methods
PAIRED_SIZES = ((70, 70), (70, 350))  # sources, references
SHARES = (0.0, 0.1, 0.3, 1.0)
REAL_SIZES = ((40, 40, 40), (100, 100, 100))  # outputs, real images, references
CHUNK = 500  # draws at a time


def simulate(pools: dict[str, Pools], draws: int, seed: int = 0) -> dict[str, Any]:
    """The rows of the table."""
    rows = []
    for name, pool in pools.items():
        for shares in UNTOUCHED:
            label = " - ".join(f"{share:.0%} other" for share in shares)
            truth = pool.truth(mixture(shares[0])) - pool.truth(mixture(shares[1]))
            for n, m in PAIRED_SIZES:
                rows.append({"pool": name, **paired_row(pool, label, truth, shares, n, m, draws, seed)})
        if pool.outputs:
            first, second = list(pool.outputs)[:2]
            for share in (0.1, 0.3, 1.0):
                truth = pool.truth({first: 1.0}) - pool.truth({first: 1 - share, second: share})
                label = f"{first} - {share:.0%} {second}"
                rows.append(
                    {"pool": name, **paired_row(pool, label, truth, (first, second, share), 100, 100, draws, seed)}
                )
        for share in SHARES:
            for n, k, m in REAL_SIZES:
                rows.append({"pool": name, **real_row(pool, share, n, k, m, draws, seed)})
    return {"draws": draws, "rows": rows}


def mixture(share: float) -> dict[str, float]:
    """A method that leaves this share of its outputs untouched."""
    return {"real": 1 - share, "other": share}


def paired_row(
    pools: Pools,
    label: str,
    truth: float,
    methods: tuple[float, float] | tuple[str, str, float],
    n: int,
    m: int,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Two methods on the same sources: their shares of untouched outputs, or two checkpoints and a share."""
    random, parts = np.random.default_rng(seed), []
    for start in range(0, draws, CHUNK):
        shape = (min(CHUNK, draws - start), n)
        if len(methods) == 2:
            perfect, untouched = pools.draw(random, "real", shape), pools.draw(random, "other", shape)
            first, second = (np.where(random.random(shape) < share, untouched, perfect) for share in methods)
        else:
            sources = random.integers(0, len(pools.parts[methods[0]]), shape)
            first = pools.parts[methods[0]].start + sources
            second = np.where(random.random(shape) < methods[2], pools.parts[methods[1]].start + sources, first)
        references = pools.draw(random, "real", (shape[0], m))
        sums = [pools.sums_of_draws(outputs, references) for outputs in (first, second)]
        parts.append(measured(pools, sums, (first, second, references), paired_variance(sums[0], sums[1])))
    return row("paired", label, (n, n, m), truth, parts)


def real_row(pools: Pools, share: float, n: int, k: int, m: int, draws: int, seed: int) -> dict[str, Any]:
    """A method that leaves a share of its outputs untouched, compared with real images."""
    random, parts = np.random.default_rng(seed), []
    for start in range(0, draws, CHUNK):
        count = min(CHUNK, draws - start)
        outputs = pools.draw_mixed(random, "other", share, (count, n))
        real, references = (pools.draw(random, "real", (count, size)) for size in (k, m))
        sums = [pools.sums_of_draws(images, references) for images in (outputs, real)]
        parts.append(measured(pools, sums, (outputs, real, references), variance_to_real(sums[0], sums[1])))
    return row("to real", f"{share:.0%} other - real", (n, k, m), pools.truth(mixture(share)), parts)


def measured(
    pools: Pools, sums: list[_kernel.RowSums], rows: tuple[np.ndarray, np.ndarray, np.ndarray], variance: Tensor
) -> Tensor:
    """Value, error, and both ends of the 95 % and of the 90 % interval, (6, b)."""
    kernels = (pools.self_kernels(rows[0]), pools.self_kernels(rows[1]), pools.self_kernels(rows[2]))
    both = [end for level in (0.95, LEVEL) for end in ends(sums[0], sums[1], kernels, variance, level)]
    return torch.stack([_kernel.estimate(sums[0]) - _kernel.estimate(sums[1]), variance.sqrt(), *both])


def row(kind: str, label: str, sizes: tuple[int, int, int], truth: float, parts: list[Tensor]) -> dict[str, Any]:
    """The figures of all draws of a row."""
    values, ses, low, high, narrow_low, narrow_high = torch.cat(parts, 1).numpy()
    fixed = student_quantile(min(sizes)) * ses
    inside = (-abs(truth) < narrow_low) & (narrow_high < abs(truth))
    return {
        "kind": kind,
        "difference": label,
        "images": "/".join(map(str, sizes)),
        "truth_over_sd": truth / float(np.std(values, ddof=1)),
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "coverage_fixed_se": float(np.mean(np.abs(values - truth) <= fixed)),
        "width_ratio": float(np.mean(high - low) / np.mean(2 * fixed)),
        "equivalent_at_margin": float(np.mean(inside)),
    }


def main() -> None:
    options = pools_parser(__doc__, draws=2000).parse_args()
    figures = simulate(read_all_pools(Path(options.data), options.features), options.draws)
    print(markdown_table(figures["rows"]))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
