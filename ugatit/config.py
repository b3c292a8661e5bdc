"""U-GAT-IT's config. The defaults are those of the paper; docs/fidelity.md gives the source of each."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationInfo, field_validator

from ugatit.cam import CAMWeight
from ugatit.discriminator import GLOBAL_DEPTH, LOCAL_DEPTH, largest_depth
from ugatit.normalization import SecondNorm, Variance
from ugbench.method import MethodConfig, Size, sides, size_text


class UGATITConfig(MethodConfig):
    """Fields of the generators, of the discriminators and of the training."""

    augments: ClassVar[bool] = True

    # The generators halve width and height twice.
    size: Annotated[Size, sides(least=8, multiple_of=4)] = Field(256, description="of the images, px")
    channels: PositiveInt = Field(64, description="channels of the generators' first layer")
    blocks: PositiveInt = Field(4, description="residual blocks in the encoder, and in the decoder")
    halvings: int = Field(2, ge=1, le=2, description="how often the generators halve the size before their blocks")
    light: bool = Field(False, description="compute gamma and beta from pooled features, with far fewer parameters")
    generator_cam: bool = Field(True, description="CAM attention in the generators")
    norm: SecondNorm = Field(
        "layer", description="the norm that is mixed with instance norm in the decoders; layer: AdaLIN and LIN"
    )
    style: bool = Field(True, description="compute gamma and beta of the decoder blocks from the features")
    rho: float | None = Field(None, ge=0, le=1, description="fixed share of instance norm; null: rho is learnt")
    rho_start: float = Field(1.0, ge=0, le=1, description="initial value of a learnt rho in the decoder blocks")
    rho_start_up: float = Field(0.0, ge=0, le=1, description="initial value of a learnt rho in the upsampling layers")
    variance: Variance = Field(
        "unbiased",
        description="variance in the decoders' norms; nested: variances of variances, as in the early public code",
    )
    encoder_affine: bool = Field(False, description="gamma and beta in the encoder's norms, as in the TensorFlow code")
    decoder_biases: bool = Field(False, description="biases in the decoder, as in the TensorFlow code")
    decoder_skip: bool = Field(True, description="decoder blocks add their input; the early public code did not")

    discriminator_channels: PositiveInt = Field(64, description="channels of the discriminators' first layers")
    discriminator_cam: bool = Field(True, description="CAM attention in the discriminators")
    discriminator_cam_weight: CAMWeight = Field(
        "unnormalised", description="weight that multiplies the features: from before or after its spectral norm"
    )
    global_discriminator: bool = Field(True, description="train discriminators with a large receptive field")
    local_discriminator: bool = Field(True, description="train discriminators with a small receptive field")
    global_depth: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="stride-2 layers of the global discriminators; null: 5, or the most that size allows",
    )
    local_depth: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="stride-2 layers of the local discriminators; null: 3, or the most that size allows",
    )
    spectral_iterations: Literal["phase", "forward"] = Field(
        "phase",
        description="one power iteration per phase, or one per forward pass (real and translated images separately)",
    )

    lr: PositiveFloat = Field(
        1e-4, description="Adam's learning rate; constant for half of the steps, then linear to 0"
    )
    weight_decay: NonNegativeFloat = Field(1e-4, description="L2 penalty, added to the gradient")
    decay_scope: Literal["all", "kernels"] = Field(
        "all", description="parameters that decay; kernels: convolution and linear weights only"
    )
    rho_lr_factor: PositiveFloat = Field(1.0, description="factor on lr for rho")
    rho_decay: bool = Field(True, description="apply weight decay to rho")
    adversarial_weight: NonNegativeFloat = Field(1.0, description="weight of the adversarial losses")
    cycle_weight: NonNegativeFloat = Field(10.0, description="weight of each cycle-consistency loss")
    identity_weight: NonNegativeFloat = Field(10.0, description="weight of each identity loss")
    cam_weight: NonNegativeFloat = Field(1000.0, description="weight of the generators' CAM losses")
    init: Literal["normal", "default"] = Field(
        "normal", description="initial weights: N(0, 0.02) with biases 0, or PyTorch's own"
    )

    @field_validator("norm")
    @classmethod
    def _batch_norm_has_a_batch(cls, norm: SecondNorm, info: ValidationInfo) -> SecondNorm:
        if norm == "batch" and info.data.get("batch_size") == 1:
            raise ValueError("batch norm of one image is instance norm; give a batch_size above 1")
        return norm

    @field_validator("variance")
    @classmethod
    def _nested_needs_layer_norm(cls, variance: Variance, info: ValidationInfo) -> Variance:
        if variance == "nested" and info.data.get("norm") != "layer":
            raise ValueError("nested variances are for norm=layer only")
        return variance

    @field_validator("local_discriminator")
    @classmethod
    def _some_discriminator_remains(cls, local: bool, info: ValidationInfo) -> bool:
        if not local and info.data.get("global_discriminator") is False:
            raise ValueError("nothing is learnt without any discriminator; keep the global or the local ones")
        return local

    @field_validator("global_depth", "local_depth")
    @classmethod
    def _depth_fits(cls, depth: int | None, info: ValidationInfo) -> int | None:
        kind, default = ("global", GLOBAL_DEPTH) if info.field_name == "global_depth" else ("local", LOCAL_DEPTH)
        size = info.data.get("size")
        if size is None or info.data.get(f"{kind}_discriminator") is False:
            return None
        largest = largest_depth(size)
        if depth is not None and depth > largest:
            raise ValueError(f"images of {size_text(size)} px allow at most {largest} stride-2 layers")
        return min(default, largest) if depth is None else depth
