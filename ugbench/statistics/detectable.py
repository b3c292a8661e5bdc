"""The smallest difference of two methods that their seeds could have shown with a chance of 80 %.

It follows from the spread over seeds and not from the measured difference, which can be large by chance and would then
suggest that few seeds are enough. With few seeds the spread itself is uncertain, so the result has an interval.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from ugbench.statistics.relabelling import exact_p_values

POWER = 0.8
LEVEL = 0.9
"""The level of the interval."""

_MOST_SIMULATED = 1000  # ways to share the seeds out: 6 against 6 have 924
_STUDIES = 2000  # simulated studies; the standard error of a power of 0.8 is then 0.009


class Detectable(NamedTuple):
    """The detectable difference, and its 90 % interval from the uncertainty of the spread over seeds."""

    value: float
    low: float
    high: float


def detectable(se: float, freedom: float, seeds: tuple[int, int], level: float) -> Detectable:
    """The difference of two means that the exact test over seeds shows with a chance of 80 %, for normal values.

    With up to 6 seeds per method the exact test has few possible p-values, and less power than a t-test at the same
    level. So there its power is simulated, with a fixed seed, for two methods with equal spreads. With more seeds it
    has the power of Welch's t-test, which a formula gives.

    Args:
        se: standard error of the measured difference, above 0.
        freedom: its degrees of freedom (Welch).
        seeds: number of seeds of each method.
        level: of the test: alpha / comparisons, the first and strictest step of Holm's adjustment.
    """
    from scipy import special

    n, m = seeds
    simulated = math.comb(n + m, n) <= _MOST_SIMULATED
    value = se * (_simulated_shift(n, m, level) if simulated else _shift_of_t(freedom, level))
    # se^2 times freedom / (true variance) has the chi-squared distribution.
    ends = (math.sqrt(freedom / special.chdtri(freedom, tail)) for tail in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Detectable(value, *(value * end for end in ends))


def _shift_of_t(freedom: float, level: float) -> float:
    """The difference, in standard errors, that a two-sided t-test finds with a chance of 80 %."""
    from scipy import optimize, special

    critical = float(special.stdtrit(freedom, 1 - level / 2))
    # A significant difference in the wrong direction does not count as found.
    return float(
        optimize.brentq(lambda nc: special.nctdtr(freedom, nc, critical) - (1 - POWER), 0.0, 2 * critical + 10)
    )


@cache
def _simulated_shift(n: int, m: int, level: float) -> float:
    """The difference, in standard errors, that the exact test finds in 80 % of simulated studies; found by bisection.

    The level must not be below the smallest p-value that the test can give.
    """
    random = np.random.default_rng(0)
    first, second = random.standard_normal((_STUDIES, n)), random.standard_normal((_STUDIES, m))
    unit = math.sqrt(1 / n + 1 / m)
    low, high = 0.0, 2 * _shift_of_t(n + m - 2, level)
    while high - low > 0.01:
        middle = (low + high) / 2
        power = float((exact_p_values(first, second + middle * unit) <= level * (1 + 1e-9)).mean())
        low, high = (middle, high) if power < POWER else (low, middle)
    return high
