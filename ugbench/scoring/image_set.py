"""Image files as metrics on images see them: read one at a time, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ugbench.data.images import Size, read_image, resize
from ugbench.data.tensors import to_tensor


@dataclass(frozen=True)
class Pictures:
    """A collection of uint8 images (3, h, w) in the order of `files`; going over it raises DataError for a bad file.

    Attributes:
        size: that images are squashed to, px; None leaves each as it is.
    """

    files: Sequence[Path]
    size: Size | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Tensor]:
        for file in self.files:
            picture = read_image(file)
            yield to_tensor(picture if self.size is None else resize(picture, self.size))
