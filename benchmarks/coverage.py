"""How often the intervals cover the truth, and how often the permutation tests reject, on pools of real features.

    python benchmarks/coverage.py --data DIR --weights alexnet.pth                minutes on one core
    python benchmarks/coverage.py --data DIR --weights alexnet.pth --draws 200 --tests 100    for a first impression

DIR holds `cat2dog/{train,test}{A,B}` and `cat2dog_ablation/outputs/NAME/A2B` with outputs of several methods for the
same sources. Each draw takes images with replacement from these finite pools, so the true KID of the pools is known:
it is their V-statistic. Differences are made by mixing a share of one pool into the other. The functions under test
are the package's own; only the kernel of the pools is computed once, and its sub-blocks are summed for every draw.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import SHARES, Pools, pairs, read_pools
from measuring import make_parser, markdown_table

from ugbench.metrics import _blocks, _kernel, _unbiased
from ugbench.metrics._defaults import MIN_FOR_INTERVAL
from ugbench.metrics._equality_test import equality_p_value
from ugbench.metrics._intervals import student_interval
from ugbench.statistics import paired, permutation

ALPHA = 0.05


def drawn(pools: Pools, difference: str, n: int, m: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows of fakes (draws, n) and of reals (draws, m), and the true KID.

    `difference` is a key of SHARES (this share of the fakes is from the other pool) or the name of a method's outputs.
    """
    random, share = np.random.default_rng(seed), SHARES.get(difference, 1.0)
    pool = "other" if difference in SHARES else difference
    fakes = pools.draw(random, "real", (draws, n))
    fakes = np.where(random.random((draws, n)) < share, pools.draw(random, pool, (draws, n)), fakes)
    return fakes, pools.draw(random, "real", (draws, m)), pools.truth({"real": 1 - share, pool: share})


def kid_row(
    pools: Pools, difference: str, n: int, m: int, draws: int, tests: int, permutations: int, seed: int
) -> dict[str, Any]:
    """KID's error against its true spread, and the share of p-values up to 0.05 in the first `tests` draws near 0.

    simulations/kid_interval.py has the coverage of its interval.
    """
    fakes, reals, truth = drawn(pools, difference, n, m, draws, seed)
    sums = [pools.sums(fake, real) for fake, real in zip(fakes, reals, strict=True)]
    values, ses = np.array([(_kernel.unbiased(rows), _kernel.jackknife_se(rows)) for rows in sums]).T
    p_values: list[float | None] = []
    if truth <= _unbiased.NEAR_ZERO * ses.mean():
        p_values = [
            equality_p_value(pools.all[fakes[draw]], pools.all[reals[draw]], sums[draw], permutations, draw)
            for draw in range(min(tests, draws))
        ]
    return {
        "difference": difference,
        "n": n,
        "m": m,
        "truth": truth,
        "truth_over_se": truth / float(ses.mean()),
        "se_over_sd": float(ses.mean() / values.std(ddof=1)),
        "p_under_0.05": rejected(p_values),
    }


def block_row(pools: Pools, difference: str, n: int, draws: int, seed: int) -> dict[str, Any]:
    """Coverage for blocks of 10: of Student's and of the normal interval; and their sd relative to whole sets."""
    fakes, reals, truth = drawn(pools, difference, n, n, draws, seed)
    scores = [
        _blocks._score(_blocks.block_values(pools.all[fake], pools.all[real]))
        for fake, real in zip(fakes, reals, strict=True)
    ]
    values, ses, low, high = np.array([(s.value, s.se, s.low, s.high) for s in scores], dtype=float).T
    full = [_kernel.unbiased(pools.sums(fake, real)) for fake, real in zip(fakes, reals, strict=True)]
    return {
        "difference": difference,
        "n": n,
        "coverage_t": float(np.mean((low <= truth) & (truth <= high))),
        "coverage_normal": float(np.mean(abs(values - truth) <= 1.96 * ses)),
        "sd_over_full": float(np.std(values) / np.std(full)),
    }


def paired_row(
    pools: Pools, kind: str, first: str, second: str, n: int, draws: int, tests: int, permutations: int, seed: int
) -> dict[str, Any]:
    """Coverage of the paired difference; its width against two independent draws; how often the test rejects."""
    random = np.random.default_rng(seed)
    first_rows, second_rows, truth = pairs(pools, kind, first, second, (draws, n), random)
    reals = pools.draw(random, "real", (draws, n))
    first_sums, second_sums = (
        [pools.sums(fake, real) for fake, real in zip(rows, reals, strict=True)] for rows in (first_rows, second_rows)
    )
    together = [paired.paired_from(*both) for both in zip(first_sums, second_sums, strict=True)]
    together_se = [paired.unpaired_from(*both).se for both in zip(first_sums, second_sums, strict=True)]
    # A draw's first method and the next draw's second method share neither sources nor references.
    next_sums = [*second_sums[1:], second_sums[0]]
    apart = [paired.unpaired_from(*both) for both in zip(first_sums, next_sums, strict=True)]
    errors_together, errors_apart = ([(each.value - truth, each.se) for each in kids] for kids in (together, apart))
    p_values: list[float | None] = []
    for draw in range(min(tests, draws)):
        first_fake, second_fake, real = (pools.all[rows[draw]] for rows in (first_rows, second_rows, reals))
        p_values.append(permutation.swap_test(first_fake, second_fake, real, permutations, draw).value)
    return {
        "kind": kind,
        "first": first,
        "second": second,
        "n": n,
        "truth": truth,
        "coverage": covers(errors_together, n),
        "coverage_unpaired": covers(errors_apart, n),
        "se_ratio": float(np.mean(together_se) / np.mean(errors_together, 0)[1]),
        "width_ratio_at_95": half_width(errors_apart) / half_width(errors_together),
        "p_under_0.05": rejected(p_values),
    }


def rejected(p_values: Sequence[float | None]) -> float | None:
    """The share of p-values up to ALPHA; None if there are none. A draw without a test counts as not rejected."""
    return float(np.mean([p is not None and p <= ALPHA for p in p_values])) if p_values else None


def covers(errors: Sequence[tuple[float, float]], smaller: int) -> float:
    """The share of (error, standard error) in which Student's interval holds the truth; `smaller` set size."""
    half = student_interval(0.0, 1.0, smaller)[1]
    return float(np.mean([abs(error) <= half * se for error, se in errors]))


def half_width(errors: Sequence[tuple[float, float]]) -> float:
    """The mean half width of the interval if its factor is such that it covers in 95 % of these draws."""
    deviations, ses = np.array(errors).T
    with np.errstate(divide="ignore"):  # draws in which no source tells the methods apart: never covered
        return float(np.quantile(np.abs(deviations) / ses, 0.95) * ses.mean())


def simulate(pools: Pools, draws: int, tests: int, permutations: int, n: int = 100, seed: int = 0) -> dict[str, Any]:
    """The rows of all tables, see the functions above. Tests are made on the first `tests` draws of a row."""
    few = MIN_FOR_INTERVAL
    cases = [(name, *size) for size in ((n, n), (few, few), (few, n)) for name in SHARES]
    first, *others = pools.outputs
    cases += [(first, n, n), (first, 2 * n, 2 * n), ("large", 2 * n, 2 * n)]
    kinds = [(kind, others[0], n, tests) for kind in ("exchangeable", "equal KID", "small", "middle")]
    kinds += [("large", other, n, tests) for other in others]
    kinds += [(kind, others[0], paired.MIN_FOR_INTERVAL, 0) for kind in ("equal KID", "small", "large")]
    return {
        "draws": draws,
        "tests": tests,
        "permutations": permutations,
        "kid": [kid_row(pools, *case, draws, tests, permutations, seed) for case in cases],
        "paired": [
            paired_row(pools, kind, first, second, size, draws, row_tests, permutations, seed)
            for kind, second, size, row_tests in kinds
        ],
        "blocks": [block_row(pools, name, n, tests, seed) for name in SHARES],
    }


def tables(figures: dict[str, Any]) -> str:
    """The three tables as Markdown."""
    return "\n\n".join(markdown_table(figures[name]) for name in ("kid", "paired", "blocks"))


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with cat2dog and cat2dog_ablation")
    parser.add_argument("--weights", type=Path, required=True, help="AlexNet's weights")
    parser.add_argument("--features", type=Path, help="store the features in this file, and read them if it exists")
    parser.add_argument("--draws", type=int, default=5000, help="draws for intervals")
    parser.add_argument("--tests", type=int, default=2000, help="the first draws, which tests and blocks get too")
    parser.add_argument("--permutations", type=int, default=199)
    options = parser.parse_args()
    pools = read_pools(options.data, options.weights, options.features)
    start = time.perf_counter()
    figures = simulate(pools, options.draws, options.tests, options.permutations)
    print(tables(figures))
    print(f"\n{options.draws} draws in {time.perf_counter() - start:.0f} s, {torch.get_num_threads()} thread(s)")
    text = json.dumps(figures, indent=1)
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
