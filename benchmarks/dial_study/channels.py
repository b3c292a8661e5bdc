"""Is a learnt rho placed by the data or shaken by its rate? Do the runs of a seed agree channel by channel?

The learnt arms of a seed start from the same weights, so the channels of its runs can be matched. Over the channels of
a decoder layer from A to B, the correlation between the final rho from one start and the final rho from another start
is near 0 if the rate shakes rho. Runs of two different seeds share no channels; they are the control.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations, product
from pathlib import Path
from statistics import fmean

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmarks.dial_study.design import ARMS, METHOD
from ugbench.errors import UsageError
from ugbench.runs.run import Run, list_runs

LAYERS = "generator_a2b.decoder."
ChannelRhos = dict[str, Tensor]  # (channels,) by decoder layer


def agreement(results: Path) -> dict[str, dict[str, float | int | None]]:
    """For each data set the mean correlations between the runs of a seed and between seeds, and the spread of rho.

    Raises:
        UsageError: there is no finished run of a learnt arm.
    """
    runs: dict[str, dict[int, list[ChannelRhos]]] = defaultdict(lambda: defaultdict(list))
    for run in list_runs(results):
        arm = ARMS.get(run.config.variant or "")
        if run.config.method == METHOD and arm is not None and arm.learnt and run.is_done():
            runs[run.dataset_folder.name][run.seed].append(channel_rhos(run))
    if not runs:
        raise UsageError(
            f"--results {results}: no finished run of a learnt arm; `python -m benchmarks.dial_study run` trains them."
        )
    return {dataset: agreement_of(list(seeds.values())) for dataset, seeds in sorted(runs.items())}


def channel_rhos(run: Run) -> ChannelRhos:
    """The rho of each channel, by decoder layer from A to B."""
    tensors = load_file(run.generators_file)
    return {
        name: rho.flatten().double()
        for name, rho in tensors.items()
        if name.startswith(LAYERS) and name.endswith(".rho")
    }


def agreement_of(seeds: list[list[ChannelRhos]]) -> dict[str, float | int | None]:
    """The numbers of one data set.

    Args:
        seeds: for each seed its runs.
    """
    same_seed = [pair for runs in seeds for pair in combinations(runs, 2)]
    other_seed = [pair for first, second in combinations(seeds, 2) for pair in product(first, second)]
    layers = [rho for runs in seeds for run in runs for rho in run.values()]
    all_channels = torch.cat(layers)
    return {
        "runs": sum(map(len, seeds)),
        "same_seed": mean_correlation(same_seed),
        "same_seed_pairs": len(same_seed),
        "other_seed": mean_correlation(other_seed),
        "other_seed_pairs": len(other_seed),
        "sd_over_channels": round(fmean(float(rho.std()) for rho in layers), 3),
        "at_0_or_1": round(float(((all_channels <= 0) | (all_channels >= 1)).double().mean()), 3),
    }


def mean_correlation(pairs: Iterable[tuple[ChannelRhos, ChannelRhos]]) -> float | None:
    """Pearson's r over channels, the mean over pairs and layers; None if there is no pair."""
    values = [
        float(torch.corrcoef(torch.stack([first[layer], second[layer]]))[0, 1])
        for first, second in pairs
        for layer in first
    ]
    return round(fmean(values), 3) if values else None
