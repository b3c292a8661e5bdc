"""A run that is ready to translate: its networks are loaded, and what was asked for is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ugbench.device import Precision, pick_precision
from ugbench.direction import Direction
from ugbench.errors import UsageError
from ugbench.inference.attention import attention_names, networks_without_weights
from ugbench.inference.translate import check_direction, load
from ugbench.method import Method
from ugbench.runs.run import Run


@dataclass(frozen=True)
class Translator:
    """The networks of a run for one direction.

    Attributes:
        step: the number of steps that the weights were trained for; 0 for an imported run.
        attention: whether attention maps are made too.
    """

    method: Method
    step: int
    direction: Direction
    precision: Precision
    attention: bool


def load_translator(
    run: Run,
    device: torch.device,
    direction: Direction,
    *,
    step: int | None = None,
    precision: str = "auto",
    attention: bool = False,
    log: Callable[[str], None] = lambda _text: None,
) -> Translator:
    """Load the networks of a run.

    Args:
        step: of a stored checkpoint; None is the last one.
        precision: fp32, bf16, fp16, or auto, which is that of the training; `eval` also uses that for the test images.
        log: called with a sentence about attention maps that an imported run lacks.
    Raises:
        UsageError: the run does not translate in this direction, has no attention maps, or there is no such precision.
        RunError: nothing was saved yet, there is no such checkpoint, or a file is damaged.
    """
    check_direction(run, direction)
    method, trained_steps = load(run, device, step, all_networks=attention)
    if attention and not attention_names(method, direction):
        raise UsageError(f"--attention: {run.config.label} has no attention maps; leave it out.")
    if attention and (lacking := networks_without_weights(method)):
        log(f"run {run.id} was imported without {', '.join(lacking)}; attention maps of these are left out.")
    chosen_precision = pick_precision(precision, device, auto=run.config.precision)
    return Translator(method, trained_steps, direction, chosen_precision, attention)
