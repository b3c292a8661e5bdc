"""The fields that the config of each method has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, field_serializer, field_validator

from ugbench.errors import ConfigError
from ugbench.fit import SQUASH, Fit
from ugbench.image_size import ZOOM, Size, as_size, stored_size, width_and_height, zoomed
from ugbench.limits import MOST_STEPS

Augmentation = Literal["none", "shift", "cutout"]
"""Random changes of what discriminators see, see `ugbench.nn.augmentation`."""
SMALL: Mapping[str, Any] = MappingProxyType(
    {"size": 64, "batch_size": 4, "steps": 3_000, "ema": 0.999, "augmentation": "cutout"}
)
"""What the presets `small` have in common, so that methods are compared alike: `"small": {**SMALL, "channels": 16}`."""


def sides(*, least: int, multiple_of: int) -> AfterValidator:
    """What a method demands of its `size`, as in `size: Annotated[Size, sides(least=24, multiple_of=4)]`.

    Args:
        least: the smallest width and height, px.
        multiple_of: the number by which width and height must be divisible.
    """

    def check(size: Size) -> Size:
        if any(side < least or side % multiple_of for side in width_and_height(size)):
            what = "a size is a multiple" if isinstance(size, int) else "width and height are multiples"
            raise ValueError(f"{what} of {multiple_of} and at least {least} px")
        return size

    return AfterValidator(check)


class MethodConfig(BaseModel):
    """The fields that the config of each method has. A method adds fields of plain types; unknown fields are errors.

    `steps` is null in a preset that counts epochs instead. `resolved` computes it when the number of images is known,
    so that the config of a run always has its number of steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    augments: ClassVar[bool] = False
    """Whether the method follows `augmentation`: a method that does so sets it to True."""

    size: Size = Field(256, description="of the images, px: one number for squares, or width and height as in 128x256")
    batch_size: PositiveInt = Field(1, description="images of each domain per step")
    steps: PositiveInt | None = Field(None, le=MOST_STEPS, description="training steps; null: computed from `epochs`")
    epochs: PositiveInt | None = Field(None, description="passes over the larger domain; used if steps is null")
    ema: float = Field(0, ge=0, lt=1, description="decay per step of a moving average that translates; 0: no average")
    fit: Fit = Field(SQUASH, description="how images of other proportions get the size: squash, crop or pad")
    zoom: float = Field(
        ZOOM,
        ge=1,
        le=4,
        description="training images are resized to this many times `size` and cropped at random; 1: no crop",
    )
    augmentation: Augmentation = Field(
        "none",
        description="random changes of all images that discriminators see, for data sets of few images: none; shift "
        "moves an image by up to an eighth of its side; cutout also leaves out a square of half the side. Methods that "
        "cannot do so refuse it",
    )
    checkpoint_activations: bool = Field(
        False,
        description="compute the activations of blocks again in the backward pass: less memory, more time, equal bits",
    )

    @property
    def image_shape(self) -> tuple[int, int]:
        """(height, width) of the images, px: the last two dimensions of their tensors."""
        width, height = width_and_height(self.size)
        return height, width

    @property
    def training_size(self) -> Size:
        """Size in px to which training images are resized before they are cropped at random."""
        return zoomed(self.size, self.zoom)

    @field_validator("size", mode="before")
    @classmethod
    def _read_size(cls, size: object) -> Size:
        """The size; a method whose config declares `size: int` takes squares only."""
        read = as_size(size)
        if not isinstance(read, int) and cls.takes_squares_only():
            raise ValueError("the images of this method are squares; give one number, as in 256")
        return read

    @field_validator("augmentation")
    @classmethod
    def _check_augmentation(cls, augmentation: Augmentation) -> Augmentation:
        if augmentation != "none" and not cls.augments:
            raise ValueError("this method does not change what its discriminators see; leave it out")
        return augmentation

    @field_serializer("size")
    def _store_size(self, size: Size) -> int | list[int]:
        return stored_size(size)

    @classmethod
    def takes_squares_only(cls) -> bool:
        """Whether a config of a method refuses rectangles, because it declares its size as an `int`."""
        return cls.model_fields["size"].annotation is int

    @classmethod
    def may_be_null(cls, name: str) -> bool:
        """Whether a field of this name may be None."""
        return name in cls.model_fields and type(None) in get_args(cls.model_fields[name].annotation)

    @property
    def known_steps(self) -> int:
        """`steps`, for schedules. Raises ConfigError if it is null."""
        if self.steps is None:
            raise ConfigError("config: steps is not set; give --steps N.")
        return self.steps

    def resolved(self, images_a: int, images_b: int) -> Self:
        """This config with a number of steps. One epoch is as many images as the larger domain has.

        Args:
            images_a, images_b: number of training images of each domain.
        Raises:
            ConfigError: neither `steps` nor `epochs` is set, or so many epochs are too many steps.
        """
        steps = self.steps
        if steps is None:
            if self.epochs is None:
                raise ConfigError("config: neither steps nor epochs is set; give --steps N.")
            steps = max(1, self.epochs * max(images_a, images_b) // self.batch_size)
            if steps > MOST_STEPS:
                raise ConfigError(
                    f"epochs: {self.epochs} was given; that is more than {MOST_STEPS:,} steps; give fewer."
                )
        return self.model_copy(update={"steps": steps, "epochs": None})
