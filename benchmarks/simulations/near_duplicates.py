"""What near-duplicates do to KID's interval and to the test of equality, and what scoring one of each cluster does.

    PYTHONPATH=benchmarks python benchmarks/simulations/near_duplicates.py --data DIR    minutes on one core

There are four versions of each of 180 photographs of dogs and 180 of cats: as it is, with 2 % cut off each side, as
JPEG of quality 30, and with 20 % more brightness. A draw takes clusters of such versions: the photographs with
replacement, the versions of a cluster without. Outputs are dogs, but for a share of cats; references are dogs. The true
KID is the V-statistic of all versions. Three procedures are compared:

- all: each image counts as independent, as if nothing was known of clusters.
- one: only the first image of each cluster is scored, which is what ugbench does.
- left out: all images are used, but no pair of images of one cluster, and the jackknife leaves out whole clusters. Its
  interval is the value and t standard errors.

DIR holds `data/cat2dog` and `weights/alexnet-features.pth`.
"""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from feature_pools import pools_parser
from measuring import markdown_table, print_figures
from PIL import Image, ImageEnhance
from safetensors.torch import load_file, save_file
from torch import Tensor

from ugbench.data.clusters import clusters
from ugbench.data.duplicates import appearance_of
from ugbench.data.images import list_images, read_image
from ugbench.data.tensors import to_tensor
from ugbench.metrics import _kernel
from ugbench.metrics._equality_test import equality_p_value
from ugbench.metrics._intervals import student_interval
from ugbench.metrics._kid_interval import kid_interval
from ugbench.scoring.networks.extractors import extract, load_extractor

VERSIONS = 4
CLUSTERS = {
    "98 + 1 pair": (1,) * 98 + (2,),
    "80 + 10 pairs": (1,) * 80 + (2,) * 10,
    "50 pairs": (2,) * 50,
    "50 of four": (4,) * 50,
}
"""The sizes of the clusters in a set."""
SHARES = (0.0, 0.1, 0.3, 1.0)
PERMUTATIONS = 200


def versions_of(image: Image.Image) -> list[Image.Image]:
    """The four versions of a photograph."""
    width, height = image.size
    border = (round(0.02 * width), round(0.02 * height))
    inner = image.crop((*border, width - border[0], height - border[1])).resize(image.size)
    held = io.BytesIO()
    image.save(held, "JPEG", quality=30)
    return [image, inner, Image.open(held).convert("RGB"), ImageEnhance.Brightness(image).enhance(1.2)]


def read_versions(data: Path, cache: Path | None) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Features (photographs x VERSIONS, d) of dogs and cats, and how many clusters `clusters` finds among them."""
    file = None if cache is None else cache / "near_duplicates.safetensors"
    known = load_file(file) if file is not None and file.exists() else {}
    extractor = load_extractor("alexnet", {"alexnet": data / "weights" / "alexnet-features.pth"})
    features, detected = {}, {}
    for name, splits in {"dogs": ("trainB", "testB"), "cats": ("trainA", "testA")}.items():
        photographs = [path for split in splits for path in list_images(data / "data" / "cat2dog" / split)]
        images = [version for path in photographs for version in versions_of(read_image(path))]
        numbers = clusters([appearance_of(image) for image in images])
        of_each = [numbers[start : start + VERSIONS] for start in range(0, len(numbers), VERSIONS)]
        detected[f"{name}: photographs"] = len(photographs)
        detected[f"{name}: with all versions in one cluster"] = sum(
            len(set(of_photograph)) == 1 for of_photograph in of_each
        )
        detected[f"{name}: clusters of several photographs"] = len(of_each) - len(
            {of_photograph[0] for of_photograph in of_each}
        )
        pixels = torch.stack([to_tensor(image) for image in images]) if name not in known else None
        features[name] = known[name] if pixels is None else extract(extractor, pixels)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(features, file)
    return features, detected


def simulate(features: dict[str, Tensor], draws: int, seed: int = 0) -> list[dict[str, Any]]:
    """The rows of the table: each way to form clusters, and each share of cats."""
    every = torch.cat([features["dogs"], features["cats"]])
    kernel = _kernel.cubic(every, every)
    dogs, cats = len(features["dogs"]) // VERSIONS, len(features["cats"]) // VERSIONS
    rows = []
    for name, sizes in CLUSTERS.items():
        for share in SHARES:
            random = np.random.default_rng(seed)
            weights = torch.full((len(every),), -1 / (dogs * VERSIONS), dtype=torch.float64)
            weights[: dogs * VERSIONS] *= share
            weights[dogs * VERSIONS :] = share / (cats * VERSIONS)
            truth = float(weights @ kernel @ weights)
            results: dict[str, list[tuple[bool, float, bool]]] = {"all": [], "one": [], "left_out": []}
            for _ in range(draws):
                is_cat = random.random(len(sizes)) < share
                photographs = np.where(is_cat, dogs + random.integers(0, cats, len(sizes)), 0)
                photographs = np.where(is_cat, photographs, random.integers(0, dogs, len(sizes)))
                fake = _drawn(random, photographs, sizes)
                real = _drawn(random, random.integers(0, dogs, len(sizes)), sizes)
                firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
                results["all"].append(_scored(every, kernel, fake, real, truth, share))
                results["one"].append(_scored(every, kernel, fake[firsts], real[firsts], truth, share))
                results["left_out"].append(_without_pairs(kernel, fake, real, sizes, truth))
            row: dict[str, Any] = {"clusters": name, "cats": f"{share:.0%}", "truth": 100 * truth}
            for procedure, values in results.items():
                covered, widths, rejected = zip(*values, strict=True)
                row[f"coverage {procedure}"] = float(np.mean(covered))
                row[f"width {procedure}"] = 100 * float(np.mean(widths))
                if procedure != "left_out":
                    row[f"size {procedure}"] = float(np.mean(rejected)) if share == 0 else None
            rows.append(row)
    return rows


def _drawn(random: np.random.Generator, photographs: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Rows of the features: for each photograph as many of its versions as the size of its cluster."""
    versions = [random.permutation(VERSIONS)[:size] for size in sizes]
    return np.concatenate(
        [VERSIONS * photograph + chosen for photograph, chosen in zip(photographs, versions, strict=True)]
    )


def _scored(
    features: Tensor, kernel: Tensor, fake: np.ndarray, real: np.ndarray, truth: float, share: float
) -> tuple[bool, float, bool]:
    """Whether the interval covers the truth, its width, and whether the test rejects equality at 0.05."""
    sums, self_kernels = _sums(kernel, fake, real)
    smaller = min(len(fake), len(real))
    distance, distance_se = _kernel.squared_distance(sums, *self_kernels)
    low, high = kid_interval(_kernel.unbiased(sums), float(distance), float(distance_se), smaller)
    rejected = False
    if share == 0:
        p_value = equality_p_value(features[fake], features[real], sums, PERMUTATIONS, seed=int(fake[0]))
        rejected = p_value is not None and p_value <= 0.05
    return low <= truth <= high, high - low, rejected


def _without_pairs(
    kernel: Tensor, fake: np.ndarray, real: np.ndarray, sizes: tuple[int, ...], truth: float
) -> tuple[bool, float, bool]:
    """The same of the estimate without pairs of one cluster, whose jackknife leaves out clusters; there is no test."""
    numbers = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes))
    within_fake, within_real = (_by_cluster(kernel[rows][:, rows], numbers) for rows in (fake, real))
    cross = _by_cluster(kernel[fake][:, real], numbers)
    counts = torch.tensor(sizes, dtype=torch.float64)

    within = [sums.clone().fill_diagonal_(0) for sums in (within_fake, within_real)]
    number, squares = counts.sum(), counts.square().sum()
    terms, without = [], []
    for sums in within:
        total, rows = sums.sum(), sums.sum(1)
        terms.append(total / (number**2 - squares))
        without.append((total - 2 * rows) / ((number - counts) ** 2 - squares + counts**2))
    crossed, cross_of_fake, cross_of_real = cross.sum(), cross.sum(1), cross.sum(0)
    value = float(terms[0] + terms[1] - 2 * crossed / number**2)
    of_fake = without[0] + terms[1] - 2 * (crossed - cross_of_fake) / ((number - counts) * number)
    of_real = terms[0] + without[1] - 2 * (crossed - cross_of_real) / ((number - counts) * number)
    variance = float(_kernel.jackknife_variance(of_fake) + _kernel.jackknife_variance(of_real))
    low, high = student_interval(value, variance**0.5, len(sizes))
    return low <= truth <= high, high - low, False


def _by_cluster(values: Tensor, numbers: Tensor) -> Tensor:
    """The sums of a matrix over the images of each pair of clusters."""
    count = int(numbers[-1]) + 1
    rows = torch.zeros(count, values.shape[1], dtype=values.dtype).index_add_(0, numbers, values)
    return torch.zeros(count, count, dtype=values.dtype).index_add_(1, numbers, rows)


def _sums(kernel: Tensor, fake: np.ndarray, real: np.ndarray) -> tuple[_kernel.RowSums, tuple[Tensor, Tensor]]:
    cross, of_fake, of_real = kernel[fake][:, real], kernel[fake][:, fake], kernel[real][:, real]
    self_fake, self_real = of_fake.diagonal(), of_real.diagonal()
    sums = _kernel.RowSums(of_fake.sum(1) - self_fake, of_real.sum(1) - self_real, cross.sum(1), cross.sum(0))
    return sums, (self_fake, self_real)


def main() -> None:
    options = pools_parser(__doc__, draws=1000).parse_args()
    start = time.perf_counter()
    features, detected = read_versions(Path(options.data), options.features)
    figures = {"draws": options.draws, "found": detected, "rows": simulate(features, options.draws)}
    print(markdown_table([{"of": of, "number": number} for of, number in detected.items()]), end="\n\n")
    print(markdown_table(figures["rows"]))
    print(f"\n{options.draws} draws per row in {time.perf_counter() - start:.0f} s")
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
