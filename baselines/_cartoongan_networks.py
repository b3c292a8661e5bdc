"""The networks of CartoonGAN (Chen et al. 2018) as its authors' code builds them, and the pool of its fakes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from ugbench.method import Size
from ugbench.nn.block import Block
from ugbench.nn.image_pool import ImagePool
from ugbench.nn.init import normal_
from ugbench.nn.instance_norm import InstanceNorm2d
from ugbench.nn.padding import ReflectionPad


class AffineResidualBlock(Block):
    """Two 3x3 convolutions with instance norm that has a scale and a shift, and a skip connection.

    There is no activation after the sum.
    """

    def __init__(self, channels: int, bias: bool, norm_eps: float) -> None:
        super().__init__()
        conv, norm = partial(nn.Conv2d, bias=bias), partial(InstanceNorm2d, eps=norm_eps, affine=True)
        self.layers = nn.Sequential(
            *(ReflectionPad(1), conv(channels, channels, 3), norm(channels), nn.ReLU(True)),
            *(ReflectionPad(1), conv(channels, channels, 3), norm(channels)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape."""
        residual: Tensor = self.layers(x)
        return x + residual


def generator(channels: int, blocks: int, bias: bool, norm_eps: float) -> nn.Sequential:
    """Translates images (n, 3, h, w) in [-1, 1]; h and w are multiples of 4.

    Where the size changes, two convolutions follow each other with nothing between them.

    Args:
        bias: whether the convolutions have a bias.
        norm_eps: what instance norm adds to the variance.
    """
    half, quarter = 2 * channels, 4 * channels
    conv, norm = partial(nn.Conv2d, bias=bias), partial(InstanceNorm2d, eps=norm_eps, affine=True)
    up = partial(nn.ConvTranspose2d, kernel_size=3, stride=2, padding=1, output_padding=1, bias=bias)
    return nn.Sequential(
        *(ReflectionPad(3), conv(3, channels, 7), norm(channels), nn.ReLU(True)),
        *(conv(channels, half, 3, stride=2, padding=1), conv(half, half, 3, padding=1), norm(half), nn.ReLU(True)),
        *(conv(half, quarter, 3, stride=2, padding=1), conv(quarter, quarter, 3, padding=1)),
        *(norm(quarter), nn.ReLU(True)),
        *(AffineResidualBlock(quarter, bias, norm_eps) for _ in range(blocks)),
        *(up(quarter, half), conv(half, half, 3, padding=1), norm(half), nn.ReLU(True)),
        *(up(half, channels), conv(channels, channels, 3, padding=1), norm(channels), nn.ReLU(True)),
        *(ReflectionPad(3), conv(channels, 3, 7), nn.Tanh()),
    )


def discriminator(channels: int, bias: bool, norm_eps: float) -> nn.Sequential:
    """PatchGAN with a receptive field of 37x37 px: images (n, 3, h, w) to logits (n, 1, h / 4, w / 4)."""
    c2, c4, c8 = 2 * channels, 4 * channels, 8 * channels
    conv = partial(nn.Conv2d, kernel_size=3, padding=1, bias=bias)
    norm = partial(InstanceNorm2d, eps=norm_eps, affine=True)
    return nn.Sequential(
        *(conv(3, channels), nn.LeakyReLU(0.2, True)),
        *(conv(channels, c2, stride=2), nn.LeakyReLU(0.2, True)),
        *(conv(c2, c4), norm(c4), nn.LeakyReLU(0.2, True)),
        *(conv(c4, c4, stride=2), nn.LeakyReLU(0.2, True)),
        *(conv(c4, c8), norm(c8), nn.LeakyReLU(0.2, True)),
        *(conv(c8, c8), norm(c8), nn.LeakyReLU(0.2, True)),
        conv(c8, 1),
    )


def initialize_as_the_authors_(network: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02^2), scales of instance norm from U(0, 1); biases and shifts 0."""
    normal_(network)
    for layer in network.modules():
        if isinstance(layer, InstanceNorm2d):
            nn.init.uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


class BatchPool(ImagePool):
    """Stores earlier batches of fakes, and returns one of them in place of the new batch half of the time.

    One coin decides for all images of a batch. All else is as in `ImagePool`.

    Args:
        batches: number of batches that are stored; with 0 the new batch is returned.
        batch_size: images in a batch.
        size: of the images, px.
    """

    def __init__(self, batches: int, batch_size: int, size: Size) -> None:
        super().__init__(batches * batch_size, size)

    @torch.no_grad()
    def forward(self, images: Tensor, draws: Tensor) -> Tensor:
        """The images that the discriminator is trained on; the pool is updated.

        While the pool is not full, the new batch is stored and returned. When it is full and the coin is above 0.5,
        the batch in the drawn slot is returned and the new one takes its slot. Otherwise the new batch is returned and
        not stored.

        Args:
            images: (n, 3, height, width), of any float type. If n is not the batch size, as many batches of n are
                stored as there is room for.
            draws: (2,), uniform on [0, 1): the coin, and v for the slot floor(batches * v).
        Returns:
            Images of the same shape in the float type of the pool, without gradient.
        """
        images = images.detach().to(self.images.dtype)
        new = self.ranks.gathered(images)
        batches = self.capacity // len(new)
        if batches == 0:
            return images
        coin, slot_draw = draws.unbind()
        has_room = self.filled < batches
        swap = ~has_room & (coin > 0.5)
        # The clamp is for rounding: batches * v can be equal to batches in float32.
        drawn = (slot_draw * batches).long().clamp(max=batches - 1)
        slot = torch.where(has_room, self.filled, drawn)
        places = slot * len(new) + torch.arange(len(new), device=new.device)
        old = self.images.index_select(0, places)
        self.images.index_copy_(0, places, torch.where(swap | has_room, new, old))
        self.filled.add_(has_room)
        return torch.where(swap, old, new)[self.ranks.part(len(new))]
