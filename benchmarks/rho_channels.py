"""Whether a learnt rho is placed by the data or shaken by its rate: do a seed's runs agree, channel by channel?

The learnt arms of `ugbench ablate --dial` start from the same weights, so the channels of a seed's runs can be told
apart. The correlation, over the channels of a decoder layer from A to B, of where rho ended from one start with where
it ended from another is near 0 where the rate shakes it. Runs of two seeds share no channels and are the control.

    python benchmarks/rho_channels.py RESULTS
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path
from statistics import fmean

import torch
from safetensors.torch import load_file
from torch import Tensor

from ugatit.method import UGATIT
from ugbench.runs.run import Run, list_runs

LAYERS = "generator_a2b.decoder."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    results = parser.parse_args().results
    found = measured(results)
    if not found:
        raise SystemExit(f"{results}: no finished run of a learnt arm; `ugbench ablate --dial` trains them.")
    print(json.dumps(found, indent=2))


def measured(results: Path) -> dict[str, dict[str, float | int | None]]:
    """By data set: mean correlations of a seed's starts and of different seeds, and how rho lies over channels."""
    found: dict[str, dict[int, dict[str, dict[str, Tensor]]]] = defaultdict(lambda: defaultdict(dict))
    for run in list_runs(results):
        if run.config.variant in UGATIT.adaptation.learnt and run.is_done():
            found[run.dataset_folder.name][run.seed][str(run.config.variant)] = channels(run)
    return {dataset: of_seeds(seeds) for dataset, seeds in sorted(found.items())}


def channels(run: Run) -> dict[str, Tensor]:
    """rho of every channel, by decoder layer from A to B."""
    tensors = load_file(run.generators_file)
    return {
        name: value.flatten().double()
        for name, value in tensors.items()
        if name.startswith(LAYERS) and name.endswith(".rho")
    }


def of_seeds(seeds: dict[int, dict[str, dict[str, Tensor]]]) -> dict[str, float | int | None]:
    """Figures of one data set, from rho by seed, arm and layer."""
    same = [pair for arms in seeds.values() for pair in combinations(arms.values(), 2)]
    other = [pair for one, two in combinations(seeds.values(), 2) for pair in product(one.values(), two.values())]
    layers = [rho for arms in seeds.values() for own in arms.values() for rho in own.values()]
    every = torch.cat(layers)
    return {
        "runs": sum(map(len, seeds.values())),
        "same_seed": correlation(same),
        "same_seed_pairs": len(same),
        "other_seed": correlation(other),
        "other_seed_pairs": len(other),
        "sd_over_channels": round(fmean(float(rho.std()) for rho in layers), 3),
        "at_0_or_1": round(float(((every <= 0) | (every >= 1)).double().mean()), 3),
    }


def correlation(pairs: Iterable[tuple[dict[str, Tensor], dict[str, Tensor]]]) -> float | None:
    """Mean over pairs and layers of Pearson's r over channels; None where there is no pair."""
    values = [float(torch.corrcoef(torch.stack([one[name], two[name]]))[0, 1]) for one, two in pairs for name in one]
    return round(fmean(values), 3) if values else None


if __name__ == "__main__":
    main()
