"""Training images that stay in their files: each is read and resized when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ugbench.data.fitting import covering_size, training_image
from ugbench.data.images import read_image, read_size, resize
from ugbench.data.tensors import to_tensor
from ugbench.fit import Fit
from ugbench.image_size import Size


class ImageFiles:
    """The images of a folder, by their place in it.

    The paths are one block of bytes. A process that is forked from this one shares such a block for ever; of a list of
    paths it would copy whatever it looks at, image by image.
    """

    def __init__(self, paths: Sequence[Path], size: Size, fit: Fit, partners: ImageFiles | None = None) -> None:
        """Only the paths are kept; no file is opened.

        Args:
            size: to which training images are resized, px, see `ugbench.method_config.MethodConfig.training_size`.
            partners: images whose shapes, after `fit=crop`, these images get: an image for each of `paths`.
        """
        self._paths = np.array([os.fsencode(path) for path in paths], dtype=bytes)
        self._size, self._fit = size, fit
        self._partners = partners

    def __len__(self) -> int:
        return len(self._paths)

    def path(self, place: int) -> Path:
        """The file of an image."""
        return Path(os.fsdecode(self._paths[place]))

    def __getitem__(self, place: int) -> Tensor:
        """An image as training stores it, uint8 (3, h, w), see `ugbench.data.fitting.training_image`.

        Raises:
            UnreadableImage: the file, or that of its partner, cannot be read.
        """
        image = read_image(self.path(place))
        if self._partners is not None:
            return to_tensor(resize(image, covering_size(read_size(self._partners.path(place)), self._size)))
        return to_tensor(training_image(image, self._size, self._fit))
