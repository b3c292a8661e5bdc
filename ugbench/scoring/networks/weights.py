"""Where the weights of the networks of scoring come from, and how these networks are built and run.

The files are read by ugbench.nn.weight_files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from ugbench import registry
from ugbench.errors import UnknownName, UsageError, WeightsError
from ugbench.nn.weight_files import given, read_weight_file

DISTANCES: Mapping[str, str] = MappingProxyType(
    {
        "vgg": "torchvision's vgg16-397923af.pth, or the state dict of its `features` alone",
        "dino": "DINO's dino_vitbase8_pretrain.pth, from its releases, or timm's file of vit_base_patch8_224.dino",
    }
)
"""Where the files of weights come from that serve distances between images alone, by their names for `--weights`."""


def source_of(name: str) -> str | None:
    """What `--weights NAME=FILE` takes and where the file comes from; None for an extractor that needs no file.

    Args:
        name: of an extractor, or one of DISTANCES.
    Raises:
        UnknownName: it is neither.
        NotLoadable: the extractor cannot be imported.
    """
    return DISTANCES[name] if name in DISTANCES else registry.load_extractor(name).weights


def check_names(names: Collection[str], frozen_names: Collection[str] = ()) -> None:
    """Check that `--weights` may give files under these names.

    Args:
        frozen_names: further names, of networks that methods do not train.
    Raises:
        UnknownName: a name is of no network.
        NotLoadable: a name is of an extractor that cannot be imported.
        UsageError: a name is of an extractor that needs no file.
    """
    known = {*registry.modules("extractors"), *DISTANCES, *frozen_names}
    for name in names:
        if name not in known:
            raise UnknownName("network (--weights)", name, known)
        if name not in frozen_names and source_of(name) is None:
            raise UsageError(f"--weights {name}: the extractor {name} needs no file; leave the option out.")


def read_weights(name: str, weights: Mapping[str, Path], otherwise: str) -> dict[str, Tensor]:
    """The tensors of the file given for `name`, on the CPU.

    Args:
        name: of an extractor that needs a file, or one of DISTANCES.
        weights: what `--weights NAME=FILE` gave.
        otherwise: what else the user can do if no file was given, for the message: "or …".
    Raises:
        WeightsError: no file was given, it does not exist, or it is not a plain dictionary of tensors.
    """
    source = source_of(name) or ""
    if name not in weights:
        raise WeightsError(
            f"the weights of '{name}' were not given, and none are downloaded; give --weights {name}=FILE "
            f"({source}), {otherwise}."
        )
    return read_weight_file(name, Path(weights[name]), source)


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
    """Compute convolutions in true float32: TF32, the default of cuDNN, changes features by 1e-3."""
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        yield
