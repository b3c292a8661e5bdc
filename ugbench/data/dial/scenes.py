"""The dial's scenes: one saturated object on grey ground. Its shape and its texture can each be turned up.

A scene has four attributes (x, y, radius, hue). Every pixel of the true translation is a function of what the
untranslated image shows. Three choices keep that true under the random crops and flips of training:

- Stripes and hatching are anchored to the object and scale with it. If they were anchored to the image, their phase
  and direction could not be seen in a cropped and flipped image of A. A small convolutional network that was trained
  with pairs (32 px, 600 steps, crops and flips) left 0.48 of the change undone with patterns anchored to the image,
  and 0.22 with patterns anchored to the object. Without crops and flips the two numbers were 0.15 and 0.20.
- Each scene is symmetric about the vertical axis of its object, so a flipped image is again the image of a scene.
- Hue and radius have skewed distributions. So no other mapping of them, for example turning all hues by the same
  angle, takes the scenes of A to those of B.

The colour of the object is a grey level plus CHROMA times a pure hue. Shading and stripes change the grey level alone.
So the largest minus the smallest channel is CHROMA all over the object, 0 on the ground, and CHROMA times the coverage
at the edge. The outline is where it is half of CHROMA, whatever the texture.

The unit of length is the side of the image; y points down; grey levels are from 0 to 1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHROMA = 0.5
SUPERSAMPLING = 4  # samples per pixel along each axis
RADII = (0.21, 0.29)  # the largest star (1.5 radii) still fits after the zoom of training, 286/256
LOBES = 0.5  # height of the lobes at shape 1, in radii
GROUND = 0.42
GROUND_TEXTURED = 0.58
HATCH = 0.1  # half of the difference between its dark and its light bands
STRIPES = 0.14  # the same for the stripes
HATCH_FREQUENCY = 1.75  # cycles per radius
STRIPE_FREQUENCY = 1.25

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What one image shows: centre (x, y) and radius of the disc, and hue in turns, [0, 1)."""

    x: float
    y: float
    radius: float
    hue: float


def draw_scene(seed: int, stream: str, index: int) -> Scene:
    """Scene number `index` of a stream ("trainA", "trainB" or "test"). It depends on the three arguments alone.

    The uniform numbers are the bits of a SHA-512, because a library's random generator may change between versions.
    """
    digest = hashlib.sha512(f"dial/{seed}/{stream}/{index}".encode()).digest()
    size, x, y, hue = (int.from_bytes(digest[8 * i : 8 * i + 8], "little") / 2**64 for i in range(4))
    small, large = RADII
    radius = large - (large - small) * size**2
    room = 0.49 - (1 + LOBES) * radius
    return Scene(0.5 + room * (2 * x - 1), 0.5 + room * (2 * y - 1), radius, 0.72 * hue**1.6)


def inside(scene: Scene, shape: float, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """True for points in the object: distance from the centre <= radius * (1 + LOBES * shape * cos(5 theta)).

    The angle theta is 0 at the top. x and y broadcast against each other.
    """
    dx, dy = x - scene.x, y - scene.y
    distance = np.sqrt(dx * dx + dy * dy)
    c = -dy / np.maximum(distance, 1e-12)  # cos(theta)
    cos5 = c * (5 + c * c * (16 * c * c - 20))  # cos(5 theta) by Chebyshev's fifth polynomial
    covered: NDArray[np.bool_] = distance <= scene.radius * (1 + LOBES * shape * cos5)
    return covered


def outline(scene: Scene, shape: float, size: int) -> NDArray[np.bool_]:
    """The true mask, (size, size): True for a pixel if its centre lies in the object."""
    centres = (np.arange(size) + 0.5) / size
    return inside(scene, shape, centres[None, :], centres[:, None])


def render(scene: Scene, shape: float, texture: float, size: int) -> NDArray[np.uint8]:
    """The scene as an RGB image, uint8 (size, size, 3), for shape and texture in [0, 1]; (0, 0) gives domain A.

    The outline is antialiased with SUPERSAMPLING^2 samples per pixel, the bands with SUPERSAMPLING samples along the
    axis on which they vary.
    """
    samples = (np.arange(size * SUPERSAMPLING) + 0.5) / (size * SUPERSAMPLING)
    across, down = samples[None, :], samples[:, None]
    coverage = inside(scene, shape, across, down).reshape(size, SUPERSAMPLING, size, SUPERSAMPLING).mean((1, 3))

    hatch = GROUND_TEXTURED + HATCH * _bands(HATCH_FREQUENCY * (samples - scene.x) / scene.radius)
    ground = (1 - texture) * GROUND + texture * hatch[None, :]
    centres = (np.arange(size) + 0.5) / size
    shading = _shading(scene, centres[None, :], centres[:, None])
    stripes = 0.25 + STRIPES * _bands(STRIPE_FREQUENCY * (samples - scene.y) / scene.radius)
    grey = (1 - texture) * shading + texture * stripes[:, None]

    colour = grey[..., None] + CHROMA * _pure_hue(scene.hue)
    image = coverage[..., None] * colour + (1 - coverage[..., None]) * ground[..., None]
    pixels: NDArray[np.uint8] = (255 * image + 0.5).astype(np.uint8)
    return pixels


def _bands(cycles: Floats) -> Floats:
    """Soft-edged bands in [-1, 1], lightest at whole numbers of cycles, averaged over the samples of each pixel."""
    bands: Floats = np.clip(3 * np.cos(2 * np.pi * cycles), -1, 1).reshape(-1, SUPERSAMPLING).mean(1)
    return bands


def _shading(scene: Scene, x: Floats, y: Floats) -> Floats:
    """Grey level of a ball that is lit from above, in [0.05, 0.45]."""
    dx, dy = (x - scene.x) / scene.radius, (y - scene.y) / scene.radius
    return 0.05 + 0.4 * np.clip(1 - (dx * dx + (dy + 0.45) ** 2) / 3.2, 0, 1)


def _pure_hue(hue: float) -> Floats:
    """RGB of a fully saturated hue: largest channel 1, smallest 0."""
    k = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    return 1 - np.clip(np.minimum(k, 4 - k), 0, 1)
