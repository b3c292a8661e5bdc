"""How often the interval of a mean over images covers the truth, where a few images carry the mean.

    PYTHONPATH=benchmarks python benchmarks/simulations/skewed_means.py --data DIR          minutes on one core
    PYTHONPATH=benchmarks python benchmarks/simulations/skewed_means.py --data DIR --draws 500    for a first impression

Values are drawn with replacement from finite pools, whose means are the truth, or from distributions. "LPIPS" rows are
the distances from 100 cats to the dogs of a U-GAT-IT, and from 50 photographs to the paintings of a CycleGAN. The rows
"untouched" are scores of 400 outputs on a dial whose domains differ in shape: each output is the source with a
probability of 10 %, and else the truth with 0 to 30 % of the error of the source. The other rows are drawn numbers;
"10% large" has values near 1 with a probability of 10 %, and else near 0.05.

"t" is the interval value -+ t se of Student's t, which older versions gave. "interval" is the one that scores have.

DIR holds `data/cat2dog_ablation`, `data/photo2monet`, and `weights/alexnet-features.pth` and
`weights/squeezenet1_1-features.pth`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import pools_parser
from measuring import markdown_table, print_figures
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.data.dial.dataset import draw_split
from ugbench.data.dial.spec import DialSpec
from ugbench.data.images import list_images
from ugbench.metric import Score
from ugbench.metrics import _truth, l1_truth, psnr, ssim
from ugbench.metrics._defaults import CHANGE_THRESHOLD
from ugbench.metrics._intervals import mean_score, ratio_score, student_interval
from ugbench.scoring.networks.perceptual import load_lpips, pair_distances

IMAGES = (30, 50, 100, 350)
SHOWN = (50, 100)  # images of the rows in the short table
UNTOUCHED = 0.1
BACKBONES = {"alex": "alexnet-features.pth", "squeeze": "squeezenet1_1-features.pth"}
WEIGHTS = {"alex": "alexnet", "squeeze": "squeezenet"}
OUTPUTS = {
    "U-GAT-IT": "cat2dog_ablation/outputs/full/A2B",
    "CycleGAN": "photo2monet/outputs/cyclegan_official/A2B",
}
Draw = Callable[[np.random.Generator, int], Tensor]
"""Makes float64 (n,), or (n, 2) of numerators and denominators of a ratio."""


def simulate(values: dict[str, Tensor], draws: int, seed: int = 0) -> dict[str, Any]:
    """The rows of the table: each kind of values and each number of images."""
    kinds = {**pool_kinds(values), **drawn_kinds()}
    return {
        "draws": draws,
        "rows": [
            {"values": name, "images": n, **coverage(draw, truth, n, draws, seed)}
            for name, (draw, truth) in kinds.items()
            for n in IMAGES
        ],
    }


def short_table(figures: dict[str, Any]) -> str:
    """The rows with 50 and 100 images as a Markdown table."""
    return markdown_table([row for row in figures["rows"] if row["images"] in SHOWN])


def coverage(draw: Draw, truth: float, images: int, draws: int, seed: int) -> dict[str, float]:
    """Coverage and width of both intervals, and on which side the new one misses.

    It is computed below the least number of images, too, at which scores have no interval.
    """
    random = np.random.default_rng(seed)
    ends = np.array([both_intervals(draw(random, images)) for _ in range(draws)])
    low, high, student_low, student_high = ends.T
    return {
        "t": float(np.mean((student_low <= truth) & (truth <= student_high))),
        "interval": float(np.mean((low <= truth) & (truth <= high))),
        "truth_above": float(np.mean(truth > high)),
        "truth_below": float(np.mean(truth < low)),
        "width_ratio": float(np.mean(high - low) / np.mean(student_high - student_low)),
    }


def both_intervals(values: Tensor) -> tuple[float, float, float, float]:
    """The interval of a score, and Student's."""
    score = score_of(values)
    assert score.se is not None and score.low is not None and score.high is not None
    return score.low, score.high, *student_interval(score.value, score.se, len(values))


def score_of(values: Tensor) -> Score:
    """The score with an interval from the least number of images on that is simulated."""
    if values.ndim == 1:
        return mean_score(values, min(IMAGES))
    numerators, denominators = values.T
    return ratio_score(numerators, denominators, min(IMAGES))


def pool_kinds(values: dict[str, Tensor]) -> dict[str, tuple[Draw, float]]:
    """Draws from pools with their true scores. Of a pool `NAME` with an `untouched/NAME` a share is from the latter."""
    kinds: dict[str, tuple[Draw, float]] = {}
    for name, pool in values.items():
        untouched = values.get(f"untouched/{name}")
        if untouched is not None:
            means = (1 - UNTOUCHED) * pool.mean(0) + UNTOUCHED * untouched.mean(0)
            kinds[f"{name}, 10% untouched"] = (
                mixed(pool, untouched),
                float(means if pool.ndim == 1 else means[0] / means[1]),
            )
        elif not name.startswith("untouched/"):
            kinds[name] = mixed(pool, pool), float(pool.mean())
    return kinds


def mixed(pool: Tensor, untouched: Tensor) -> Draw:
    """Draws from both pools; row i of both is about image i."""

    def draw(random: np.random.Generator, n: int) -> Tensor:
        rows = torch.from_numpy(random.integers(0, len(pool), n))
        left = torch.from_numpy(random.random(n) < UNTOUCHED)
        return torch.where(left if pool.ndim == 1 else left[:, None], untouched[rows], pool[rows])

    return draw


def drawn_kinds() -> dict[str, tuple[Draw, float]]:
    """Drawn numbers with their true means."""

    def large(random: np.random.Generator, n: int) -> Tensor:
        small, great = random.normal(0.05, 0.02, n), random.normal(1, 0.2, n)
        return torch.from_numpy(np.where(random.random(n) < UNTOUCHED, great, small))

    return {
        "normal": (lambda random, n: torch.from_numpy(random.normal(1, 0.2, n)), 1.0),
        "exponential": (lambda random, n: torch.from_numpy(random.exponential(1, n)), 1.0),
        "lognormal 0.5": (lambda random, n: torch.from_numpy(random.lognormal(0, 0.5, n)), float(np.exp(0.125))),
        "lognormal 1": (lambda random, n: torch.from_numpy(random.lognormal(0, 1, n)), float(np.exp(0.5))),
        "10% large": (large, (1 - UNTOUCHED) * 0.05 + UNTOUCHED),
    }


def read_values(data: Path, cache: Path | None) -> dict[str, Tensor]:
    """The pools, float64 (k,) or (k, 2), read from `cache`/means.safetensors if it exists, else computed."""
    file = None if cache is None else cache / "means.safetensors"
    if file is not None and file.exists():
        return dict(sorted(load_file(file).items()))
    values = {**lpips_values(data), **dial_values()}
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: pool.contiguous() for name, pool in values.items()}, file)
    return dict(sorted(values.items()))


def lpips_values(data: Path) -> dict[str, Tensor]:
    """LPIPS of each source and output, by net and method."""
    values = {}
    for net, weights in BACKBONES.items():
        lpips = load_lpips(net, {WEIGHTS[net]: data / "weights" / weights})
        for method, folder in OUTPUTS.items():
            outputs = list_images(data / "data" / folder)
            sources = {file.stem: file for file in list_images(data / "data" / folder.split("/")[0] / "testA")}
            pairs = [(sources[file.stem], file) for file in outputs if file.stem in sources]
            firsts, seconds = zip(*pairs, strict=True)
            values[f"LPIPS {net} of {method}"] = pair_distances(lpips, firsts, seconds, 256).double()
    return values


def dial_values() -> dict[str, Tensor]:
    """Scores of each image of a dial to the truth: of good outputs, and under `untouched/` of its source."""
    spec = DialSpec(shape=1, texture=0, test=400)
    source, truth = (torch.stack(list(draw_split(spec, split))) for split in ("testA", "testB"))
    share = 0.3 * torch.rand(len(source), 1, 1, 1, generator=torch.Generator().manual_seed(0))
    good = (truth + share * (source.float() - truth.float())).round().to(torch.uint8)
    values = {}
    for prefix, output in (("", good), ("untouched/", source)):
        errors = _truth.errors("changed", source, output, truth, CHANGE_THRESHOLD)
        values[prefix + "changed"] = torch.stack([errors.changed, errors.untouched], 1)
        for name, metric in (("L1", l1_truth), ("PSNR", psnr), ("SSIM", ssim)):
            values[prefix + name] = torch.tensor(metric.compute(output, truth).each, dtype=torch.float64)
    return values


def main() -> None:
    options = pools_parser(__doc__, draws=5000).parse_args()
    torch.set_num_threads(1)
    figures = simulate(read_values(Path(options.data), options.features), options.draws)
    print(short_table(figures))
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
