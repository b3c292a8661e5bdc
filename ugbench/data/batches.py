"""The batch of each training step, which is a pure function of the run's seed and the number of the step.

There is no position to remember, so a resumed run sees the same batches as an uninterrupted one. Images are stored as
uint8 on the training device, in the machine's memory, or as files that are read at each step (`Place`). Batches are
cropped from them where they are stored, and become floats on the training device, so that the place changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from ugbench.data.image_files import ImageFiles
from ugbench.data.places import Place
from ugbench.data.seeding import generator_for
from ugbench.data.tensors import to_float
from ugbench.image_size import ZOOM, Size, width_and_height, zoomed
from ugbench.method import Batch, Draw, Method

StoredImages = Tensor | Sequence[Tensor] | ImageFiles
"""The images of a folder: one tensor, a list of images of many shapes (`fit=crop`), or files."""


class Batches:
    """The batches of a run.

    Each domain, and each further split, has its own epochs, because it may hold more images than another. In each epoch
    its images come in a new random order. Each image is cropped to the size at a random place, and mirrored with
    probability 1/2. For pairs, the order, the crops and the mirroring in all folders are those of `a`.
    """

    def __init__(
        self,
        a: StoredImages,
        b: StoredImages,
        *,
        size: Size,
        zoom: float = ZOOM,
        batch_size: int,
        seed: int,
        draws: Mapping[str, Draw],
        device: torch.device | str,
        dtype: torch.dtype = torch.float32,
        extra: Mapping[str, StoredImages] | None = None,
        paired: bool = False,
        place: Place = "device",
        part: slice = slice(None),
    ) -> None:
        """Store the images on `device`, or leave them where they are if `place` is another one.

        Args:
            a, b: images of the domains, uint8 (n, 3, h, w) of zoomed(size, zoom), or a list of (3, h, w) that cover
                that size and have its height or its width, or files of such images; n may differ between the two.
            draws: the random numbers that a step of the method needs, by name.
            dtype: type of the batch's images. Draws have this type too, but at least float32.
            extra: images of further splits by name, of the same type and size.
            paired: the images of one index are a pair of one shape; all splits have equally many.
            part: the images of each whole batch that these batches hold; for the others only random numbers are drawn.
        Raises:
            ValueError: the images have another type or shape, or pairs are incomplete or of two shapes.
        """
        width, height = width_and_height(zoomed(size, zoom))
        self.extra, self.paired = tuple(extra or ()), paired
        folders = {"a": a, "b": b, **(extra or {})}
        for name, images in folders.items():
            _check(name, images, height, width)
        counts = {name: len(images) for name, images in folders.items()}
        if paired and len(set(counts.values())) > 1:
            raise ValueError(f"{counts} images were given; expected equally many, in pairs.")
        in_memory = [images for images in folders.values() if not isinstance(images, ImageFiles)]
        if paired and any(len({image.shape for image in pair}) > 1 for pair in zip(*in_memory, strict=True)):
            raise ValueError("pairs of two shapes were given; expected images of one shape in each pair.")
        self.images = {
            name: _moved(images, device) if place == "device" else images for name, images in folders.items()
        }
        self.size, self.batch_size, self.seed, self.dtype = size, batch_size, seed, dtype
        self.draws, self.part = dict(draws), part
        self.device, self.place = torch.device(device), place
        # The cache saves time only: an order depends on its arguments alone. A batch may span two epochs.
        self._order = lru_cache(maxsize=2 * len(folders))(self._shuffled)

    def at(self, step: int) -> Batch:
        """The batch of a step. It does not depend on which batches were asked for before.

        Raises:
            DataError: an image of the batch is a file that cannot be read.
        """
        return self.batch(step, self.crops(step), self.drawn(step))

    @property
    def are_cut_on_host(self) -> bool:
        """Whether crops are cut in the memory of the machine, and not on a GPU."""
        return self.place != "device" or self.device.type == "cpu"

    def crops(self, step: int, part: slice | None = None) -> dict[str, Tensor]:
        """The images in the batch of a step by folder, uint8 (n, 3, height, width), where they are stored.

        Args:
            part: of the whole batch; None for that of these batches.
        Raises:
            DataError: an image is a file that cannot be read.
        """
        return {name: self._cut(name, step, part or self.part) for name in self.images}

    def drawn(self, step: int) -> dict[str, Tensor]:
        """The draws of a step by name, float32 in the memory of the machine; for a GPU that memory is pinned."""
        return {name: self._draw(step, name, draw) for name, draw in self.draws.items()}

    def batch(self, step: int, crops: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Batch:
        """The batch of a step on the training device, made of its `crops` and what is `drawn` for it.

        A GPU copies both while the processor goes on.
        """
        # In bfloat16 a uniform number could be rounded up to 1.
        wide = torch.promote_types(self.dtype, torch.float32)
        draws = {name: _on(self.device, values).to(wide) for name, values in drawn.items()}
        images = {name: to_float(_on(self.device, crop)).to(self.dtype) for name, crop in crops.items()}
        return Batch(images["a"], images["b"], draws, step, {name: images[name] for name in self.extra})

    def indices(self, name: str, step: int) -> list[int]:
        """Indices of the images in the batch of a step: of "a", of "b", or of a further split by its name."""
        count = len(self.images[name])
        stream = self._stream(name)
        first = step * self.batch_size
        return [
            self._order(stream, position // count)[position % count]
            for position in range(first, first + self.batch_size)
        ]

    def _stream(self, name: str) -> str:
        """The name in the keys of the random generators; pairs share one."""
        return "a" if self.paired else name

    def _shuffled(self, stream: str, epoch: int) -> list[int]:
        generator = generator_for(self.seed, "epoch", epoch, stream)
        return list(torch.randperm(len(self.images[stream]), generator=generator).tolist())

    def _cut(self, name: str, step: int, part: slice) -> Tensor:
        images, stream = self.images[name], self._stream(name)
        width, height = width_and_height(self.size)
        corners = generator_for(self.seed, step, f"crop_{stream}")
        flips = torch.rand(self.batch_size, generator=generator_for(self.seed, step, f"flip_{stream}")).tolist()
        crops = []
        wanted = range(self.batch_size)[part]
        for place, (index, flip) in enumerate(zip(self.indices(name, step), flips, strict=True)):
            if place not in wanted:
                # The corner is not needed; drawing any two numbers moves the generator to that of the next image.
                torch.randint(1, (2,), generator=corners)
                continue
            image = images[index]
            # One draw per image, because margins may differ; with equal margins the bits are those of a single draw.
            top, left = (
                int(torch.randint(side - cropped + 1, (), generator=corners))
                for side, cropped in ((image.shape[1], height), (image.shape[2], width))
            )
            crop = image[:, top : top + height, left : left + width]
            crops.append(crop.flip(-1) if flip < 0.5 else crop)
        return torch.stack(crops)

    def _draw(self, step: int, name: str, draw: Draw) -> Tensor:
        sample = torch.rand if draw.kind == "uniform" else torch.randn
        values = sample(
            draw.shape_for(self.batch_size),
            generator=generator_for(self.seed, step, f"draw_{name}"),
            pin_memory=self.device.type == "cuda",
        )
        return values[self.part] if draw.per == "sample" else values


def _check(name: str, images: StoredImages, height: int, width: int) -> None:
    """Raise ValueError if a folder has no images, or images of another type or size."""
    expected = f"expected uint8 (n, 3, {height}, {width})"
    if len(images) == 0:
        raise ValueError(f"{name}: no image was given; {expected}.")
    if isinstance(images, ImageFiles):
        return
    if isinstance(images, Tensor):
        if images.dtype != torch.uint8 or images.shape[1:] != (3, height, width):
            raise ValueError(f"{name}: {images.dtype} {tuple(images.shape)} was given; {expected}.")
        return
    for image in images:
        is_rgb = image.dtype == torch.uint8 and image.ndim == 3 and len(image) == 3
        if not is_rgb or min(image.shape[1] - height, image.shape[2] - width) != 0:
            given = f"{image.dtype} {tuple(image.shape)}"
            raise ValueError(
                f"{name}: {given} was given; {expected}, or (3, h, w) of that height or width and no less of the other."
            )


def _moved(images: StoredImages, device: torch.device | str) -> StoredImages:
    if isinstance(images, ImageFiles):
        raise ValueError("files were given for images on the device; expected the place `disk`.")
    return images.to(device) if isinstance(images, Tensor) else [image.to(device) for image in images]


def pinned_for(device: torch.device, tensor: Tensor) -> Tensor:
    """The tensor in pinned memory, if a GPU is to copy it from the memory of the machine; else the tensor itself.

    The processor need not wait for such a copy. When the tensor is freed, PyTorch gives its memory to another one only
    after the copies from it are done.
    """
    return tensor.pin_memory() if device.type == "cuda" and tensor.device.type == "cpu" else tensor


def _on(device: torch.device, tensor: Tensor) -> Tensor:
    return pinned_for(device, tensor).to(device, non_blocking=device.type == "cuda")


def method_batches(
    method: Method,
    a: StoredImages,
    b: StoredImages,
    seed: int,
    device: torch.device,
    extra: Mapping[str, StoredImages],
    place: Place = "device",
    part: slice = slice(None),
    dtype: torch.dtype = torch.float32,
) -> Batches:
    """The batches of a method's training: its size, batch size, draws and pairs, of these images (see `Batches`).

    Raises:
        ValueError: `extra` does not have exactly the method's further splits.
    """
    if set(extra) != set(method.splits):
        raise ValueError(f"extra has {sorted(extra)}; expected the images of {sorted(method.splits)}.")
    return Batches(
        a,
        b,
        size=method.config.size,
        zoom=method.config.zoom,
        batch_size=method.config.batch_size,
        seed=seed,
        draws=method.draws(),
        device=device,
        dtype=dtype,
        extra=extra,
        paired=method.paired,
        place=place,
        part=part,
    )
