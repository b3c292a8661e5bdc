"""Selects which stored checkpoint of a run to score: the one with the lowest KID on a validation split.

The split is a part of the training images and was not held out. So it can compare checkpoints of one run, and nothing
else. The test images have no influence on the choice. Protocols state the rule, so no table column mixes such scores
with those of last checkpoints.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ugbench.data.datasets import DataSet
from ugbench.data.images import read_bytes
from ugbench.data.splits import TRAIN
from ugbench.direction import Direction
from ugbench.errors import RunError, UsageError
from ugbench.inference import translate
from ugbench.inference.image_files import write_outputs
from ugbench.inference.remote_methods import SavedMethod
from ugbench.inference.several_devices import copies_on
from ugbench.metrics import kid
from ugbench.runs.run import Run, dataset_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.networks.extractors import LoadedExtractor

ONE_IN, LEAST, MOST = 10, 2, 100  # one image in ten of a domain, within these bounds


@dataclass(frozen=True)
class Selection:
    """The selected step, and the validation KID (raw, mean over the run's directions) of each stored step."""

    step: int
    kids: Mapping[int, float]


def rule(extractor: LoadedExtractor) -> str:
    """The value of `checkpoint` in protocols of scores at a selected step.

    It names the extractor, because scores of metrics without features still depend on this choice.
    """
    name = f"{extractor.name} {extractor.sha256[:8]}"
    return f"validation: lowest kid ({name}) on a tenth of the training images, which the run has seen"


def validation_split(files: Sequence[Path]) -> tuple[Path, ...]:
    """A tenth of the files (at least 2, at most 100), in their order: those with the lowest SHA-256 of their content.

    So file names do not matter, and an additional image replaces or adds at most one image of the split.

    Raises:
        UsageError: there are fewer than 2 files.
        DataError: a file cannot be read.
    """
    if len(files) < LEAST:
        where = f" in {files[0].parent}" if files else ""
        raise UsageError(
            f"--select validation needs {LEAST} training images per domain; there are {len(files)}{where}."
        )
    count = min(max(LEAST, len(files) // ONE_IN), MOST)
    chosen = set(sorted(files, key=lambda file: (hashlib.sha256(read_bytes(file)).digest(), file.name))[:count])
    return tuple(file for file in files if file in chosen)


def select(evaluation: Evaluation, run: Run) -> Selection:
    """The stored checkpoint of a run with the lowest validation KID; if several are equal, the earliest.

    Raises:
        UsageError: the run was imported, or a domain has fewer than 2 training images.
        RunError: the run has saved no checkpoint yet.
    """
    if run.config.origin is not None:
        raise UsageError(
            f"--select validation: run {run.id} ({run.config.label}) was imported and has no stored checkpoints; "
            "leave the option out, or name other runs."
        )
    steps = run.checkpoint_steps()
    if not steps:
        raise RunError(f"{run.path} has no checkpoint yet; train it before you score it.")
    dataset = dataset_of(run)
    kids = {}
    for step in steps:
        values = [validation_kid(evaluation, run, dataset, direction, step) for direction in run.directions()]
        kids[step] = sum(values) / len(values)
    return Selection(min(kids, key=lambda step: (kids[step], step)), kids)


def validation_kid(evaluation: Evaluation, run: Run, dataset: DataSet, direction: Direction, step: int) -> float:
    """The full unbiased KID, raw, of one checkpoint's translations of the validation sources. Changes no run."""
    networks = evaluation.request.networks
    transform = run.config.transform
    sources, references = (
        validation_split(training_images(run, dataset, domain)) for domain in (direction[0], direction[2])
    )
    method, trained_steps = translate.load(run, networks.device, step)
    copies = copies_on(method, networks.further, SavedMethod(run.path, step, trained_steps))
    precision = run.config.precision
    with tempfile.TemporaryDirectory(prefix="ugbench-validation-") as folder:
        write_outputs(method, sources, Path(folder), direction, precision=precision, keep_padding=True, copies=copies)
        files = [Path(folder) / f"{source.stem}.png" for source in sources]
        fake, real = evaluation.features(files, transform), evaluation.features(references, transform)
    return kid.compute(fake, real).value


def training_images(run: Run, dataset: DataSet, domain: str) -> list[Path]:
    """The images of one domain that the run was trained on, sorted by name."""
    skipped = () if run.config.dataset is None else run.config.dataset.skipped
    split = TRAIN[domain]
    return [file for file in dataset.split(split) if f"{split}/{file.name}" not in skipped]
