"""The fields that the config of each method has."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from ugbench.errors import ConfigError
from ugbench.fit import SQUASH, Fit


class MethodConfig(BaseModel):
    """The fields that the config of each method has. A method adds fields of plain types; unknown fields are errors.

    `steps` is null in a preset that counts epochs instead. `resolved` computes it when the number of images is known,
    so that the config of a run always has its number of steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: PositiveInt = Field(256, description="height and width of the images, px")
    batch_size: PositiveInt = Field(1, description="images of each domain per step")
    steps: PositiveInt | None = Field(None, description="training steps; null: computed from `epochs`")
    epochs: PositiveInt | None = Field(None, description="passes over the larger domain; used if steps is null")
    fit: Fit = Field(SQUASH, description="how images that are no squares become squares: squash, crop or pad")
    checkpoint_activations: bool = Field(
        False,
        description="compute the activations of blocks again in the backward pass: less memory, more time, equal bits",
    )

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
            ConfigError: neither `steps` nor `epochs` is set.
        """
        steps = self.steps
        if steps is None:
            if self.epochs is None:
                raise ConfigError("config: neither steps nor epochs is set; give --steps N.")
            steps = max(1, self.epochs * max(images_a, images_b) // self.batch_size)
        return self.model_copy(update={"steps": steps, "epochs": None})
