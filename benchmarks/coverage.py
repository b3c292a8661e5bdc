"""How often the intervals cover, and how large the permutation tests are, on pools of real features.

    python benchmarks/coverage.py --data DIR --weights alexnet.pth                minutes on one core
    python benchmarks/coverage.py --data DIR --weights alexnet.pth --draws 200 --tests 100    a first look

DIR holds `cat2dog/{train,test}{A,B}` and `cat2dog_ablation/outputs/NAME/A2B` with outputs of several methods of one
set of sources. Each draw takes images with replacement from these finite pools, so the true KID of the pools is known:
it is their V-statistic. Differences are made by mixing: a share of one pool in the other. The functions under test are
the package's own; only the kernel of the pools is computed once, and its sub-blocks are summed for every draw.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, read_pools

from ugbench.metrics import _blocks, _kernel, kid
from ugbench.metrics._equality_test import equality_p_value
from ugbench.metrics._intervals import student_interval
from ugbench.statistics import paired, permutation
from ugbench.statistics.paired import paired_from, unpaired_from

ALPHA = 0.05
SHARES = {"null": 0.0, "small": 0.1, "middle": 0.3, "large": 1.0}


def drawn(pools: Pools, difference: str, n: int, m: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows of fakes and of reals for every draw, and the true KID.

    `difference` is one of SHARES (so much of the other pool among the fakes) or the name of a method's outputs.
    """
    random, share = np.random.default_rng(seed), SHARES.get(difference, 1.0)
    pool = "other" if difference in SHARES else difference
    fakes = pools.draw(random, "real", (draws, n))
    fakes = np.where(random.random((draws, n)) < share, pools.draw(random, pool, (draws, n)), fakes)
    return fakes, pools.draw(random, "real", (draws, m)), pools.truth({"real": 1 - share, pool: share})


def kid_row(
    pools: Pools, difference: str, n: int, m: int, draws: int, tests: int, permutations: int, seed: int
) -> dict[str, Any]:
    """Coverage of KID's interval; of the first `tests` draws the share of p-values up to 0.05, if KID is near zero."""
    fakes, reals, truth = drawn(pools, difference, n, m, draws, seed)
    sums = [pools.sums(fake, real) for fake, real in zip(fakes, reals, strict=True)]
    found = [(_kernel.unbiased(one), _kernel.jackknife_se(one)) for one in sums]
    values, ses = np.array(found).T
    p_values = []
    if truth <= kid.NEAR_ZERO * ses.mean():
        p_values = [
            equality_p_value(pools.all[fake], pools.all[real], one, permutations, draw)
            for draw, (fake, real, one) in enumerate(zip(fakes[:tests], reals[:tests], sums[:tests], strict=True))
        ]
    return {
        "difference": difference,
        "n": n,
        "m": m,
        "truth": truth,
        "truth_over_se": truth / float(ses.mean()),
        "coverage": covers(list(zip(values - truth, ses, strict=True)), min(n, m)),
        "se_over_sd": float(ses.mean() / values.std(ddof=1)),
        "p_under_0.05": float(np.mean(np.array(p_values) <= ALPHA)) if p_values else None,
    }


def block_row(pools: Pools, difference: str, n: int, draws: int, seed: int) -> dict[str, Any]:
    """The same for blocks of 10: Student's interval, the normal one, and their spread against the full statistic's."""
    fakes, reals, truth = drawn(pools, difference, n, n, draws, seed)
    scores = [
        _blocks._score(_blocks.block_values(pools.all[fake], pools.all[real]))
        for fake, real in zip(fakes, reals, strict=True)
    ]
    values, ses, low, high = np.array([(one.value, one.se, one.low, one.high) for one in scores], dtype=float).T
    full = [_kernel.unbiased(pools.sums(fake, real)) for fake, real in zip(fakes, reals, strict=True)]
    return {
        "difference": difference,
        "n": n,
        "coverage_t": float(np.mean((low <= truth) & (truth <= high))),
        "coverage_normal": float(np.mean(abs(values - truth) <= 1.96 * ses)),
        "sd_over_full": float(np.std(values) / np.std(full)),
    }


def pairs(
    pools: Pools, kind: str, first: str, second: str, shape: tuple[int, int], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows of both methods' outputs of drawn sources, and the true difference of the two KIDs.

    Kinds: "exchangeable" (each source's two outputs change places by a coin), "equal KID" (the worse method gives a
    real image so often that its KID equals the other's), and the SHARES: so often the second method's output, else
    the first's own.
    """
    source = random.integers(0, len(pools.parts[first]), shape)
    one, other = pools.parts[first].start + source, pools.parts[second].start + source
    if kind == "exchangeable":
        coin = random.random(shape) < 0.5
        return np.where(coin, other, one), np.where(coin, one, other), 0.0
    if kind == "equal KID":
        if pools.truth({first: 1.0}) > pools.truth({second: 1.0}):
            one, other, first, second = other, one, second, first
        share = equal_share(pools, first, second)
        mixed = np.where(random.random(shape) < share, pools.draw(random, "real", shape), other)
        return one, mixed, pools.truth({first: 1.0}) - pools.truth({second: 1 - share, "real": share})
    share = SHARES[kind]
    truth = pools.truth({first: 1.0}) - pools.truth({first: 1 - share, second: share})
    return one, np.where(random.random(shape) < share, other, one), truth


def equal_share(pools: Pools, first: str, second: str) -> float:
    """The share of real images among the worse method's outputs that makes its KID the better one's.

    Mixed with a share w of the real pool itself, a KID falls by the factor (1 - w)^2.
    """
    return 1 - math.sqrt(pools.truth({first: 1.0}) / pools.truth({second: 1.0}))


def paired_row(
    pools: Pools, kind: str, first: str, second: str, n: int, draws: int, tests: int, permutations: int, seed: int
) -> dict[str, Any]:
    """Coverage of the paired difference; its width against two independent draws; the size or power of the test."""
    random = np.random.default_rng(seed)
    ones, others, truth = pairs(pools, kind, first, second, (draws, n), random)
    reals = pools.draw(random, "real", (draws, n))
    errors, together, apart = [], [], []
    sums = [[pools.sums(x, real) for x in both] for *both, real in zip(ones, others, reals, strict=True)]
    for one, other in sums:
        found = paired_from(one, other)
        together.append((found.value - truth, found.se))
        errors.append(unpaired_from(one, other).se)
    # A draw's first method and the next draw's second share neither sources nor references.
    for (one, _), (_, other) in zip(sums, [*sums[1:], sums[0]], strict=True):
        found = unpaired_from(one, other)
        apart.append((found.value - truth, found.se))
    p_values = [
        permutation.compare(pools.all[one], pools.all[other], pools.all[real], permutations, draw).p_value
        for draw, (one, other, real) in enumerate(zip(ones[:tests], others[:tests], reals[:tests], strict=True))
    ]
    return {
        "kind": kind,
        "first": first,
        "second": second,
        "n": n,
        "truth": truth,
        "coverage": covers(together, n),
        "coverage_unpaired": covers(apart, n),
        "se_ratio": float(np.mean(errors) / np.mean(together, 0)[1]),
        "width_ratio_at_95": half_width(apart) / half_width(together),
        "p_under_0.05": float(np.mean(np.array(p_values) <= ALPHA)) if tests else None,
    }


def covers(found: Sequence[tuple[float, float]], smaller: int) -> float:
    """The share of (error, standard error) whose Student's interval holds the truth, given the smaller set's size."""
    half = student_interval(0.0, 1.0, smaller)[1]
    return float(np.mean([abs(error) <= half * se for error, se in found]))


def half_width(found: Sequence[tuple[float, float]]) -> float:
    """The mean half width of the interval, its factor chosen so that it covers in 95 % of these draws."""
    errors, ses = np.array(found).T
    with np.errstate(divide="ignore"):  # draws in which no source tells the methods apart: never covered
        return float(np.quantile(np.abs(errors) / ses, 0.95) * ses.mean())


def simulate(pools: Pools, draws: int, tests: int, permutations: int, n: int = 100, seed: int = 0) -> dict[str, Any]:
    """All rows; see the functions above for what is in them. Tests are made on the first `tests` draws of a row."""
    few = kid.MIN_FOR_INTERVAL
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
            paired_row(pools, kind, first, second, size, draws, own_tests, permutations, seed)
            for kind, second, size, own_tests in kinds
        ],
        "blocks": [block_row(pools, name, n, tests, seed) for name in SHARES],
    }


def tables(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    return "\n\n".join("\n".join(_table(figures[name])) for name in ("kid", "paired", "blocks"))


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "---|" * len(rows[0])
    for row in rows:
        yield "| " + " | ".join(_cell(value) for value in row.values()) + " |"


def _cell(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    # A truth that is 0 but for rounding reads as 0.
    return f"{round(value, 12) + 0.0:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of cat2dog and cat2dog_ablation")
    parser.add_argument("--weights", type=Path, required=True, help="AlexNet's weights")
    parser.add_argument("--features", type=Path, help="keep the features here, and read them from here")
    parser.add_argument("--draws", type=int, default=5000, help="for intervals")
    parser.add_argument("--tests", type=int, default=2000, help="draws of these that tests and blocks get too")
    parser.add_argument("--permutations", type=int, default=199)
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
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
