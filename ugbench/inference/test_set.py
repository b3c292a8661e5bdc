"""Translates the test images of a data set for a run, and stores outputs, samples and attention maps in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ugbench.data.datasets import DataSet
from ugbench.data.progress import Progress
from ugbench.data.splits import TEST
from ugbench.data.styles import STYLE_SEED
from ugbench.data.tensors import load_images
from ugbench.direction import Direction
from ugbench.inference import translate
from ugbench.inference.attention import attention_maps, attention_names
from ugbench.inference.image_files import output_name, write_outputs
from ugbench.inference.remote_methods import SavedMethod
from ugbench.inference.several_devices import FurtherDevice, copies_on
from ugbench.inference.styles import Styles
from ugbench.runs.files import check_tree, is_file
from ugbench.runs.json_file import read_json, write_json
from ugbench.runs.run import Run
from ugbench.runs.stored_maps import AttentionMaps, read_maps, write_maps
from ugbench.runs.stored_outputs import codes_per_image

BATCH_SIZE = 8


def make_outputs(
    run: Run,
    dataset: DataSet,
    direction: Direction,
    device: torch.device,
    step: int | None = None,
    progress: Progress | None = None,
    further: Sequence[FurtherDevice] = (),
) -> None:
    """Translate the data set's test sources into RUN/outputs/<direction>/, unless that is already done.

    The outputs have the run's size, and those of padded sources keep the padding: they are compared with sources and
    references that went through the same transform. If the method has attention maps, their overlays are written into
    the folder attention/ beside the outputs.

    Outputs of another step or of other sources are replaced. If some outputs are missing, all are made again. If the
    method has a style, each image gets one of its own (`ugbench.data.styles`), and outputs that an older version made
    with one style for all images are replaced. Outputs of another tool stay as they were imported. If another process
    makes outputs of the run, this waits for it.

    Args:
        step: of a stored checkpoint; None is the last one.
        progress: called after each batch.
        further: devices besides `device` that share the images.
    Raises:
        RunError: nothing was saved yet, or there is no such checkpoint.
    """
    if run.config.is_external:
        return
    folder, note_file = run.outputs(direction), run.outputs_note(direction)
    source_split = TEST[direction[0]]
    note: dict[str, object] = {"sources": dataset.fingerprint((source_split,))}
    if (codes := codes_per_image(run)) is not None:
        note["codes_per_image"] = codes
    with run.outputs_lock():
        # A run that trains may save a checkpoint at any time; the weights must be those of the step that is noted.
        note["step"] = step = run.step() if step is None else step
        sources = dataset.split(source_split)
        check_tree(folder)
        same = is_file(note_file) and read_json(note_file) == note
        if same and all((folder / f"{path.stem}.png").exists() for path in sources):
            return
        method, trained_steps = translate.load(run, device, step, all_networks=True)
        if not same:
            shutil.rmtree(folder, ignore_errors=True)  # no part of its path is a link: see RunFolder
        attention = bool(attention_names(method, direction))
        precision = run.config.precision
        write_outputs(
            method,
            sources,
            folder,
            direction,
            precision=precision,
            attention=attention,
            keep_padding=True,
            copies=copies_on(method, further, SavedMethod(run.path, step, trained_steps, all_networks=True)),
            progress=progress,
        )
        # Written last, so that outputs whose making was interrupted are made again.
        write_json(note_file, note)


def make_samples(
    run: Run,
    dataset: DataSet,
    direction: Direction,
    device: torch.device,
    samples: int,
    step: int | None = None,
    progress: Progress | None = None,
    further: Sequence[FurtherDevice] = (),
) -> list[list[Path]]:
    """Several outputs of each of the data set's test sources: the stored ones, or else new ones, which are then stored.

    They lie in RUN/outputs/<direction>/samples/ as <stem>.<k>.png, as `ugbench translate --samples` writes them. Their
    styles are those of `ugbench.data.styles` with the seed of stored outputs; so sample 0 is the output itself.

    Args:
        samples: outputs of each source, 2 or more.
        step: of a stored checkpoint; None is the last one.
        progress: called after each batch of sources.
        further: devices besides `device` that share the sources.
    Returns:
        The files of each source, in the order of the sources.
    Raises:
        RunError: nothing was saved yet, or there is no such checkpoint.
        DataError: a source cannot be read.
        UgbenchError: an output is NaN or infinite.
        ValueError: fewer than 2 samples, or the method has no style.
    """
    if samples < 2 or codes_per_image(run) is None:
        raise ValueError(f"{samples} samples of run {run.id} ({run.config.label})")
    source_split = TEST[direction[0]]
    folder, note_file = run.sample_outputs(direction), run.sample_outputs_note(direction)
    fingerprint = dataset.fingerprint((source_split,))
    with run.outputs_lock():
        step = run.step() if step is None else step
        note = {"step": step, "sources": fingerprint, "samples": samples, "style_seed": STYLE_SEED}
        sources = dataset.split(source_split)
        check_tree(folder)
        files = [[folder / output_name(path, k, samples) for k in range(samples)] for path in sources]
        same = is_file(note_file) and read_json(note_file) == note
        if same and all(path.exists() for of_source in files for path in of_source):
            return files
        if not same:
            shutil.rmtree(folder, ignore_errors=True)
        method, trained_steps = translate.load(run, device, step)
        styles = Styles(samples, STYLE_SEED)
        precision = run.config.precision
        write_outputs(
            method,
            sources,
            folder,
            direction,
            precision=precision,
            keep_padding=True,
            styles=styles,
            copies=copies_on(method, further, SavedMethod(run.path, step, trained_steps)),
            progress=progress,
        )
        write_json(note_file, note)
    return files


def make_maps(
    run: Run, dataset: DataSet, direction: Direction, device: torch.device, step: int | None = None
) -> AttentionMaps:
    """The attention maps of the data set's test sources: the stored ones, or else new ones, which are then stored.

    The run of a method without attention, or of another tool, has no maps.

    Args:
        step: of a stored checkpoint; None is the last one.
    Raises:
        RunError: nothing was saved yet, there is no such checkpoint, or a file is damaged.
        DataError: a source cannot be read.
    """
    if run.config.is_external:
        return AttentionMaps({}, frozenset(), run.step(), "")
    sources = dataset.split(TEST[direction[0]])
    fingerprint = dataset.fingerprint((TEST[direction[0]],))
    with run.outputs_lock():
        step = run.step() if step is None else step
        stored = read_maps(run, direction)
        if stored is not None and (stored.step, stored.sources) == (step, fingerprint):
            return stored
        method, _ = translate.load(run, device, step, all_networks=True)
        batches: list[dict[str, Tensor]] = []
        for start in range(0, len(sources), BATCH_SIZE):
            files = sources[start : start + BATCH_SIZE]
            images = load_images(files, run.config.transform)
            batches += attention_maps(method, images, direction, batch_size=BATCH_SIZE, with_features=True, names=files)
        maps = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
        attended = frozenset(attention_names(method, direction))
        attention = AttentionMaps(maps, attended, step, fingerprint)
        write_maps(run, direction, attention)
    return attention
