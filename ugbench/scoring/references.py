"""References of which a file holds only features or statistics, for `ugbench eval --real FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ugbench.errors import UsageError
from ugbench.scoring.cache import Space

if TYPE_CHECKING:
    from torch import Tensor

    from ugbench.metrics._moments import Moments
    from ugbench.scoring.features import FeatureReader

Stored = Literal["features", "statistics"]
"""What a file may hold instead of images: the features of each image, or the mean and covariance of the features."""


@dataclass(frozen=True)
class StoredReferences:
    """The features of references, or only their statistics.

    Attributes:
        file: which holds them.
        name: what tables call the data set, see `ugbench.scoring.set_names`.
        content: what score records state as `references`: the hash of the images, as
            `ugbench.data.known_files.images_hash` gives it, or the SHA-256 of a file of statistics.
        space: how the features were made; None where the file does not say it.
        features: float32 (n, d), in the order of the files' names; None where there are only statistics.
        statistics: of features of an unknown number of images; None where there are features.
        clusters: the number of each image's cluster of near-duplicates, see `ugbench.data.clusters`; None if each image
            is a cluster of its own, and where there are only statistics.
        left_out: the number of images whose features were left out by `one_per_cluster`.
    """

    file: Path
    name: str
    content: str
    space: Space | None = None
    features: Tensor | None = field(default=None, repr=False)
    statistics: Moments | None = field(default=None, repr=False)
    clusters: Sequence[int] | None = field(default=None, repr=False)
    left_out: int = 0

    @property
    def one_per_cluster(self) -> StoredReferences:
        """The same references with the features of the first image of each cluster alone."""
        if self.features is None or self.clusters is None:
            return self
        rows: dict[int, int] = {}
        for row, number in enumerate(self.clusters):
            rows.setdefault(number, row)
        firsts = list(rows.values())
        return replace(self, features=self.features[firsts], clusters=None, left_out=len(self.clusters) - len(firsts))

    @property
    def count(self) -> int | None:
        """The number of images; None if it is not known."""
        return None if self.features is None else len(self.features)

    @property
    def statistics_hash(self) -> str | None:
        """The SHA-256 of a file of statistics, which is part of a score's protocol; None where there are features."""
        return self.content if self.features is None else None

    def holds(self, stored: Stored | None) -> bool:
        """True if the file serves an input whose `stored` is this; None is an input that needs the images."""
        return stored == "statistics" or (stored == "features" and self.features is not None)

    @property
    def description(self) -> str:
        """A sentence about the file, with what a reader of scores must know."""
        if self.features is not None and self.space is not None:
            return f"{self.file}: features of {len(self.features)} images ({self.space.extractor})."
        return (
            f"{self.file}: mean and covariance of features. The file does not say of how many images, nor with which "
            "extractor, weights and resize they were made; fid is right only if these are those of this call."
        )

    @property
    def missing(self) -> str:
        """A clause that says what a file lacks."""
        return (
            "it holds the mean and covariance of features alone, which serve no metric but fid"
            if self.features is None
            else "it holds the features of images and not the images"
        )

    def check_made_like(self, reader: FeatureReader) -> None:
        """Check that the outputs' features will be like those in the file.

        Raises:
            UsageError: they are of another extractor, other weights, or other resizes.
            WeightsError: there is no file of the extractor's weights.
        """
        extractor = reader.extractor
        if self.statistics is not None and len(self.statistics.mu) != extractor.dim:
            raise UsageError(
                f"{self.file}: its statistics are of {len(self.statistics.mu)} features, and {extractor.name} has "
                f"{extractor.dim}; name the --extractor that they were made with."
            )
        if self.space is None:
            return
        if self.space.extractor != extractor.name:
            raise UsageError(
                f"{self.file}: its features are of {self.space.extractor}, and those of the outputs would be of "
                f"{extractor.name}; add --extractor {self.space.extractor}, or make the file again."
            )
        if (self.space.sha256, self.space.transform) != (extractor.sha256, extractor.transform):
            raise UsageError(
                f"{self.file}: its features are of {extractor.name} with other weights (sha256 {self.space.sha256[:8]} "
                f"and not {extractor.sha256[:8]}, {self.space.transform}); give the same file by --weights, or make "
                "the features again."
            )
        before = reader.space(None).before
        if self.space.before != before:
            raise UsageError(
                f"{self.file}: its images were {_resized(self.space.before)} before the extractor, and by protocol "
                f"{reader.protocol.name} they are {_resized(before)}; give both commands the same --protocol."
            )


def _resized(before: str) -> str:
    return f"resized to {before}" if before else "not resized"
