"""Images that are read one at a time, for metrics that need their pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ugbench.data.fitting import Transform, fitted
from ugbench.data.images import read_image
from ugbench.image_size import Size

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class ImageFiles:
    """Image files as a collection of uint8 tensors (3, h, w), in the order of `files`.

    Each image is read when the loop reaches it, so memory does not grow with their number. Iterating raises DataError
    for a file that cannot be read.

    Attributes:
        transform: the test transform; None leaves each image as it is.
    """

    files: Sequence[Path]
    transform: Size | Transform | None = None

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Tensor]:
        from ugbench.data.tensors import to_tensor

        for file in self.files:
            image = read_image(file)
            yield to_tensor(image if self.transform is None else fitted(image, self.transform))
