"""Which kept checkpoint of a run to score: the last, or the one with the lowest KID on a validation split.

The split is cut from the training images and was not held out, so it tells checkpoints of one run apart and nothing
more; the test images have no part in the choice. A protocol says this rule, so no column mixes it with "last".
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
from ugbench.inference.image_files import OutputOptions, write_outputs
from ugbench.metrics import kid
from ugbench.runs.run import Run, dataset_of
from ugbench.scoring.evaluate import Evaluation
from ugbench.scoring.networks.extractors import Extractor

SHARE, LEAST, MOST = 10, 2, 100  # one image in ten of a domain, in these bounds


@dataclass(frozen=True)
class Selection:
    """The chosen step, and the validation KID (raw, mean over the run's directions) of every kept one."""

    step: int
    kids: Mapping[int, float]


def rule(extractor: Extractor) -> str:
    """What a protocol's `checkpoint` says of scores at a selected step.

    The extractor is in it because metrics that use none still hang on the choice.
    """
    of = f"{extractor.name} {extractor.sha256[:8]}"
    return f"validation: lowest kid ({of}) on a tenth of the training images, which the run has seen"


def validation_split(files: Sequence[Path]) -> tuple[Path, ...]:
    """A tenth of the files (2 at least, 100 at most), in their order: those whose contents have the lowest SHA-256.

    So a name does not matter, and more images never reshuffle it: each only enters or not.

    Raises:
        UsageError: fewer than 2 files.
        DataError: a file that cannot be read.
    """
    if len(files) < LEAST:
        where = f" in {files[0].parent}" if files else ""
        raise UsageError(f"--select validation needs {LEAST} training images a domain; there are {len(files)}{where}.")
    count = min(max(LEAST, len(files) // SHARE), MOST)
    chosen = set(sorted(files, key=lambda file: (hashlib.sha256(read_bytes(file)).digest(), file.name))[:count])
    return tuple(file for file in files if file in chosen)


def select(evaluation: Evaluation, run: Run) -> Selection:
    """The kept checkpoint of a run with the lowest validation KID; of equal ones the earliest.

    Raises:
        UsageError: the run was imported, or a domain has fewer than 2 training images.
        RunError: nothing was saved yet.
    """
    if run.config.origin is not None:
        raise UsageError(
            f"--select validation: run {run.id} ({run.config.label}) was imported and has no kept checkpoints; "
            "leave the option out, or name other runs."
        )
    steps = run.checkpoint_steps()
    if not steps:
        raise RunError(f"{run.path} has no checkpoint yet; train it before you score it.")
    dataset = dataset_of(run)
    kids = {}
    for step in steps:
        found = [validation_kid(evaluation, run, dataset, direction, step) for direction in run.directions()]
        kids[step] = sum(found) / len(found)
    return Selection(min(kids, key=lambda step: (kids[step], step)), kids)


def validation_kid(evaluation: Evaluation, run: Run, dataset: DataSet, direction: Direction, step: int) -> float:
    """The full unbiased KID, raw, of one checkpoint's translations of the validation sources; RUN is left as it is."""
    networks = evaluation.wanted.networks
    size = int(run.config.config["size"])
    sources, references = (_readable(run, dataset, domain) for domain in (direction[0], direction[2]))
    method, _ = translate.load(run, networks.device, step)
    with tempfile.TemporaryDirectory(prefix="ugbench-validation-") as folder:
        write_outputs(method, sources, Path(folder), direction, OutputOptions(precision=run.config.precision))
        files = [Path(folder) / f"{source.stem}.png" for source in sources]
        fake, real = evaluation.features(files, size), evaluation.features(references, size)
    return kid.compute(fake, real).value


def _readable(run: Run, dataset: DataSet, domain: str) -> tuple[Path, ...]:
    """The validation split of one domain, of the images that the run was trained on."""
    skipped = set() if run.config.dataset is None else set(run.config.dataset.skipped)
    split = TRAIN[domain]
    return validation_split([file for file in dataset.split(split) if f"{split}/{file.name}" not in skipped])
