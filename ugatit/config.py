"""U-GAT-IT's options; the defaults are the paper's, and docs/fidelity.md gives their sources."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationInfo, field_validator

from ugatit.cam import Weighting
from ugatit.discriminator import GLOBAL_DEPTH, LOCAL_DEPTH, largest_depth
from ugatit.normalization import Mixed, Variance
from ugbench.method import MethodConfig


class UGATITConfig(MethodConfig):
    """Options of the networks, then of the training."""

    channels: PositiveInt = Field(64, description="of the generators' first layer")
    blocks: PositiveInt = Field(4, description="residual blocks in the encoder, and in the decoder")
    light: bool = Field(False, description="gamma and beta from pooled features, with far fewer parameters")
    generator_cam: bool = Field(True, description="an auxiliary classifier's attention in the generators")
    norm: Mixed = Field("layer", description="what decoders mix with instance norm; layer gives AdaLIN and LIN")
    style: bool = Field(True, description="gamma and beta of the decoder blocks come from the features")
    rho: float | None = Field(None, ge=0, le=1, description="share of instance norm where fixed; null: learnt")
    rho_start: float = Field(1.0, ge=0, le=1, description="where a learnt rho starts in decoder blocks")
    rho_start_up: float = Field(0.0, ge=0, le=1, description="where a learnt rho starts in upsampling layers")
    variance: Variance = Field(
        "unbiased", description="of the decoders' norms; nested: variances of variances, as the public code had once"
    )
    encoder_affine: bool = Field(
        False, description="a scale and a shift in the encoder's norms, as in TensorFlow's code"
    )
    decoder_biases: bool = Field(False, description="biases from the gamma/beta layers on, as in TensorFlow's code")
    decoder_skip: bool = Field(True, description="decoder blocks add their input; the public code once did not")

    discriminator_channels: PositiveInt = Field(64, description="of the discriminators' first layers")
    discriminator_cam: bool = Field(True, description="an auxiliary classifier's attention in the discriminators")
    discriminator_cam_weight: Weighting = Field(
        "unnormalised", description="the classifier's weight on the map: as before or after spectral norm"
    )
    global_discriminator: bool = Field(True, description="judges with a large receptive field")
    local_discriminator: bool = Field(True, description="judges with a small receptive field")
    global_depth: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="stride-2 layers of the global one; null: 5 or what size allows",
    )
    local_depth: PositiveInt | None = Field(
        None,
        validate_default=True,
        description="stride-2 layers of the local one; null: 3 or what size allows",
    )
    spectral_iterations: Literal["phase", "forward"] = Field(
        "phase", description="a power iteration a phase, or one each for real and translated images"
    )

    lr: PositiveFloat = Field(1e-4, description="Adam's; constant for half of the steps, then linear to 0")
    weight_decay: NonNegativeFloat = Field(1e-4, description="L2, added to the gradient")
    decay_scope: Literal["all", "kernels"] = Field("all", description="kernels: convolution and linear weights")
    rho_lr_factor: PositiveFloat = Field(1.0, description="times lr, for rho")
    rho_decay: bool = Field(True, description="whether weight decay reaches rho")
    adversarial_weight: NonNegativeFloat = 1.0
    cycle_weight: NonNegativeFloat = 10.0
    identity_weight: NonNegativeFloat = 10.0
    cam_weight: NonNegativeFloat = 1000.0
    init: Literal["normal", "default"] = Field("normal", description="N(0, 0.02) and biases 0, or PyTorch's own")

    @field_validator("size")
    @classmethod
    def _size_fits(cls, size: int) -> int:
        if size % 4 or size < 8:
            raise ValueError("a size is a multiple of 4 and at least 8, since the generators halve it twice")
        return size

    @field_validator("norm")
    @classmethod
    def _batch_norm_has_a_batch(cls, norm: Mixed, info: ValidationInfo) -> Mixed:
        if norm == "batch" and info.data.get("batch_size") == 1:
            raise ValueError("batch norm of one image is instance norm; give a batch_size above 1")
        return norm

    @field_validator("variance")
    @classmethod
    def _nested_is_of_layers(cls, variance: Variance, info: ValidationInfo) -> Variance:
        if variance == "nested" and info.data.get("norm") != "layer":
            raise ValueError("nested variances go with norm=layer alone")
        return variance

    @field_validator("local_discriminator")
    @classmethod
    def _something_judges(cls, local: bool, info: ValidationInfo) -> bool:
        if not local and info.data.get("global_discriminator") is False:
            raise ValueError("nothing is learnt without any discriminator; keep the global or the local ones")
        return local

    @field_validator("global_depth", "local_depth")
    @classmethod
    def _depth_fits(cls, depth: int | None, info: ValidationInfo) -> int | None:
        kind, usual = ("global", GLOBAL_DEPTH) if info.field_name == "global_depth" else ("local", LOCAL_DEPTH)
        size = info.data.get("size")
        if size is None or info.data.get(f"{kind}_discriminator") is False:
            return None
        largest = largest_depth(size)
        if depth is not None and depth > largest:
            raise ValueError(f"images of {size} px allow at most {largest} stride-2 layers")
        return min(usual, largest) if depth is None else depth
