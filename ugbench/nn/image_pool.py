"""A pool of earlier fakes that a discriminator is trained on again (Shrivastava et al. 2017, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ugbench.image_size import Size, width_and_height
from ugbench.nn.across_ranks import SpansBatch


class ImagePool(SpansBatch, nn.Module):
    """Stores up to `capacity` images, and returns an earlier image in place of a new one half of the time.

    The images are buffers, so they are part of a method's state. The random numbers are an input. No branch depends
    on the value of a tensor, so there is no host sync. Where several ranks train together, each rank's pool handles
    the images of the whole batch, so that all pools hold the same images, and returns those of the rank.

    Args:
        capacity: number of images that are stored; with 0 the new images are returned.
        size: of the images, px.
        channels: of the images; more than three where something is stored with each image, such as a mask.
    """

    images: Tensor
    filled: Tensor

    def __init__(self, capacity: int, size: Size, channels: int = 3) -> None:
        super().__init__()
        self.capacity = capacity
        width, height = width_and_height(size)
        self.register_buffer("images", torch.zeros(capacity, channels, height, width))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images that the discriminator is trained on; the pool is updated.

        The images of a batch are handled one after the other. While the pool is not full, the new image is stored
        and returned. When it is full and the coin is above 0.5, the image in the drawn slot is returned and the new
        one takes its slot. Otherwise the new image is returned and not stored.

        Args:
            images: (n, channels, height, width), of any float type.
            draws: (n, 2), uniform on [0, 1): the coin, and v for the slot floor(capacity * v).
        Returns:
            Images of the same shape in the float type of the pool, without gradient.
        """
        images = images.detach().to(self.images.dtype)
        if self.capacity == 0:
            return images
        images, draws = self.ranks.gathered(images), self.ranks.gathered(draws)
        returned = []
        for new, (coin, slot_draw) in zip(images.chunk(len(images)), map(torch.unbind, draws.unbind()), strict=True):
            has_room = self.filled < self.capacity
            swap = ~has_room & (coin > 0.5)
            # The clamp is for rounding: capacity * v can be equal to capacity in float32.
            drawn = (slot_draw * self.capacity).long().clamp(max=self.capacity - 1)
            slot = torch.where(has_room, self.filled, drawn).reshape(1)
            old = self.images.index_select(0, slot)
            returned.append(torch.where(swap, old, new))
            self.images.index_copy_(0, slot, torch.where(swap | has_room, new, old))
            self.filled.add_(has_room)
        return torch.cat(returned[self.ranks.part(len(returned))])
