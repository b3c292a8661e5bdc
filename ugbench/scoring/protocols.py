"""Protocols by name: what each fixes of the references, of how files reach the extractor, and of estimators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ugbench.data.images import Filter
from ugbench.errors import UnknownName

Reference = Literal["test", "train"]


@dataclass(frozen=True)
class NamedProtocol:
    """A protocol that `eval --protocol NAME` takes.

    Attributes:
        reference: which images of the target outputs are held against.
        squashed: whether references and sources go through the test transform, as the outputs' own sources did;
            else files are taken as they are.
        to_extractor: filter (Pillow's, antialiased) of a resize to the extractor's size before its own; None
            leaves that to the extractor.
        settings: changes to a metric's settings, by metric.
        metrics: what `eval` scores where no --metric is given; empty for all that fit.
        features_only: whether it is of metrics on features alone.
        why: in a sentence, for help and documentation.
    """

    name: str
    why: str
    reference: Reference = "test"
    squashed: bool = True
    to_extractor: Filter | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    features_only: bool = True


TARGET = NamedProtocol("target", "full unbiased KID against the target's test images", features_only=False)
TRAIN_REFERENCE = NamedProtocol(
    "train-reference", "as target, against the target's training images", reference="train", features_only=False
)
PROTOCOLS: Mapping[str, NamedProtocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            TARGET,
            TRAIN_REFERENCE,
            NamedProtocol(
                "authors2019",
                "the U-GAT-IT authors' script: files to 299 px as they are, KID over blocks of at most 10, plain and "
                "mixed with the source domain",
                squashed=False,
                to_extractor="bilinear",
                settings=MappingProxyType({"kid": MappingProxyType({"estimator": "blocks"})}),
                metrics=("kid", "kid_mixed"),
            ),
            NamedProtocol(
                "torch-fidelity",
                "that package's own KID (its subsets and seed) and FID, of files as they are",
                squashed=False,
                settings=MappingProxyType({"kid": MappingProxyType({"estimator": "torch-fidelity"})}),
                metrics=("kid", "fid"),
            ),
            NamedProtocol(
                "clean",
                "as target, with an antialiased bicubic resize to the extractor's size (Parmar et al. 2022)",
                to_extractor="bicubic",
                metrics=("kid", "fid"),
            ),
        )
    }
)


def named(name: str) -> NamedProtocol:
    """The protocol called `name`.

    Raises:
        UnknownName: there is none.
    """
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
