"""What only the networks of a run can make: its outputs, attention maps, and several outputs of each source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from filelock import Timeout

from ugbench.data.progress import Progress
from ugbench.errors import DiskError
from ugbench.inference.test_set import make_samples
from ugbench.registry import load_metric
from ugbench.runs import stored_maps
from ugbench.runs.run import Run
from ugbench.runs.stored_outputs import Outputs, are_stored, codes_per_image
from ugbench.scoring.eval_set import EvalSet
from ugbench.scoring.inputs import requirements
from ugbench.scoring.request import EvalRequest
from ugbench.scoring.scored_images import ScoredImages

ONE_OUTPUT = "it makes one output for each image"


def uses_map(metric_name: str) -> bool:
    """True if the metric uses the attention maps of the run."""
    return "attention_map" in requirements(load_metric(metric_name))


def uses_samples(metric_name: str) -> bool:
    """True if the metric uses several outputs of each source."""
    return "samples" in requirements(load_metric(metric_name))


def are_made(run: Run, eval_set: EvalSet, outputs: Outputs, with_maps: bool) -> bool:
    """True if all outputs of the run's last step exist, and with `with_maps` its attention maps too."""
    if not are_stored(run, eval_set.dataset, eval_set.direction, outputs):
        return False
    return not with_maps or run.config.is_external or stored_maps.maps_step(run, eval_set.direction) == run.step()


def locked_outputs(run: Run, log: Callable[[str], None]) -> AbstractContextManager[object]:
    """A lock: while it is held, no other call makes outputs of this run. Logs a message if it has to wait.

    Raises:
        DiskError: the lock cannot be made.
    """
    try:
        return run.outputs_lock().acquire(timeout=0)
    except Timeout:
        log(f"waiting for another command that makes or scores outputs of run {run.id}.")
        return run.outputs_lock().acquire()
    except OSError as error:
        raise DiskError(run.path, error) from error


def without_style(run: Run, metric_names: Sequence[str]) -> tuple[str, ...]:
    """The metrics that a run cannot have because its method has no style, or because that is not known."""
    has_style = codes_per_image(run) is not None
    return () if has_style else tuple(filter(uses_samples, metric_names))


def with_samples(
    images: ScoredImages,
    metric_name: str,
    request: EvalRequest,
    run: Run,
    eval_set: EvalSet,
    step: int | None,
    progress: Progress | None = None,
) -> ScoredImages:
    """The scored images with as many outputs of each source as the metric's setting `samples` says.

    Args:
        step: of the checkpoint; None is the last one.
        progress: called after each batch of sources.
    Raises:
        RunError, DataError, UgbenchError: see `make_samples`.
    """
    metric = load_metric(metric_name)
    count = {**metric.settings, **request.settings_of(metric_name)}["samples"]
    dataset, direction, networks = eval_set.dataset, eval_set.direction, request.networks
    files = make_samples(run, dataset, direction, networks.device, count, step, progress, networks.further)
    of_source = dict(zip(eval_set.source_set.files, files, strict=True))
    return replace(images, samples=[of_source[source] for source in images.given_sources])
