"""MUNIT's domain-invariant perceptual loss (Huang et al. 2018, section 5.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines._vgg import vgg_input
from ugbench.nn.instance_norm import instance_norm


def perceptual_loss(vgg: nn.Module, images: Tensor, sources: Tensor) -> Tensor:
    """Mean squared difference of the features of images and of the images that they were made from, a scalar.

    Instance norm of the features, without parameters, removes what depends on the domain, so that the loss compares
    only the content.

    Args:
        vgg: VGG16 up to relu5_3, see `baselines._vgg`.
        images, sources: (n, 3, h, w) in [-1, 1], with sides of at least 16 px.
    """
    with torch.no_grad():
        target = instance_norm(vgg(vgg_input(sources, "torchvision")))
    return (instance_norm(vgg(vgg_input(images, "torchvision"))) - target).square().mean()
