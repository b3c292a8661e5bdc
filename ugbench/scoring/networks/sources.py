"""Which files of weights the networks of scoring take, and where such a file can be downloaded.

An extractor says this itself; DISTANCES says it of networks that serve distances between images alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ugbench import registry
from ugbench.download import RemoteFile
from ugbench.errors import UgbenchError, UnknownName, UsageError


@dataclass(frozen=True)
class WeightSource:
    """What `--weights NAME=FILE` takes for one name.

    Attributes:
        takes: what the file is and where it comes from, in words.
        download: such a file on a server; None if none is known.
    """

    takes: str
    download: RemoteFile | None


DISTANCES: Mapping[str, WeightSource] = MappingProxyType(
    {
        "vgg": WeightSource(
            "torchvision's vgg16-397923af.pth, or the state dict of its `features` alone",
            RemoteFile(
                "https://download.pytorch.org/models/vgg16-397923af.pth",
                "vgg16-397923af.pth",
                sha256="397923af",
                about_mib=527.796,
            ),
        ),
        "vgg19": WeightSource(
            "torchvision's vgg19-dcbb9e9d.pth, or the state dict of its `features` alone",
            RemoteFile(
                "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
                "vgg19-dcbb9e9d.pth",
                sha256="dcbb9e9d",
                about_mib=548.051,
            ),
        ),
        "dino": WeightSource(
            "DINO's dino_vitbase8_pretrain.pth, from its releases, or timm's file of vit_base_patch8_224.dino",
            RemoteFile(
                "https://huggingface.co/timm/vit_base_patch8_224.dino/resolve/main/model.safetensors",
                "vit_base_patch8_224.dino.safetensors",
            ),
        ),
    }
)
"""The files of weights of networks that serve distances between images alone, by their names for `--weights`."""


LPIPS_WEIGHTS: Mapping[str, str] = MappingProxyType({"alex": "alexnet", "squeeze": "squeezenet", "vgg": "vgg"})
"""The names of the weights of LPIPS's backbones."""

STRUCTURE_WEIGHTS = "dino"
"""The name of the weights of the structure distance."""


def find_source(name: str) -> WeightSource | None:
    """The file that the network `name` takes; None for an extractor that needs no file.

    Args:
        name: of an extractor, or one of DISTANCES.
    Raises:
        UnknownName: it is neither.
        NotLoadable: the extractor cannot be imported.
    """
    if name in DISTANCES:
        return DISTANCES[name]
    extractor = registry.load_extractor(name)
    return None if extractor.weights is None else WeightSource(extractor.weights, extractor.download)


def source_of(name: str) -> str | None:
    """What `--weights NAME=FILE` takes, in words; as `find_source`."""
    source = find_source(name)
    return None if source is None else source.takes


def all_sources() -> tuple[dict[str, WeightSource], list[str]]:
    """The files of all networks by name, and one sentence for each extractor that cannot be loaded."""
    sources: dict[str, WeightSource] = {}
    problems = []
    for name in registry.modules("extractors"):
        try:
            source = find_source(name)
        except UgbenchError as error:
            problems.append(str(error))
            continue
        if source is not None:
            sources[name] = source
    return {**sources, **DISTANCES}, problems


def published_file(name: str) -> RemoteFile | None:
    """The file that can be downloaded for a name of `--weights`, which may be that of a method's frozen network.

    None if no such file is known.
    """
    if name not in DISTANCES and name not in registry.modules("extractors"):
        return None
    source = find_source(name)
    return None if source is None else source.download


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
