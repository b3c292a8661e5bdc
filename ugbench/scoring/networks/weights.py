"""How the weights of the networks of scoring are read, and how these networks are built and run.

Which files they take is in `ugbench.scoring.networks.sources`, and where such files are searched in `.search`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ugbench.arithmetic import exact_float32
from ugbench.errors import MissingWeights, WeightsError
from ugbench.nn.weight_files import given, read_weight_file
from ugbench.scoring.networks.sources import find_source, source_of


def read_weights(name: str, weights: Mapping[str, Path], otherwise: str) -> dict[str, Tensor]:
    """The tensors of the file given for `name`, on the CPU.

    Args:
        name: of an extractor that needs a file, or one of DISTANCES.
        weights: the files that `--weights NAME=FILE` gave or that were found.
        otherwise: what else the user can do if there is no file, for the message: "or …".
    Raises:
        MissingWeights: there is no file.
        WeightsError: the file does not exist, or it is not a plain dictionary of tensors.
    """
    source = find_source(name)
    takes = "" if source is None else source.takes
    if name in weights:
        return read_weight_file(name, Path(weights[name]), takes)
    give = f"give --weights {name}=FILE ({takes}), {otherwise}."
    if source is None or source.download is None:
        raise MissingWeights(f"the weights of '{name}' were not found; {give}")
    raise MissingWeights(
        f"the weights of '{name}' were not found; run `ugbench weights get {name}` to download them from "
        f"{source.download.address}, or {give}"
    )


def another_network(name: str, weights: Mapping[str, Path], reason: str) -> WeightsError:
    """The error for a file of another network than `name`."""
    return WeightsError(f"{given(name, weights[name])} holds another network: {reason}; it takes {source_of(name)}.")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Restore torch's random state afterwards: building a network draws initial weights that are then overwritten."""
    with torch.random.fork_rng(devices=[]):
        yield


@contextmanager
def plain_float32() -> Iterator[None]:
    """Compute without gradients in true float32: TF32, the default of cuDNN, changes features by 1e-3."""
    deterministic = torch.backends.cudnn.flags(
        enabled=True, deterministic=True, allow_tf32=False, fp32_precision="ieee"
    )
    with torch.no_grad(), exact_float32(), deterministic:
        yield
