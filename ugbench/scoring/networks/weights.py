"""Where the weights of the networks of scoring come from, and how these networks are built and run.

The files are read by ugbench.nn.weight_files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from ugbench.errors import WeightsError
from ugbench.nn.weight_files import read_weight_file

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "inception": "torch-fidelity's weights-inception-2015-12-05-6726825d.pth, from its releases",
        "alexnet": "torchvision's alexnet-owt-7be5be79.pth, or the state dict of its `features` alone",
        "squeezenet": "torchvision's squeezenet1_1-b8a52dc0.pth, or the state dict of its `features` alone",
        "vgg": "torchvision's vgg16-397923af.pth, or the state dict of its `features` alone",
        "dino": "DINO's dino_vitbase8_pretrain.pth, from its releases, or timm's file of vit_base_patch8_224.dino",
        "dinov2": "the safetensors file of a timm model vit_*_patch14_dinov2",
    }
)
"""The names that `--weights NAME=FILE` accepts, each with the place where such a file comes from."""


def read_weights(name: str, weights: Mapping[str, Path], otherwise: str) -> dict[str, Tensor]:
    """The tensors of the file given for `name`, on the CPU.

    Args:
        name: one of SOURCES.
        weights: what `--weights NAME=FILE` gave.
        otherwise: what else the user can do if no file was given, for the message: "or …".
    Raises:
        WeightsError: no file was given, it does not exist, or it is not a plain dictionary of tensors.
    """
    if name not in weights:
        raise WeightsError(
            f"the weights of '{name}' were not given, and none are downloaded; give --weights {name}=FILE "
            f"({SOURCES[name]}), {otherwise}."
        )
    return read_weight_file(name, Path(weights[name]), SOURCES[name])


def features_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The `features` part of a torchvision state dict, or the dict if it is only that part; keys as `0.weight`."""
    prefix = "features."
    if any(key.startswith(prefix) for key in state):
        return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return dict(state)


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
