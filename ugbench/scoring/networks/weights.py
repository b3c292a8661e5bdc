"""Reads files of network weights. Only tensors are accepted; no code in a file is run, and nothing is downloaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ugbench.errors import WeightsError
from ugbench.nn.state_dicts import first_not_finite

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
    path = Path(weights[name])
    if not path.is_file():
        raise WeightsError(f"--weights {name}={path}: there is no such file; give {SOURCES[name]}.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # Damage and refused code raise many types of error, and torch's message suggests to disable the check.
        raise WeightsError(
            f"--weights {name}={path} is refused: it is damaged or holds more than tensors, which could run "
            f"code; it takes {SOURCES[name]}."
        ) from None
    plain = isinstance(state, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    )
    if not plain or not state:
        raise WeightsError(f"--weights {name}={path} is no dictionary of tensors; it takes {SOURCES[name]}.")
    return dict(state)


def features_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The `features` part of a torchvision state dict, or the dict if it is only that part; keys as `0.weight`."""
    prefix = "features."
    if any(key.startswith(prefix) for key in state):
        return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return dict(state)


def fill(network: nn.Module, state: Mapping[str, Tensor], given: str) -> str:
    """Load `state` into `network`, freeze it for inference, and return the digest of its weights.

    Args:
        given: the option that named the file, for messages (`--weights alexnet=FILE`).
    Raises:
        WeightsError: keys or shapes do not fit, or a value is NaN or infinite.
    """
    expected = network.state_dict()
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or extra:
        difference = f"lacks {missing[0]}" if missing else f"has the unknown key {extra[0]}"
        raise WeightsError(f"{given} holds another network: it {difference}; give the file of this one.")
    for key, value in expected.items():
        if state[key].shape != value.shape:
            raise WeightsError(
                f"{given} holds another network: {key} is {tuple(state[key].shape)} and should be "
                f"{tuple(value.shape)}; give the file of this one."
            )
    if fault := first_not_finite(state):
        raise WeightsError(f"{given}: {fault}; give another file.")
    network.load_state_dict(dict(state))
    network.requires_grad_(False).eval()
    return digest(network.state_dict())


def digest(state: Mapping[str, Tensor]) -> str:
    """sha256 of a state's names, dtypes, shapes and bytes, sorted by name.

    It is not the sha256 of the file, because files of equal states differ (archive names, order, metadata).
    """
    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode() + b"\n")
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


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
