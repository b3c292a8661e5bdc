"""Error rates and power of the exact test over seeds and of Welch's t-test, for seeds of several shapes.

    PYTHONPATH=benchmarks python benchmarks/simulations/seed_tests.py          minutes on one core

Two methods with n seeds each. The first has values with a normal distribution, one with two groups (a third of the
seeds fail) or a skewed one, with mean 0 and standard deviation 1. The second has normal values with another standard
deviation ("sd"), or the same shape, and the mean `shift`. "0.05" is the share of studies with p <= 0.05, and "0.05 / 7"
that with the first step of Holm's adjustment of seven comparisons. With shift 0 these are error rates about the means;
where both shapes and sd are the same they are error rates about the distributions too.
"""

from typing import Any

import numpy as np
from measuring import make_parser, print_figures
from scipy import stats

from ugbench.statistics.relabelling import exact_p_value

LEVELS = {"0.05": 0.05, "0.05 / 7": 0.05 / 7}
SEEDS = (4, 6, 8)
CASES = (
    ("normal", "normal", 1.0, 0.0),
    ("normal", "normal", 2.0, 0.0),
    ("two groups", "two groups", 1.0, 0.0),
    ("two groups", "normal", 1.0, 0.0),
    ("two groups", "normal", 0.5, 0.0),
    ("two groups", "normal", 0.25, 0.0),
    ("skewed", "skewed", 1.0, 0.0),
    ("skewed", "normal", 0.5, 0.0),
    ("normal", "normal", 1.0, 2.0),
    ("normal", "normal", 1.0, 3.0),
    ("two groups", "two groups", 1.0, 2.0),
)


def simulate(draws: int) -> dict[str, Any]:
    """The rows of all numbers of seeds and shapes."""
    return {"draws": draws, "rows": [row(n, *case, draws) for n in SEEDS for case in CASES]}


def row(n: int, first: str, second: str, sd: float, shift: float, draws: int) -> dict[str, Any]:
    """The shares of studies in which each test claims a difference."""
    random = np.random.default_rng(0)
    x, y = values(random, first, (draws, n)), sd * values(random, second, (draws, n)) + shift
    p_values = {
        "exact": np.array([exact_p_value(*pair) for pair in zip(x.tolist(), y.tolist(), strict=True)]),
        "welch": stats.ttest_ind(x, y, axis=1, equal_var=False).pvalue,
    }
    shares = {
        f"{test} {name}": float(np.mean(p <= level)) for test, p in p_values.items() for name, level in LEVELS.items()
    }
    return {"seeds": n, "first": first, "second": second, "sd": sd, "shift": shift, **shares}


def values(random: np.random.Generator, shape: str, size: tuple[int, int]) -> np.ndarray:
    """Values of a shape with mean 0 and standard deviation 1."""
    if shape == "two groups":
        fails = random.random(size) < 1 / 3
        groups: np.ndarray = (0.3 * random.standard_normal(size) + fails - 1 / 3) / np.sqrt(0.3**2 + 2 / 9)
        return groups
    if shape == "skewed":
        distribution = stats.lognorm(0.75)
        skewed: np.ndarray = (distribution.rvs(size, random_state=random) - distribution.mean()) / distribution.std()
        return skewed
    return random.standard_normal(size)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--draws", type=int, default=4000, help="studies per case")
    options = parser.parse_args()
    print_figures(simulate(options.draws), options.output)


if __name__ == "__main__":
    main()
