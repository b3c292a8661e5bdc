"""How often the interval of a failure rate covers it, and how often tests of two failure rates err.

    PYTHONPATH=benchmarks python benchmarks/simulations/failures.py          minutes on one core

The figures are exact: sums of binomial probabilities over all possible numbers of failures, with no draws. `coverage`
has the smallest coverage over all true rates (a grid of 999) of the interval that `ugbench differences --failed-above`
prints and of Wilson's. `tests` has the largest share of p up to 0.05 over all true rates that two methods can have in
common, for Boschloo's test, which the command uses, and for Fisher's; and the power for three pairs of rates.
"""

from itertools import product
from typing import Any

import numpy as np
from measuring import make_parser, markdown_table, print_figures
from scipy import stats

from ugbench.statistics.failures import boschloo_p, failure_rate
from ugbench.statistics.seeds import ALPHA

SEEDS = (3, 4, 6, 8, 10, 20)
TESTED = (3, 4, 6, 10)
RATES = np.arange(1, 1000) / 1000
PAIRS = ((0.0, 0.5), (0.1, 0.6), (0.0, 0.9))


def simulate(most: int = max(SEEDS)) -> dict[str, Any]:
    """The rows of both tables, for up to `most` seeds."""
    return {
        "coverage": [coverage_row(n) for n in SEEDS if n <= most],
        "tests": [tests_row(n) for n in TESTED if n <= most],
    }


def coverage_row(n: int) -> dict[str, Any]:
    """The smallest coverage over all rates, and the interval where no seed failed."""
    wilson = [stats.binomtest(k, n).proportion_ci(0.95, method="wilson") for k in range(n + 1)]
    exact = [failure_rate([1.0] * k + [0.0] * (n - k), 0.5) for k in range(n + 1)]
    chances = stats.binom.pmf(np.arange(n + 1)[:, None], n, RATES)
    return {
        "seeds": n,
        "exact": smallest(chances, [(rate.low, rate.high) for rate in exact]),
        "wilson": smallest(chances, [(interval.low, interval.high) for interval in wilson]),
        "none_failed_up_to": exact[0].high,
        "half_failed_from": exact[n // 2].low,
        "half_failed_to": exact[n // 2].high,
    }


def smallest(chances: np.ndarray, intervals: list[tuple[float, float]]) -> float:
    """The smallest coverage over the rates; `chances` (n + 1, rates) of each number of failures."""
    low, high = np.array(intervals).T[:, :, None]
    return float((chances * ((low <= RATES) & (high >= RATES))).sum(0).min())


def tests_row(n: int) -> dict[str, Any]:
    """The largest size, and the power, of both tests for n seeds of each method."""
    numbers = list(product(range(n + 1), repeat=2))
    p_values = {
        "boschloo": [boschloo_p((k, n), (m, n)) for k, m in numbers],
        "fisher": [stats.fisher_exact([[k, m], [n - k, n - m]]).pvalue for k, m in numbers],
    }
    row: dict[str, Any] = {"seeds": n}
    for name, values in p_values.items():
        rejects = (np.array(values) <= ALPHA * (1 + 1e-9)).reshape(n + 1, n + 1)
        row[f"{name}_size"] = max(share_rejected(rejects, rate, rate) for rate in RATES[::5])
        for pair in PAIRS:
            row[f"{name} {pair[0]:.0%}, {pair[1]:.0%}"] = share_rejected(rejects, *pair)
    return row


def share_rejected(rejects: np.ndarray, first: float, second: float) -> float:
    """The chance of a rejection, where `rejects` (n + 1, n + 1) says at which numbers of failures the test rejects."""
    n = len(rejects) - 1
    chances = [stats.binom.pmf(np.arange(n + 1), n, rate) for rate in (first, second)]
    return float(chances[0] @ rejects @ chances[1])


def tables(figures: dict[str, Any]) -> list[str]:
    """Both tables as Markdown."""
    return [markdown_table(figures[name]) for name in ("coverage", "tests")]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--most", type=int, default=max(SEEDS), help="seeds per method at most")
    options = parser.parse_args()
    figures = simulate(options.most)
    print("\n\n".join(tables(figures)))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
