"""How often KID's interval covers the truth, on features of outputs of which a share is untouched.

    PYTHONPATH=benchmarks python benchmarks/simulations/kid_interval.py --data DIR          minutes on one core
    PYTHONPATH=benchmarks python benchmarks/simulations/kid_interval.py --data DIR --draws 500    for a first impression

There are two pools of AlexNet features. "dial" holds 400 striped and 400 smooth images of a texture dial of
64 px; "cat2dog" holds 180 dogs, 180 cats, and the outputs of a U-GAT-IT ("full"). Each draw takes n outputs and m
references with replacement. The references are striped, or dogs. A share of the outputs is untouched (smooth, or
cats), and the others are like the references, so the difference is concentrated in a few outputs. "clusters"
are drawn points in two clusters, the worst case: each output is either perfect or untouched, and nothing else varies.
The true KID is the V-statistic of the pools.

DIR holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from feature_pools import Pools, pools_parser, read_all_pools
from measuring import markdown_table, print_figures

from ugbench.metrics import _kernel
from ugbench.metrics._intervals import student_interval
from ugbench.metrics._kid_interval import kid_interval

SHARES = (0.0, 0.05, 0.1, 0.3, 1.0)
SHOWN = ((50, 50), (50, 350))  # sizes of the rows in the short table
SIZES = ((50, 50), (100, 100), (50, 100), (100, 50), (50, 350), (350, 50), (350, 350))
CHUNK = 500  # draws at a time


def simulate(pools: dict[str, Pools], draws: int, seed: int = 0) -> dict[str, Any]:
    """The rows of the table: each pool, share of untouched outputs and pair of sizes; and outputs of a real method."""
    rows = []
    for name, pool in pools.items():
        cases = [("other", share) for share in SHARES] + [(method, 1.0) for method in list(pool.outputs)[:1]]
        for fakes, share in cases:
            for n, m in SIZES:
                rows.append({"pool": name, **interval_row(pool, fakes, share, n, m, draws, seed)})
    return {"draws": draws, "rows": rows}


def interval_row(pools: Pools, fakes: str, share: float, n: int, m: int, draws: int, seed: int) -> dict[str, Any]:
    """Coverage of KID's interval, and of Student's, which has a fixed standard error.

    Args:
        fakes: the pool that this share of the outputs is from; the others are from the pool of the references.
    """
    random = np.random.default_rng(seed)
    truth = pools.truth({"real": 1 - share, fakes: share})
    parts = []
    for start in range(0, draws, CHUNK):
        shape = (min(CHUNK, draws - start), n)
        outputs = pools.draw_mixed(random, fakes, share, shape)
        parts.append(of_draws(pools, outputs, pools.draw(random, "real", (shape[0], m))))
    values, low, high, student_low, student_high = np.concatenate(parts).T
    return {
        "outputs": f"{share:.0%} {fakes}",
        "n": n,
        "m": m,
        "truth_over_sd": truth / float(np.std(values, ddof=1)),
        "coverage": float(np.mean((low <= truth) & (truth <= high))),
        "truth_above": float(np.mean(truth > high)),
        "truth_below": float(np.mean(truth < low)),
        "coverage_fixed_se": float(np.mean((student_low <= truth) & (truth <= student_high))),
        "width_ratio": float(np.mean(high - low) / np.mean(student_high - student_low)),
    }


def of_draws(pools: Pools, outputs: np.ndarray, references: np.ndarray) -> np.ndarray:
    """KID, its interval and Student's, (b, 5), for each row of outputs (b, n) and references (b, m)."""
    sums, smaller = pools.sums_of_draws(outputs, references), min(outputs.shape[1], references.shape[1])
    distances = _kernel.squared_distance(sums, pools.self_kernels(outputs), pools.self_kernels(references))
    ses = _kernel.variance_of(*_kernel.left_out(sums)).sqrt()
    columns = (column.tolist() for column in (_kernel.estimate(sums), ses, *distances))
    return np.array(
        [
            (value, *kid_interval(value, distance, distance_se, smaller), *student_interval(value, se, smaller))
            for value, se, distance, distance_se in zip(*columns, strict=True)
        ]
    )


def short_table(figures: dict[str, Any]) -> str:
    """The rows of the sizes in SHOWN as Markdown."""
    return markdown_table([row for row in figures["rows"] if (row["n"], row["m"]) in SHOWN])


def main() -> None:
    options = pools_parser(__doc__, draws=5000).parse_args()
    pools = read_all_pools(Path(options.data), options.features)
    start = time.perf_counter()
    figures = simulate(pools, options.draws)
    print(markdown_table(figures["rows"]), end="\n\n")
    print(short_table(figures))
    print(f"\n{options.draws} draws per row in {time.perf_counter() - start:.0f} s")
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
