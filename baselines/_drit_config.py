"""The config of DRIT."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from baselines._drit_networks import largest_content_depth
from ugbench.method import MethodConfig, Size, sides, size_text
from ugbench.nn.multiscale import largest_scale_count


class DRITConfig(MethodConfig):
    """DRIT's config. The defaults are those of the authors' code, except for mode seeking, which the paper lacks."""

    size: Annotated[Size, sides(least=16, multiple_of=4)] = Field(256, description="of the images, px")
    form: Literal["concat", "transform"] = Field(
        "concat", description="how attributes enter the generators: as further channels, or by 1x1 convolutions"
    )
    channels: PositiveInt = Field(64, description="channels of the encoders' first convolutions")
    blocks: PositiveInt = Field(
        3,
        description="residual blocks of each domain in the content encoder and in the generator; one more is shared, "
        "or, in the generator of the form transform, belongs to each domain",
    )
    discriminator_channels: PositiveInt = Field(
        64, description="channels of the image discriminators' first convolutions"
    )
    scales: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="image sizes that each image discriminator sees; null: 3, or fewer if a side is below 61 px",
    )
    content_depth: NonNegativeInt | None = Field(
        None,
        validate_default=True,
        description="stride-2 layers of the content discriminator; null: 3, or fewer if a side is below 212 px",
    )
    adversarial_weight: NonNegativeFloat = Field(1.0, description="weight of each adversarial loss of images")
    content_adversarial_weight: NonNegativeFloat = Field(
        1.0, description="weight of the losses that make contents of both domains alike"
    )
    cross_cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cross-cycle loss")
    reconstruction_weight: NonNegativeFloat = Field(10.0, description="weight of each reconstruction loss")
    latent_weight: NonNegativeFloat = Field(
        10.0, description="weight of the losses that recover random attributes from images"
    )
    attribute_prior_weight: NonNegativeFloat = Field(
        0.01, description="weight of the losses that keep attributes near N(0, 1)"
    )
    content_prior_weight: NonNegativeFloat = Field(0.01, description="weight of the mean squares of content codes")
    mode_seeking_weight: NonNegativeFloat = Field(
        0.0,
        description="weight of the mode-seeking losses (Mao et al. 2019), for which each image gets two random styles; "
        "0: no such losses, and one style",
    )
    init: Literal["normal", "default"] = Field(
        "normal", description="initial weights of convolutions: N(0, 0.02), or PyTorch's own"
    )
    lr: PositiveFloat = Field(1e-4, description="Adam's learning rate before it decays")
    content_lr_factor: PositiveFloat = Field(0.4, description="factor on lr for the content discriminator")
    content_clip_norm: PositiveFloat = Field(5.0, description="largest norm of the content discriminator's gradient")
    constant_share: float = Field(
        0.5, ge=0, lt=1, description="share of the steps before the learning rate decays to 0"
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first beta")
    beta2: float = Field(0.999, ge=0, lt=1, description="Adam's second beta")
    weight_decay: NonNegativeFloat = Field(1e-4, description="Adam's weight decay, for all parameters")

    @field_validator("scales", "content_depth")
    @classmethod
    def _fits_the_size(cls, count: int | None, info: ValidationInfo) -> int | None:
        if "size" not in info.data:  # the field `size` reports the error
            return count
        size = info.data["size"]
        limit = 3 if count is None else count
        largest = (largest_scale_count if info.field_name == "scales" else largest_content_depth)(size, limit)
        if count is not None and count > largest:
            raise ValueError(f"at size={size_text(size)} it is at most {largest}")
        return largest
