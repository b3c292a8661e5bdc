"""Whether the detectable difference over seeds is found in 80 % of studies, and how far its estimate varies.

    PYTHONPATH=benchmarks python benchmarks/simulations/detectable.py          minutes on one core

Two methods with n seeds each; values have normal distributions with the standard deviations 1 and `sd`. `detectable` is
the difference that follows from the true standard deviations at the level 0.05 / `comparisons`, and `power` the share
of studies with that true difference in which the exact test over seeds shows it. A study only has an estimate of it:
`estimate_5`, `estimate_50` and `estimate_95` are quantiles of the estimates, divided by the detectable difference;
`covered` says how often the 90 % interval of the estimate holds it; and `power_at_estimates` is the power at a true
difference that is as large as an estimate, as the mean over estimates.
"""

import math
from typing import Any

import numpy as np
from measuring import make_parser, markdown_table, print_figures

from ugbench.statistics import seeds
from ugbench.statistics.detectable import detectable
from ugbench.statistics.relabelling import exact_p_values
from ugbench.statistics.seeds import ALPHA
from ugbench.statistics.student import satterthwaite

SEEDS, COMPARISONS, SPREADS = (4, 6, 10), (1, 7), (1.0, 3.0)


def simulate(draws: int) -> dict[str, Any]:
    """The rows of all numbers of seeds with which something is testable."""
    cases = [(n, k, sd) for n in SEEDS for k in COMPARISONS for sd in SPREADS if n >= seeds.seeds_to_test(k)]
    return {"draws": draws, "rows": [row(*case, draws) for case in cases]}


def row(n: int, comparisons: int, sd: float, draws: int) -> dict[str, Any]:
    """The figures of one case."""
    random = np.random.default_rng(1)  # other values than those that the detectable difference is computed from
    first, second = random.standard_normal((draws, n)), sd * random.standard_normal((draws, n))
    parts, level = [1 / n, sd**2 / n], ALPHA / comparisons
    true = detectable(math.sqrt(sum(parts)), satterthwaite(parts, [n - 1] * 2), (n, n), level).value
    claims = [seeds.compare(x, y, comparisons) for x, y in zip(first.tolist(), second.tolist(), strict=True)]
    estimates = np.array([claim.detectable for claim in claims])
    intervals = np.array([claim.detectable_interval for claim in claims])
    # Studies that are independent of the estimates: the next ones.
    shown = exact_p_values(first, second + np.roll(estimates, 1)[:, None]) <= level * (1 + 1e-9)
    return {
        "seeds": n,
        "comparisons": comparisons,
        "sd": sd,
        "detectable": true,
        "power": float(np.mean(exact_p_values(first, second + true) <= level * (1 + 1e-9))),
        **{f"estimate_{q}": float(np.quantile(estimates, q / 100) / true) for q in (5, 50, 95)},
        "covered": float(np.mean((intervals[:, 0] <= true) & (true <= intervals[:, 1]))),
        "power_at_estimates": float(np.mean(shown)),
    }


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--draws", type=int, default=4000, help="studies per case")
    options = parser.parse_args()
    figures = simulate(options.draws)
    print(markdown_table(figures["rows"]))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
