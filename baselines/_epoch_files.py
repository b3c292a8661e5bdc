"""Picks the networks of one epoch from the files `<epoch>_net_<network>.pth` of the public CycleGAN and CUT codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ugbench.method import UsageError
from ugbench.nn.state_dicts import unwrapped

Network = Mapping[str, Tensor]


def networks_of_epoch(tensors: Mapping[str, Any], names: str, revision: str | None, method: str) -> dict[str, Network]:
    """The content of the files of one epoch, by the public names of the networks; empty if there are none.

    Args:
        tensors: state dicts by file name (the epoch and the suffix may be left out), or the state dict of one
            generator, which is called "G"; any of them may be wrapped (see `unwrapped`).
        names: regular expression of the networks' names.
        revision: the epoch to take; None if there is only one.
        method: the name of the method, for the error message.
    Raises:
        UsageError: the files are of several epochs and `revision` is None.
    """
    tensors = unwrapped(tensors)
    files = {name: content for name, content in tensors.items() if isinstance(content, Mapping)}
    if not files and tensors and all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        files = {"G": tensors}
    epochs: dict[str, dict[str, Network]] = {}
    for file_name, content in files.items():
        if match := re.fullmatch(rf"(?:(.+)_net_|net_?)?({names})(?:\.pth)?", file_name):
            epochs.setdefault(match[1] or "", {})[match[2]] = content
    if not epochs and len(files) == len(tensors) == 1:  # a single file may have any name
        epochs = {"": {"G": next(iter(files.values()))}}
    if revision is not None:
        epochs = {epoch: networks for epoch, networks in epochs.items() if epoch == revision}
    if len(epochs) > 1:
        raise UsageError(
            f"{method} checkpoint: epochs {', '.join(sorted(epochs))} were found; pick one with --revision."
        )
    return next(iter(epochs.values()), {})
