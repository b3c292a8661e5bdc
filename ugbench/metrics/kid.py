"""Kernel Inception Distance: squared maximum mean discrepancy of features under a cubic kernel.

Binkowski et al., Demystifying MMD GANs (ICLR 2018), section 4.

The kernel sums, the estimate and its jackknife are in _kernel.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ugbench.errors import UsageError
from ugbench.metric import Metric, Score
from ugbench.metrics._defaults import BLOCK_SIZE, MIN_FOR_INTERVAL

if TYPE_CHECKING:
    from torch import Tensor

ESTIMATORS = ("unbiased", "torch-fidelity", "blocks")
SUBSETS, SUBSET_SIZE, SEED = 100, 1000, 2020  # torch-fidelity's defaults


def complete(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that matter to the chosen estimator, all with a value, as protocols state them.

    Raises:
        UsageError: an unknown estimator, a number of subsets without their size, or numbers out of range.
    """
    estimator = settings.get("estimator", ESTIMATORS[0])
    size, count, seed = (settings.get(name) for name in ("subset_size", "subsets", "seed"))
    if estimator not in ESTIMATORS:
        raise UsageError(f"kid: estimator '{estimator}' was given; it is one of {', '.join(ESTIMATORS)}.")
    if estimator == "blocks":
        if size is not None or count is not None:
            raise UsageError(
                "--kid-subset-size and --kid-subsets are for random subsets, but this protocol uses blocks; leave them "
                "out."
            )
        return {"estimator": estimator, "block_size": settings.get("block_size") or BLOCK_SIZE}
    if estimator == "torch-fidelity":
        size = SUBSET_SIZE if size is None else size
    if size is None:
        if count is not None:
            raise UsageError(f"--kid-subsets {count} was given without a size; add --kid-subset-size N.")
        return {"estimator": estimator}
    count = SUBSETS if count is None else count
    if size < 2:
        raise UsageError(f"--kid-subset-size {size} was given; a subset has at least 2 images.")
    if count < 1:
        raise UsageError(f"--kid-subsets {count} was given; it takes at least 1.")
    seed = SEED if seed is None else seed
    return {"estimator": estimator, "subset_size": size, "subsets": count, "seed": seed}


def compute(
    fake: Tensor,
    real: Tensor,
    estimator: str = "unbiased",
    subset_size: int | None = None,
    subsets: int | None = None,
    seed: int | None = None,
    block_size: int | None = None,
) -> Score:
    """KID between features (n, d) and (m, d).

    There are three estimators:

    - "unbiased" without a subset size: the U-statistic of all pairs. Its standard error is the delete-one jackknife
      over both sets, with an interval and a test as in `_unbiased`.
    - "unbiased" with a subset size: the mean over the random subsets that torch-fidelity draws, real set first, as in
      `kid_features_to_metric(real, fake)`. There is no standard error: the spread over subsets is not an error (it
      is 0 when the subset is the whole set). "torch-fidelity" calls that package's function itself.
    - "blocks": the U-GAT-IT authors' mean over small blocks, see `_blocks`.

    Args:
        estimator: one of ESTIMATORS.
        subset_size, subsets, seed: size and number of the random subsets, and the seed that draws them.
        block_size: images per block at most, for "blocks".
    Raises:
        UsageError: a set has fewer than 2 images, or fewer than a subset or the blocks need; a setting is out of range;
            or features of two extractors.
        UgbenchError: a feature is NaN or Inf.
    """
    from ugbench.metrics import _features
    from ugbench.metrics._blocks import block_score
    from ugbench.metrics._unbiased import unbiased_score

    given = {"estimator": estimator, "subset_size": subset_size, "subsets": subsets, "seed": seed}
    chosen = complete({**given, "block_size": block_size})
    fake, real = _features.checked("kid", fake, real, least=2)
    if estimator == "blocks":
        return block_score(fake, real, chosen["block_size"])
    if "subset_size" not in chosen:
        return unbiased_score(fake, real)
    size, count, seed = chosen["subset_size"], chosen["subsets"], chosen["seed"]
    if size > min(len(fake), len(real)):
        raise UsageError(
            f"kid: subsets of {size} were asked for, of {len(fake)} fake and {len(real)} real images; "
            f"give --kid-subset-size {min(len(fake), len(real))} or less."
        )
    by_estimator = _by_torch_fidelity if estimator == "torch-fidelity" else _by_subsets
    return Score(by_estimator(fake, real, size, count, seed))


def _by_subsets(fake: Tensor, real: Tensor, size: int, count: int, seed: int) -> float:
    import numpy as np
    import torch

    from ugbench.metrics import _kernel

    random = np.random.RandomState(seed)
    picks = [[random.choice(len(features), size, replace=False) for features in (real, fake)] for _ in range(count)]
    real_picks, fake_picks = torch.from_numpy(np.array(picks)).unbind(1)
    return float(_kernel.subset_values(fake, real, fake_picks, real_picks).mean())


def _by_torch_fidelity(fake: Tensor, real: Tensor, size: int, count: int, seed: int) -> float:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    values = kid_features_to_metric(real, fake, kid_subset_size=size, kid_subsets=count, rng_seed=seed, verbose=False)
    return float(values[KEY_METRIC_KID_MEAN])


METRIC = Metric(
    title="KID x100",
    compute=compute,
    needs=("output_features", "reference_features"),
    higher_is_better=False,
    scale=100.0,
    least_images=MIN_FOR_INTERVAL,
    settings={"estimator": "unbiased", "subset_size": None, "subsets": None, "seed": None, "block_size": None},
    note_if_negative=(
        "kid below 0: the estimate is unbiased, so it can fall below 0 where the true distance is near 0; a value "
        "several standard errors below 0 is a sign that outputs are copies of references."
    ),
)
