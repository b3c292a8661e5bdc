"""Images as arguments: files, Pillow images, arrays and tensors, read as RGB images or laid out as a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from ugbench.data.images import KINDS, has_image_suffix, list_images, read_image, rgb_of
from ugbench.data.known_files import forget_folder, images_hash
from ugbench.errors import DataError, UgbenchError, UsageError

if TYPE_CHECKING:
    import numpy
    import torch

ImageLike: TypeAlias = "str | os.PathLike[str] | Image.Image | numpy.ndarray[Any, Any] | torch.Tensor"
"""A file, a Pillow image, a uint8 array (h, w, 3), or a uint8 tensor (3, h, w)."""
Images: TypeAlias = "ImageLike | Sequence[ImageLike]"
"""One or several of these; the path of a folder stands for its images, an array (n, h, w, 3) or a tensor (n, 3, h, w)
for n images."""

DIGITS = 6  # hex digits of the images' hash in a name
FORMS = "give files, Pillow images, uint8 arrays (h, w, 3) or uint8 tensors (3, h, w)"


def list_inputs(images: Images, argument: str) -> list[Any]:
    """The single images of an argument, in order; those of a folder by name. Files are not read.

    Args:
        argument: its name, for errors.
    Raises:
        UsageError: the argument holds no image, or is of another type.
        DataError: a folder holds no image.
    """
    if isinstance(images, str | os.PathLike):
        path = Path(images).expanduser()
        return list(list_images(path)) if path.is_dir() else [path]
    if isinstance(images, Image.Image) or _dimensions(images) == 3:
        return [images]
    if _dimensions(images) not in (None, 4):
        raise UsageError(f"{argument}: {describe(images)} was given; {FORMS}.")
    try:
        inputs = list(images)
    except TypeError:
        raise UsageError(f"{argument}: {describe(images)} was given; {FORMS}.") from None
    if not inputs:
        raise UsageError(f"{argument}: there is no image in it; {FORMS}.")
    return inputs


def read_input(image: Any, name: str) -> Image.Image:
    """An image as RGB: turned as EXIF says, transparency laid over white, see `ugbench.data.images`.

    Args:
        image: one of the forms of `ImageLike`.
        name: what an error calls it.
    Raises:
        DataError: a file cannot be read.
        UsageError: it has none of these forms.
    """
    if isinstance(image, str | os.PathLike):
        return read_image(Path(image).expanduser())
    if isinstance(image, Image.Image):
        return rgb_of(image, name)
    if _is_tensor(image) and image.ndim == 3 and image.shape[0] == 3:
        array = image.detach().cpu().permute(1, 2, 0).numpy()
    else:
        array = image
    if _is_tensor(array) or _dimensions(array) != 3 or array.shape[2] != 3 or str(array.dtype) != "uint8":
        raise UsageError(f"{name}: {describe(image)} was given; {FORMS}.")
    return Image.fromarray(array)


def name_of(image: Any, argument: str, place: int) -> str:
    """What errors call an input: its path, or its place in the argument."""
    return str(image) if isinstance(image, str | os.PathLike) else f"{argument}[{place}]"


def describe(value: Any) -> str:
    """What was given, for errors: "an array of shape (8, 8) and type float32", or the name of its type."""
    if _dimensions(value) is None:
        return f"{type(value).__name__}"
    kind = "a tensor" if _is_tensor(value) else "an array"
    return f"{kind} of shape {tuple(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"


@dataclass
class Folders:
    """Arguments laid out as folders, for code that reads folders.

    Attributes:
        home: the temporary folder that holds these folders.
        originals: what the user calls each path in it: an argument, or the file behind a link.
    """

    home: Path
    originals: dict[str, str] = field(default_factory=dict)

    def of(self, images: Images, argument: str) -> Path:
        """The folder of an argument's images: the folder that it names, or a new one in which the images are numbered.

        So the images of two lists belong together by their places.
        """
        if isinstance(images, str | os.PathLike):
            return Path(images).expanduser()
        folder = self.home / argument
        folder.mkdir()
        self.originals[str(folder)] = argument
        for place, image in enumerate(list_inputs(images, argument)):
            file = folder / f"{place:06d}.png"
            name = name_of(image, argument, place)
            if isinstance(image, str | os.PathLike):
                path = Path(image).expanduser().absolute()
                file = file.with_suffix(path.suffix)
                _check_is_image(path)
                self.originals[str(file)] = name
                file.symlink_to(path)
            else:
                read_input(image, name).save(file)
        return folder

    @contextmanager
    def named(self) -> Iterator[None]:
        """A block whose errors name the files that were given, and not the links to them."""
        try:
            yield
        except UgbenchError as error:
            error.args = tuple(self.worded(part) if isinstance(part, str) else part for part in error.args)
            raise

    def worded(self, text: str) -> str:
        """A message with the user's own names in place of the paths in these folders."""
        if str(self.home) in text:
            for path in sorted(self.originals, key=len, reverse=True):
                text = text.replace(path, self.originals[path])
        return text

    def set_name(self, folder: Path) -> str | None:
        """The name of the images of an argument that was laid out here; None for a folder that the user named."""
        if str(folder) not in self.originals:
            return None
        return f"{folder.name}-{images_hash(list_images(folder))[:DIGITS]}"


@contextmanager
def laid_out() -> Iterator[Folders]:
    """A place for arguments to be laid out as folders. It is removed afterwards, and what is known of its files too."""
    with tempfile.TemporaryDirectory(prefix="ugbench-") as home:
        folders = Folders(Path(home))
        yield folders
        if folders.originals:
            forget_folder(folders.home)


def _check_is_image(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; name an image.")
    if not has_image_suffix(path):
        raise DataError(f"{path}: this is no image by its name; give files of these kinds: {KINDS}.")


def _dimensions(value: Any) -> int | None:
    """The number of dimensions of an array or a tensor; None for anything else."""
    dimensions = getattr(value, "ndim", None)
    return dimensions if isinstance(dimensions, int) and hasattr(value, "dtype") else None


def _is_tensor(value: Any) -> bool:
    return _dimensions(value) is not None and type(value).__module__.partition(".")[0] == "torch"
