"""What makes a new method ready to train: its device, the precision of its networks, its optimizers and phases."""

from __future__ import annotations

import torch

from ugbench.data.batches import Batches, method_batches
from ugbench.device import Precision
from ugbench.image_size import width_and_height
from ugbench.method import Method
from ugbench.nn.across_ranks import ALONE, Ranks, span_batch
from ugbench.training.activations import checkpoint_activations
from ugbench.training.layout import move_to
from ugbench.training.loss_scale import LossScale
from ugbench.training.network_precision import run_networks_in
from ugbench.training.optimizers import build_optimizers
from ugbench.training.ranks import check_batch_norm
from ugbench.training.step import Phases


def made_ready(method: Method, device: torch.device, precision: Precision, ranks: Ranks = ALONE) -> Phases:
    """Move a method to a device, let its networks run in a precision, and return its phases.

    Args:
        method: new; its networks have not been called yet.
        ranks: the processes that train together; each has the whole method.
    Raises:
        UsageError: see `checkpoint_activations`.
        UgbenchError: see `check_batch_norm` and `build_optimizers`.
    """
    move_to(method, device)
    checkpoint_activations(method)
    run_networks_in(method, precision, device)
    check_batch_norm(ranks, method)
    span_batch(method, ranks)
    loss_scale = LossScale() if precision == "fp16" else None
    return Phases(build_optimizers(method), method.period, loss_scale, ranks)


def random_batches(method: Method, device: torch.device, images: int = 4) -> Batches:
    """Batches of a method's size from this many random images for each domain, for measurements."""
    width, height = width_and_height(method.config.training_size)
    random = torch.Generator().manual_seed(0)
    a, b = torch.randint(0, 256, (2, images, 3, height, width), dtype=torch.uint8, generator=random)
    return method_batches(method, a, b, 0, device, dict.fromkeys(method.splits, a))
