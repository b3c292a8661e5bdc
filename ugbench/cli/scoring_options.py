"""The groups of options that commands with scores share: networks of features, weights, metrics and the protocol."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

from ugbench.cli.command import names_of
from ugbench.cli.consent import AllowDownload
from ugbench.cli.options import Metrics, Protocol, Weights, path_option
from ugbench.cli.output import log
from ugbench.cli.parse import parse_weights, split_list
from ugbench.errors import UsageError

if TYPE_CHECKING:
    import torch

    from ugbench.inference.several_devices import FurtherDevice
    from ugbench.scoring.cache import Cache as FeatureCache
    from ugbench.scoring.networks.network_set import Networks
    from ugbench.scoring.protocols import NamedProtocol
    from ugbench.scoring.request import EvalRequest


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    """Which network computes the features of images, and where features are cached."""

    extractor: Annotated[
        str, Option("--extractor", metavar="NAME", help=f"Network for image features: {names_of('extractors')}.")
    ] = "inception"
    weights: Weights = None
    download: AllowDownload = False
    cache: Annotated[
        Path | None,
        path_option(
            "--cache",
            "folder",
            "DIR",
            "Folder where features are cached between calls; default: ~/.cache/ugbench/features.",
            envvar="UGBENCH_CACHE",
        ),
    ] = None

    def networks(
        self,
        device: torch.device,
        lpips_net: str = "alex",
        frozen_names: Collection[str] = (),
        further: Iterable[FurtherDevice] = (),
    ) -> Networks:
        """The networks that scoring may load, with the given files and that of the extractor, if it is found.

        Args:
            frozen_names: further names that --weights may give, where the command trains too.
            further: devices besides `device` that share the images.
        Raises:
            UnknownName: there is no such extractor, or no such network for --weights.
            NotLoadable: the extractor, or one that --weights names, cannot be imported.
            UsageError: a file of --weights does not exist.
        """
        from ugbench.scoring.needed_weights import extractor_weights
        from ugbench.scoring.networks.network_set import make_networks
        from ugbench.scoring.networks.search import with_found

        given = parse_weights(self.weights)
        networks = make_networks(self.extractor, given, device, lpips_net, frozen_names, further)
        files = with_found(networks.weights, [*extractor_weights(networks), *frozen_names], log)
        return replace(networks, weights=files)

    def complete_extractor(self, networks: Networks, as_json: bool) -> Networks:
        """The networks with the file of the chosen extractor, which is downloaded if the user consents."""
        from ugbench.cli.network_files import complete
        from ugbench.scoring.needed_weights import extractor_weights

        given, needed = parse_weights(self.weights), extractor_weights(networks)
        weights = complete(networks.weights, given, needed, allowed=self.download, as_json=as_json)
        return replace(networks, weights=weights)

    def feature_cache(self) -> FeatureCache:
        """The cache of features in --cache or the default folder."""
        from ugbench.scoring.cache import Cache, default_folder

        return Cache(self.cache or default_folder(), log)


@dataclass(frozen=True, kw_only=True)
class ScoringOptions(FeatureOptions):
    """What is scored and under which protocol."""

    metrics: Metrics = None
    protocol: Protocol = None
    lpips_net: Annotated[
        Literal["alex", "squeeze", "vgg"], Option("--lpips-net", help="LPIPS backbone: alex, squeeze or vgg.")
    ] = "alex"

    def request(
        self,
        device: torch.device,
        reference: str | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        frozen_names: Collection[str] = (),
        further: Iterable[FurtherDevice] = (),
    ) -> EvalRequest:
        """The evaluation that these options ask for, with the given files of weights and those that are found.

        Args:
            reference: value of --reference, where the command has it.
            settings: changes to the settings of metrics, by metric.
            frozen_names: further names that --weights may give, where the command trains too.
            further: devices besides `device` that share the images.
        Raises:
            UnknownName: there is no such metric, protocol or extractor.
            UsageError: options contradict each other, or a weights file does not exist.
        """
        from ugbench import registry
        from ugbench.scoring.needed_weights import with_found_weights
        from ugbench.scoring.request import EvalRequest

        networks = self.networks(device, self.lpips_net, frozen_names, further)
        names = tuple(split_list(self.metrics, "--metric"))
        for name in names:
            registry.load_metric(name)
        protocol = pick_protocol(self.protocol, reference)
        request = EvalRequest(names, networks, protocol, settings or {}, cache=self.feature_cache())
        return with_found_weights(request, log)

    def complete_request(
        self,
        request: EvalRequest,
        as_json: bool,
        further: Collection[str] = (),
        has_sources: bool = True,
        is_scored: bool = True,
    ) -> EvalRequest:
        """The request with the files that it needs, which are downloaded if the user consents.

        Args:
            further: names of files that the command needs beside scoring.
            has_sources: the source of each output is known.
            is_scored: False where the command scores nothing, so that it needs the further files alone.
        """
        from ugbench.cli.network_files import complete
        from ugbench.scoring.needed_weights import needed_weights, welcome_weights

        needed = (*(needed_weights(request) if is_scored else ()), *further)
        welcome = welcome_weights(request, has_sources) if is_scored else ()
        networks, given = request.networks, parse_weights(self.weights)
        weights = complete(networks.weights, given, needed, welcome, allowed=self.download, as_json=as_json)
        return replace(request, networks=replace(networks, weights=weights))


def pick_protocol(name: str | None, reference: str | None) -> NamedProtocol:
    """The protocol that --protocol and --reference mean together.

    Raises:
        UnknownName: there is no such protocol.
        UsageError: the two contradict each other.
    """
    from ugbench.scoring.protocols import TARGET, TRAIN_REFERENCE, find_protocol

    if name is None:
        return TRAIN_REFERENCE if reference == "train" else TARGET
    protocol = find_protocol(name)
    if reference is not None and reference != protocol.reference:
        other = {"test": TARGET, "train": TRAIN_REFERENCE}[reference].name
        raise UsageError(
            f"--protocol {name} with --reference {reference}: {name} compares with the {protocol.reference} images of "
            f"the target, and {other} with the {reference} images; give one of the two options."
        )
    return protocol
