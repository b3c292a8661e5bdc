"""A pool of earlier fakes for a discriminator to see again (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Keeps up to `capacity` images, and often shows an earlier one in place of a new one.

    The pool is buffers, so it is part of a method's state, and its randomness is an input. No branch depends
    on a tensor's value, so it costs no host sync.

    Args:
        capacity: images kept; 0 shows every image as it came.
        size: height and width of the images, px.
        channels: of the images.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, capacity: int, size: int, channels: int = 3) -> None:
        super().__init__()
        self.capacity = capacity
        self.register_buffer("images", torch.zeros(capacity, channels, size, size))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """What the discriminator sees in place of `images`; the pool takes the images in.

        One image at a time, in batch order. While the pool is not full the image is kept and shown. Then,
        where the coin is above 0.5, the image in the drawn slot is shown and the new one kept in its place;
        elsewhere the new one is shown and not kept.

        Args:
            images: (n, channels, size, size), of any float type.
            draws: (n, 2), uniform on [0, 1): the coin u, and v for slot floor(capacity * v).
        Returns:
            Images of the same shape in the pool's float type, without gradient.
        """
        images = images.detach().to(self.images.dtype)
        if self.capacity == 0:
            return images
        shown = []
        for new, (coin, place) in zip(images.chunk(len(images)), map(torch.unbind, draws.unbind()), strict=True):
            filling = self.filled < self.capacity
            swap = ~filling & (coin > 0.5)
            # The clamp guards against rounding: capacity * u can come out as capacity in float32.
            drawn = (place * self.capacity).long().clamp(max=self.capacity - 1)
            slot = torch.where(filling, self.filled, drawn).reshape(1)
            old = self.images.index_select(0, slot)
            shown.append(torch.where(swap, old, new))
            self.images.index_copy_(0, slot, torch.where(swap | filling, new, old))
            self.filled.add_(filling)
        return torch.cat(shown)
