"""Default settings that several metrics share. This module imports nothing heavy, so that every metric may use it."""

from __future__ import annotations

CHANGE_THRESHOLD = 2
"""Levels of 255: a pixel should change where source and truth differ by more in any channel.

Rounding errors are not larger, and a dial draws both images of a pair equally except for what should change.
"""

BLOCK_SIZE = 10
"""Images per block at most, in KID as the authors of U-GAT-IT compute it."""

SOURCE_WEIGHT = 0.98
"""Weight of the source domain in `kid_mixed`."""

FEW_IMAGES = 2048
"""With fewer images per set, FID, precision, recall, density and coverage are mostly bias, which falls as n grows.

The bias is not the same for two methods, so even which of them has the lower FID can depend on the number of images.
"""
MIN_FOR_INTERVAL = 50
"""Images per set. With fewer, intervals of KID and of means of skewed values can cover less than 93 %, so none is given
(docs/statistics.md)."""

DATA_RANGE = 255
"""Levels: the largest possible difference of two 8-bit images, in `psnr` and `ssim`."""

COLOUR = "rgb"
"""The channels that `psnr` and `ssim` compare, each with the same weight."""
