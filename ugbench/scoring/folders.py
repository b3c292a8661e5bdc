"""Scores of plain folders of images from any tool, see `ugbench eval --real --fake`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench import registry
from ugbench.data.folders import describe_folder, name_some
from ugbench.data.image_set import ImageSet, all_of, describe_left_out, one_per_cluster
from ugbench.data.images import list_images, read_size, same_stems
from ugbench.data.progress import Progress
from ugbench.direction import Direction
from ugbench.errors import DataError, UsageError
from ugbench.image_size import size_text, width_and_height
from ugbench.metric import Score
from ugbench.registry import load_metric
from ugbench.scoring.compute import compute_score, make_record
from ugbench.scoring.copies import describe_copies
from ugbench.scoring.inputs import OF_A_RUN, inputs_of, is_at_one_size, requirements
from ugbench.scoring.record import FILES, ScoreRecord
from ugbench.scoring.references import StoredReferences
from ugbench.scoring.request import EvalRequest, Subject, check_features_only, no_lpips, with_weights
from ugbench.scoring.scored_images import ScoredImages
from ugbench.scoring.scored_outputs import ONLY_LEFT_OUT
from ugbench.scoring.set_names import name_of

if TYPE_CHECKING:
    from ugbench.scoring.features import FeatureReader

Log = Callable[[str], None]


@dataclass(frozen=True)
class PlainFolders:
    """Folders that are scored without a run.

    Attributes:
        real: the folder of references, or a file with their features or statistics (`ugbench.scoring.references`).
        fake: the folder of outputs.
        source: the folder of the sources of the outputs, for metrics that use them; None if it is not given.
        name: what tables call the outputs; None names them by the path and the content of `fake`.
        dataset: what tables call the data set; None names it by the path and the content of `real`.
        direction: as the records state it.
    """

    real: Path
    fake: Path
    source: Path | None = None
    name: str | None = None
    dataset: str | None = None
    direction: Direction = "A2B"


def score_folders(
    request: EvalRequest,
    folders: PlainFolders,
    log: Log = lambda _text: None,
    progress: Progress | None = None,
    on_score: Callable[[Score], None] | None = None,
) -> Iterator[ScoreRecord]:
    """Scores of any folder of outputs, with files as they are: no resize except the extractor's.

    Only metrics that compare each output with its source, or with the reference of its stem as its true translation,
    resize images, to the commonest size of the outputs. Their protocols state that size.

    Args:
        log: receives messages for the user: what is passed over, left out or resized, and what a reader must know.
        progress: called with (images done, number of images) while a folder is read.
        on_score: called with each score before its record is yielded; the record lacks the contribution of each output.
    Raises:
        DataError: a folder has no images, no output has a source of its stem, the file of references cannot be read, or
            a metric against the truth is requested and an output has no reference of its stem.
        UsageError: two outputs, or two sources, have one stem; a metric requires more than the folders or the file of
            references have, or is not allowed by the protocol; or the features in the file were made in another way.
    """
    stored = read_references(folders.real) if folders.real.is_file() else None
    image_set = one_per_cluster if request.protocol.one_per_cluster else all_of
    if stored is not None and request.protocol.one_per_cluster:
        stored = stored.one_per_cluster
    names = _metrics(request, folders.source is not None, stored, log)
    reader = request.feature_reader()
    if stored is not None:
        _check_stored(stored, names, reader)
        log(stored.description)
    for folder in filter(None, (folders.real, folders.fake, folders.source)):
        if folder.is_dir():
            log(describe_folder(folder))
    references, outputs = image_set([] if stored is not None else list_images(folders.real)), list_images(folders.fake)
    _check_stems(outputs)
    for first, second in same_stems(references.files):
        log(f"{folders.real}: {first.name} and {second.name} have one stem, and both are compared with the outputs.")
    sources = None
    if folders.source is not None:
        sources = image_set(list_images(folders.source))
        _check_stems(sources.files)
        outputs = _with_source(outputs, sources, log)
    if any("truth" in requirements(load_metric(name)) for name in names):
        _log_without_output(folders, references.files, outputs, log)
    images = ScoredImages(
        outputs,
        None if sources is None else sources.scored,
        lambda: references,
        None,
        "as-is",
        reader,
        folder_sources=sources,
        progress=progress,
        stored_references=stored,
    )
    if any(is_at_one_size(load_metric(name)) for name in names):
        _describe_sizes(images, names, log)
    for images_of_domain in (references, sources):
        if images_of_domain is not None and images_of_domain.left_out:
            log(describe_left_out(images_of_domain))
    subject = _subject(folders.name or name_of(folders.fake, outputs))
    dataset = folders.dataset or (name_of(folders.real, references.files) if stored is None else stored.name)
    for name in names:
        score = compute_score(name, request, images)
        if score.warning:
            log(score.warning)
        if on_score is not None:
            on_score(score)
        yield make_record(name, score, request, images, subject, dataset, folders.direction)
    for sentence in describe_copies(images.copies):
        log(sentence)


def read_references(file: Path) -> StoredReferences:
    """Read a file that `ugbench features` wrote, or FID statistics in an .npz file.

    Raises:
        DataError: it is no such file, or it is damaged.
    """
    from ugbench.scoring import feature_file, statistics_file

    if file.suffix == ".safetensors":
        return feature_file.read(file)
    if file.suffix == ".npz":
        return statistics_file.read(file)
    raise DataError(
        f"{file}: references are a folder of images, a .safetensors file of `ugbench features`, or an .npz file of FID "
        "statistics; name one of these."
    )


def _subject(name: str) -> Subject:
    # The outputs are no run of a method, even if they are called like one.
    return Subject(FILES, name, name=FILES if name in registry.modules("methods") else None)


def _metrics(request: EvalRequest, has_sources: bool, stored: StoredReferences | None, log: Log) -> list[str]:
    """The metrics to compute: the requested ones, else those of the protocol, else all that the folders allow.

    Args:
        stored: the file of references; metrics that it does not serve are left out unless they are requested.
    """
    if request.metrics:
        names = list(request.metrics)
    else:
        chosen = request.protocol.metrics or ("kid", "fid", *with_weights(request.networks, has_sources))
        names = [name for name in chosen if has_sources or not _uses_sources(name)]
        if stored is not None:
            names = [name for name in names if _is_served(stored, name) and not _is_on_another(name, request)]
        if not request.protocol.metrics and has_sources and not request.networks.has_lpips_weights:
            log(no_lpips(request.networks))
    check_features_only(request, names)
    for name in names:
        metric = load_metric(name)
        if metric.dial_only:
            raise UsageError(f"--metric {name} needs a dial's known truth; score a run on a dial instead.")
        if requirements(metric) & OF_A_RUN:
            raise UsageError(f"--metric {name} needs the networks of a run; score a run instead.")
        if not has_sources and _uses_sources(name):
            raise UsageError(f"--metric {name} compares outputs with their sources: add --source DIR.")
    return names


def _is_served(stored: StoredReferences, metric_name: str) -> bool:
    """True if a file of references has all that a metric uses of them."""
    used = [needed for needed in inputs_of(load_metric(metric_name)) if {"references", "truth"} & set(needed.requires)]
    return all(stored.holds(needed.stored) for needed in used)


def _is_on_another(metric_name: str, request: EvalRequest) -> bool:
    """True if a metric is defined on another extractor than the chosen one, with which stored references were made."""
    return load_metric(metric_name).extractor not in (None, request.networks.extractor_name)


def _check_stored(stored: StoredReferences, metric_names: Sequence[str], reader: FeatureReader) -> None:
    """Check that a file of references serves these metrics.

    Raises:
        UsageError: it does not, or its features were made in another way than those of the outputs will be.
    """
    for name in metric_names:
        metric = load_metric(name)
        if not _is_served(stored, name):
            raise UsageError(f"--metric {name} with --real {stored.file}: {stored.missing}; give the folder of images.")
        if "references" in requirements(metric):
            stored.check_made_like(reader.of(metric))


def _uses_sources(metric_name: str) -> bool:
    return bool(requirements(load_metric(metric_name)) & {"sources", "pairs"})


def _check_stems(files: Sequence[Path]) -> None:
    """Raise UsageError if two files have one stem: perhaps one image in two formats, which would count twice."""
    for first, second in same_stems(files):
        raise UsageError(f"{first} and {second} have one stem and may be one image; remove or rename one.")


def _with_source(outputs: Sequence[Path], source_set: ImageSet, log: Log) -> list[Path]:
    """The outputs that have a scored source of their stem. Logs the other outputs, and sources without an output."""
    sources = source_set.files
    folder, source_stems = outputs[0].parent, {path.stem for path in sources}
    matched = [path for path in outputs if path.stem in source_stems]
    if not matched:
        raise DataError(
            f"{folder}: none of its {len(outputs)} images has the stem of a source in {sources[0].parent} "
            f"({outputs[0].name} against {sources[0].name}); rename them, or name the folder of their sources."
        )
    output_stems = {path.stem for path in matched}
    missing = [path.name for path in sources if path.stem not in output_stems]
    extra = [path.name for path in outputs if path.stem not in source_stems]
    if missing:
        log(f"{folder}: no output for {len(missing)} of {len(sources)} sources: {name_some(missing)}.")
    if extra:
        count = f"{len(extra)} of {len(outputs)} outputs"
        log(f"{folder}: no source for {count}, left out of all scores: {name_some(extra)}.")
    scored_stems = {path.stem for path in source_set.scored}
    scored = [path for path in matched if path.stem in scored_stems]
    if not scored:
        raise DataError(f"{folder}: {ONLY_LEFT_OUT}.")
    return scored


def _log_without_output(folders: PlainFolders, references: Sequence[Path], outputs: Sequence[Path], log: Log) -> None:
    """Log which references, as true translations, have no output."""
    stems = {path.stem for path in outputs}
    missing = [path.name for path in references if path.stem not in stems]
    if missing:
        log(f"{folders.fake}: no output for {len(missing)} of {len(references)} references: {name_some(missing)}.")


def _describe_sizes(images: ScoredImages, names: Sequence[str], log: Log) -> None:
    """Log which outputs, and which of their sources and true translations, are resized before they are compared."""
    size = images.pair_transform.size
    required = frozenset.union(*(requirements(load_metric(name)) for name in names))
    partners = [images.source_of_each_output] if "pairs" in required else []
    partners += [images.truth_of_each_output] if "truth" in required else []
    others = "true translations" if "truth" in required and "pairs" not in required else "sources"
    for files in (images.outputs, *partners):
        odd = [path.name for path in files if read_size(path) != width_and_height(size)]
        if odd:
            which = f"all {len(files)}" if len(odd) == len(files) else f"{len(odd)} of {len(files)}: {name_some(odd)}"
            why = f"the commonest size of the outputs, where outputs are compared with {others}"
            log(f"{files[0].parent}: resized to {size_text(size)} px, {why}: {which}.")
