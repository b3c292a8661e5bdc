"""How often a table calls one of equally good rows worse than the best row, over seeds and over images.

    PYTHONPATH=benchmarks python benchmarks/simulations/marks.py --data DIR          half an hour on one core
    PYTHONPATH=benchmarks python benchmarks/simulations/marks.py --data DIR --draws 200    for a first impression

DIR holds `data/cat2dog`, `data/cat2dog_ablation` and `weights/alexnet-features.pth`.

Every row of a column has the same true score. A false claim is a row that is neither bold nor marked as tied (≈) or as
undecided (?). The figures are the shares of tables with at least one false claim. "before" is the rule that compared
each row with the best one by Welch's t over seeds, or by 1.96 standard errors, without any adjustment.

Seeds: values of k methods with n seeds each, with a normal distribution or one with two groups (a third of the seeds
fail), and variances that are equal or differ by a factor of 4.

Images: outputs of k checkpoints, drawn from pools of AlexNet features of real outputs (see feature_pools.py). For each
source each checkpoint takes, at random, the output of one of the pools' methods, so all have the same true KID. With
`share` below 1 the checkpoints differ on this share of the sources only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import Pools, pools_parser, read_all_pools
from measuring import print_figures
from scipy import stats

from ugbench.analysis.differences import DifferenceRecord
from ugbench.metrics import _kernel
from ugbench.metrics.kid import METRIC as KID
from ugbench.statistics.paired import paired_from
from ugbench.statistics.seeds import ALPHA
from ugbench.tables.cells import Cell, Column
from ugbench.tables.marks import mark
from ugbench.tables.model import Block
from ugbench.tables.rows import BlockImages, Row, RowKey

NORMAL_95 = 1.959964
METHODS = (3, 8, 13)
SEEDS = (2, 3, 5, 6, 7, 10)
VARIANCES = ("equal", "one of 4 times", "half of 4 times")
SHAPES = ("normal", "two groups")
IMAGES = (30, 50, 100)
SHARES = (1.0, 0.1)
COLUMN = Column("kid", "kid", "kid-alexnet", KID.title, KID.scale, False)
CONTENT = BlockImages(sources="sources", references="references")


def simulate(pools: Pools, draws: int) -> dict[str, Any]:
    """The figures of all cases."""
    seeds = product(METHODS, SEEDS, VARIANCES, SHAPES)
    images = product(METHODS, IMAGES, SHARES)
    return {
        "draws": draws,
        "seeds": [seeds_row(*case, draws) for case in seeds],
        "images": [images_row(pools, *case, draws) for case in images],
    }


def seed_values(random: np.random.Generator, methods: int, seeds: int, variances: str, shape: str) -> np.ndarray:
    """Values (methods, seeds) with mean 0; the standard deviation is 1, or 2 for some methods."""
    if shape == "normal":
        values = random.standard_normal((methods, seeds))
    else:
        values = 0.3 * random.standard_normal((methods, seeds)) + (random.random((methods, seeds)) < 1 / 3)
        values = (values - 1 / 3) / np.sqrt(0.3**2 + 2 / 9)
    wide = {"equal": 0, "one of 4 times": 1, "half of 4 times": methods // 2}[variances]
    values[:wide] *= 2
    return values


def seeds_row(methods: int, seeds: int, variances: str, shape: str, draws: int) -> dict[str, Any]:
    """The shares of tables with a false claim about methods."""
    random = np.random.default_rng(0)
    false = false_before = 0
    for _ in range(draws):
        values = seed_values(random, methods, seeds, variances, shape)
        rows = [seeds_table_row(name, row) for name, row in enumerate(values)]
        false += claims_a_difference(mark([Block("data", "A2B", tuple(rows), CONTENT)], [COLUMN])[0])
        best = values[values.mean(1).argmin()]
        p_values = stats.ttest_ind(values, best[None], axis=1, equal_var=False).pvalue
        false_before += bool((p_values <= ALPHA).any())
    names = {"methods": methods, "seeds": seeds, "variances": variances, "shape": shape}
    return {**names, "false": false / draws, "before": false_before / draws}


def seeds_table_row(name: int, values: Sequence[float]) -> Row:
    runs = {f"{name}-{seed}": float(value) for seed, value in enumerate(values)}
    se = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    cell = Cell(float(np.mean(values)), se, None, None, len(values), False, None, "kid-alexnet", True)
    return Row(RowKey("data", "A2B", str(name)), {"kid": replace_runs(cell, runs, None)})


def replace_runs(cell: Cell, runs: dict[str, float], images: int | None) -> Cell:
    return Cell(**{**vars(cell), "runs": runs, "fewest_images": images})


def claims_a_difference(block: Block) -> bool:
    """True if a row is neither the best, nor tied with it, nor undecided."""
    cells = [row.cells["kid"] for row in block.rows]
    return any(not cell.best and cell.tied_with_best is False for cell in cells)


def images_row(pools: Pools, methods: int, images: int, share: float, draws: int) -> dict[str, Any]:
    """The shares of tables with a false claim about checkpoints of one seed each."""
    random = np.random.default_rng(0)
    false = false_before = 0
    for _ in range(draws):
        real = pools.draw(random, "real", (1, images))[0]
        sums = [pools.sums(rows, real) for rows in checkpoint_rows(pools, random, methods, images, share)]
        rows = [images_table_row(name, of_row, images) for name, of_row in enumerate(sums)]
        block = Block("data", "A2B", tuple(rows), CONTENT)
        differences = list(difference_records(sums, images))
        false += claims_a_difference(mark([block], [COLUMN], differences)[0])
        best = min(range(methods), key=lambda name: rows[name].cells["kid"].value)
        false_before += any(
            abs(record.value) > NORMAL_95 * record.se
            for record in differences
            if str(best) in (record.first, record.second)
        )
    return {
        "checkpoints": methods,
        "images": images,
        "share": share,
        "false": false / draws,
        "before": false_before / draws,
    }


def checkpoint_rows(
    pools: Pools, random: np.random.Generator, methods: int, images: int, share: float
) -> Iterator[np.ndarray]:
    """For each checkpoint the rows of its outputs, of the same drawn sources."""
    starts = np.array([pools.parts[name].start for name in pools.outputs])
    source = random.integers(0, len(pools.parts[next(iter(pools.outputs))]), images)
    common = random.integers(0, len(starts), images)
    for _ in range(methods):
        own_choice = random.integers(0, len(starts), images)
        yield starts[np.where(random.random(images) < share, own_choice, common)] + source


def images_table_row(name: int, sums: _kernel.RowSums, images: int) -> Row:
    value, se = _kernel.unbiased(sums), _kernel.jackknife_se(sums)
    cell = Cell(value, se, None, None, 1, False, None, "kid-alexnet", True)
    return Row(RowKey("data", "A2B", str(name)), {"kid": replace_runs(cell, {str(name): value}, images)})


def difference_records(sums: Sequence[_kernel.RowSums], images: int) -> Iterator[DifferenceRecord]:
    for first, second in combinations(range(len(sums)), 2):
        difference = paired_from(sums[first], sums[second])
        yield DifferenceRecord(
            dataset="data",
            direction="A2B",
            metric="kid",
            protocol_id="kid-alexnet",
            first=str(first),
            first_step=1,
            second=str(second),
            second_step=1,
            value=difference.value,
            se=difference.se,
            unpaired_se=difference.se,
            n=images,
            n_real=images,
            sources="sources",
            references="references",
        )


def main() -> None:
    options = pools_parser(__doc__, draws=2000).parse_args()
    torch.set_num_threads(1)
    pools = read_all_pools(Path(options.data), options.features)["cat2dog"]
    print_figures(simulate(pools, options.draws), options.output)


if __name__ == "__main__":
    main()
