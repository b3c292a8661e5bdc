"""Scores of any images in Python: `ugbench.evaluate`, and a function for each of the three metrics of papers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ugbench.api.arguments import WeightFiles, check_direction_name
from ugbench.api.images import Images, describe, laid_out, list_inputs
from ugbench.api.requests import make_request
from ugbench.api.shown import shown
from ugbench.api.wording import with_argument_names
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.metric import Score
from ugbench.registry import load_metric
from ugbench.runs.names import checked_dataset_name, checked_name
from ugbench.scoring.folders import PlainFolders, score_folders
from ugbench.scoring.record import ScoreRecord
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.set_names import direction_of

if TYPE_CHECKING:
    import numpy
    import pandas
    import torch

Features: TypeAlias = "numpy.ndarray[Any, Any] | torch.Tensor"
"""A float array or tensor (n, d): d features of each of n images."""


@with_argument_names
def evaluate(
    fake: Images,
    real: Images,
    source: Images | None = None,
    *,
    metrics: str | Iterable[str] | None = None,
    extractor: str = "inception",
    weights: WeightFiles | None = None,
    lpips_net: str = "alex",
    protocol: str | None = None,
    name: str | None = None,
    dataset_name: str | None = None,
    direction: Direction | None = None,
    device: str = "auto",
    progress: bool = True,
) -> pandas.DataFrame:
    """Scores of images from any tool, as `ugbench eval --real --fake`. Images are taken as they are.

    Images are a folder, or a sequence of paths, Pillow images, uint8 arrays (h, w, 3) or uint8 tensors (3, h, w); a
    uint8 tensor (n, 3, h, w) is n images.

    Args:
        fake: the outputs.
        real: the images that the outputs are compared with. A file with their features (.safetensors, of
            `ugbench features`) or with FID statistics (.npz) may take their place.
        source: the source of each output, for metrics that compare with it. Images in folders belong together by the
            stems of their files, and those in sequences by their places.
        metrics: names of metrics, as ["kid", "fid"]; None for kid and fid, and for lpips if there are sources and
            weights.
        extractor: network for image features: inception, alexnet, squeezenet, dinov2, clip or random.
        weights: files of weights by the names of networks, as {"inception": "inception.pth"}; `ugbench doctor` lists
            the names.
        lpips_net: backbone of LPIPS: alex, squeeze or vgg.
        protocol: target (the default), train-reference, authors2019, torch-fidelity or clean.
        name: what tables call the outputs; default: the end of the path of `fake` and a short hash of its images.
        dataset_name: what tables call the data set; default: the same for `real`.
        direction: what the scores state; default: A2B, or B2A if the folder of `fake` has this name.
        device: auto, cpu, cuda, cuda:N or mps; several, as in "cuda:0,cuda:1", share the images.
        progress: print messages and progress.
    Returns:
        A row for each metric, with the field names of a score record as columns, see `Run.evaluate`.
    Raises:
        WeightsError: a metric needs weights, and no file of them was given.
        DataError: a folder has no images, or an image cannot be read.
        UsageError: an unknown name, images in another form, too few images, or a metric that needs more.
    """
    from ugbench.api.frames import frame_of

    output = shown(progress)
    request = make_request(metrics, extractor, weights, lpips_net, protocol, device, output.log)
    names = {
        "name": None if name is None else checked_name(name),
        "dataset": None if dataset_name is None else checked_dataset_name(dataset_name),
        "direction": check_direction_name(direction),
    }
    return frame_of([record for _, record in _scores(request, fake, real, source, names, progress)])


@with_argument_names
def kid(
    fake: Images | Features,
    real: Images | Features,
    *,
    extractor: str = "inception",
    weights: WeightFiles | None = None,
    subset_size: int | None = None,
    subsets: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Score:
    """Kernel Inception Distance of two sets of images, or of their features (Binkowski et al., ICLR 2018, section 4).

    Args:
        fake, real: images as in `evaluate`, at least 2 in each set; or the features of both, float (n, d).
        extractor, weights, device, progress: as in `evaluate`; not used for features.
        subset_size, subsets: size (at least 2) and number of random subsets over which KID is averaged; None computes
            KID from all pairs. Only that has a standard error and, with 50 images or more per set, an interval.
    Returns:
        The score: `value` is raw (papers print it times 100), and may be below 0; `se` is its standard error,
        `interval` its 95 % interval.
    Raises:
        As `evaluate`.
    """
    settings = {"subset_size": subset_size, "subsets": subsets}
    return _one_score("kid", fake, real, extractor, weights, device, progress, settings=settings)


@with_argument_names
def fid(
    fake: Images | Features,
    real: Images | Features,
    *,
    extractor: str = "inception",
    weights: WeightFiles | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Score:
    """Fréchet Inception Distance of two sets of images, or of their features (Heusel et al., NeurIPS 2017, eq. 6).

    Args:
        fake, real: images as in `evaluate`, at least 2 in each set; or the features of both, float (n, d). `real` may
            be a file of features or statistics.
        extractor, weights, device, progress: as in `evaluate`; not used for features.
    Returns:
        The score. It has no standard error, because FID is biased with few images.
    Raises:
        As `evaluate`.
    """
    return _one_score("fid", fake, real, extractor, weights, device, progress)


@with_argument_names
def lpips(
    fake: Images,
    real: Images,
    *,
    lpips_net: Literal["alex", "squeeze", "vgg"] = "alex",
    weights: WeightFiles | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Score:
    """Mean LPIPS distance of pairs of images (Zhang et al., CVPR 2018).

    Args:
        fake: the outputs, as in `evaluate`.
        real: the image that each output is compared with, such as its source. Images in folders belong together by the
            stems of their files, and those in sequences by their places.
        lpips_net: the backbone: alex, squeeze or vgg.
        weights: the file of the backbone's weights, as {"alexnet": "alexnet.pth"}.
        device, progress: as in `evaluate`.
    Returns:
        The score, with its standard error over pairs, and from 50 pairs on with an interval. Neither a small nor a
        large distance from a source is good: an untouched source has 0.
    Raises:
        As `evaluate`.
    """
    return _one_score("lpips", fake, real, "inception", weights, device, progress, lpips_net=lpips_net, pairs=True)


def _one_score(
    metric: str,
    fake: Any,
    real: Any,
    extractor: str,
    weights: WeightFiles | None,
    device: str,
    progress: bool,
    *,
    settings: Mapping[str, Any] | None = None,
    lpips_net: str = "alex",
    pairs: bool = False,
) -> Score:
    """The score of one metric, of images or of features; settings that are None keep their defaults."""
    output = shown(progress)
    chosen = {name: value for name, value in (settings or {}).items() if value is not None}
    if not pairs and (_are_features(fake) or _are_features(real)):
        score = _score_of_features(metric, fake, real, chosen)
        if score.warning:
            output.log(score.warning)
        return score
    request = make_request(metric, extractor, weights, lpips_net, None, device, output.log, {metric: chosen})
    ((score, _),) = _scores(request, fake, real, real if pairs else None, {}, progress)
    return score


def _are_features(value: Any) -> bool:
    """Whether an argument is a table of numbers (n, d) and no image."""
    return getattr(value, "ndim", None) == 2 and "float" in str(getattr(value, "dtype", ""))


def _score_of_features(metric: str, fake: Any, real: Any, settings: Mapping[str, Any]) -> Score:
    import torch

    for argument, value in (("fake", fake), ("real", real)):
        if not _are_features(value):
            raise UsageError(
                f"{argument}: {describe(value)} was given beside features; give the features (n, d) of both as floats."
            )
    score: Score = load_metric(metric).compute(torch.as_tensor(fake), torch.as_tensor(real), **settings)
    return score


def _scores(
    request: EvalRequest,
    fake: Images,
    real: Images,
    source: Images | None,
    names: Mapping[str, Any],
    progress: bool,
) -> list[tuple[Score, ScoreRecord]]:
    """The scores of images; those in memory are written to a folder that is removed afterwards.

    Args:
        names: `name`, `dataset` and `direction` of PlainFolders; None for its defaults.
    """
    output = shown(progress)
    _check_partners(fake, source)
    scores: list[Score] = []
    with laid_out() as folders:

        def log(text: str) -> None:
            output.log(folders.worded(text))

        with folders.named(), output.bar("scoring") as bar:
            fake_folder = folders.of(fake, "fake")
            real_folder = folders.of(real, "real")
            source_folder = None
            if source is not None:
                source_folder = real_folder if source is real else folders.of(source, "source")
            plain = PlainFolders(
                real=real_folder,
                fake=fake_folder,
                source=source_folder,
                name=names.get("name") or folders.set_name(fake_folder),
                dataset=names.get("dataset") or folders.set_name(real_folder),
                direction=names.get("direction") or direction_of(fake_folder),
            )
            records = list(score_folders(request, plain, log, bar, scores.append))
    return list(zip(scores, records, strict=True))


def _check_partners(fake: Images, source: Images | None) -> None:
    """Check that each output can have a partner: both are paths, or both are sequences of one length.

    Raises:
        UsageError: they are not.
    """
    if source is None:
        return
    are_paths = [isinstance(images, str | os.PathLike) for images in (fake, source)]
    if all(are_paths):
        return
    if any(are_paths):
        raise UsageError(
            "the outputs and their partners are a path and a sequence; give two folders, whose images belong together "
            "by the stems of their files, or two sequences, whose images belong together by their places."
        )
    counts = [len(list_inputs(images, argument)) for images, argument in ((fake, "fake"), (source, "source"))]
    if counts[0] != counts[1]:
        raise UsageError(f"there are {counts[0]} outputs and {counts[1]} partners; give one partner for each output.")
