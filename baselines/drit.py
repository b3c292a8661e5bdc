"""DRIT (Lee et al. 2018): content that both domains share, and attributes of one domain that can be exchanged.

An image is translated by its content code and an attribute vector, which is drawn at random or taken from an image of
the other domain. Networks, loss weights and the order of updates are those of the authors' code (HsinYingLee/DRIT, the
version for two domains): two steps train only the discriminator of contents, and each third step trains everything. In
such a step the discriminators come first; next all encoders and generators, on images with exchanged attributes;
finally the content encoder and the generators once more, on images with random attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from baselines._drit_checkpoints import convert_checkpoint
from baselines._drit_config import DRITConfig
from baselines._drit_generators import ConcatGenerator, TransformGenerator
from baselines._drit_losses import cross_entropy, gaussian_prior, mode_seeking, summed_cross_entropy
from baselines._drit_networks import (
    SLOPE,
    AttributeEncoder,
    ContentEncoder,
    VariationalAttributeEncoder,
    content_discriminator,
)
from ugbench.method import Batch, Direction, Draw, Group, Method, MethodConfig, Phase, parameters_of
from ugbench.nn.losses import l1
from ugbench.nn.multiscale import MultiScaleDiscriminator
from ugbench.nn.schedule import constant_then_linear
from ugbench.nn.state_dicts import check_shapes, refuse_revision


class DRIT(Method):
    """Encoders and generators of two domains, two discriminators of images per domain, and one of contents."""

    title: ClassVar[str] = "DRIT"
    variant_titles: ClassVar = {"transform": "DRIT w/ feature transform"}
    Config = DRITConfig
    PRESETS: ClassVar = {
        "paper": {"steps": 1_500_000},  # 500,000 updates of the generators, where the authors' code stops
        "smoke": {
            "size": 64,
            "batch_size": 4,
            "steps": 600,
            "channels": 16,
            "discriminator_channels": 16,
            "blocks": 1,
            "init": "default",
            "lr": 1e-3,
        },
    }
    VARIANTS: ClassVar = {"transform": {"form": "transform"}}
    style_dim = 8
    period: ClassVar[int] = 3
    config: DRITConfig

    def __init__(self, config: DRITConfig) -> None:
        super().__init__(config)
        assert config.scales is not None and config.content_depth is not None  # their validator sets them
        channels = config.channels
        self.content_encoder = ContentEncoder(channels, config.blocks)
        self.attribute_encoder: nn.Module
        self.generator: nn.Module
        if config.form == "concat":
            self.attribute_encoder = VariationalAttributeEncoder(channels)
            self.generator = ConcatGenerator(channels, config.blocks)
        else:
            self.attribute_encoder = AttributeEncoder(channels)
            self.generator = TransformGenerator(channels, config.blocks + 1)
        of_images = (config.discriminator_channels, config.scales, SLOPE)
        self.discriminator_a, self.discriminator_b = (MultiScaleDiscriminator(*of_images) for _ in "ab")
        self.random_discriminator_a, self.random_discriminator_b = (MultiScaleDiscriminator(*of_images) for _ in "ab")
        self.content_discriminator = content_discriminator(4 * channels, config.content_depth)
        if config.init == "normal":
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(layer.weight, std=0.02)  # biases and linear layers stay as PyTorch makes them

    def groups(self) -> dict[str, Group]:
        """One Adam each for image discriminators, content discriminator, generators with the content encoder, and the
        attribute encoder.

        Raises:
            ConfigError: the config has no number of steps.
        """
        config = self.config
        group = partial(
            Group,
            betas=(config.beta1, config.beta2),
            weight_decay=config.weight_decay,
            schedule=constant_then_linear(config.known_steps, config.constant_share),
        )
        of_images = (
            *(self.discriminator_a, self.random_discriminator_a),
            *(self.discriminator_b, self.random_discriminator_b),
        )
        return {
            "discriminators": group(parameters_of(*of_images), config.lr),
            "content_discriminator": group(
                parameters_of(self.content_discriminator),
                config.lr * config.content_lr_factor,
                clip_norm=config.content_clip_norm,
            ),
            "generators": group(parameters_of(self.content_encoder, self.generator), config.lr),
            "attribute_encoder": group(parameters_of(self.attribute_encoder), config.lr),
        }

    def draws(self) -> dict[str, Draw]:
        """Noise for the content codes of a, b and their fakes; attributes that both directions share; and, in the form
        `concat`, the deviations of encoded attributes from their means.
        """
        height, width = self.config.image_shape
        code = Draw("normal", (4 * self.config.channels, height // 4, width // 4))
        images = ("a", "b", "fake_a", "fake_b")
        draws = {f"noise_{image}": code for image in images}
        names = ["style", "style_2"] if self.config.mode_seeking_weight else ["style"]
        if self.config.form == "concat":
            names += [f"deviation_{image}" for image in images]
        return draws | {name: Draw("normal", (self.style_dim,)) for name in names}

    def step(self, batch: Batch, phase: Phase) -> None:
        """Update the content discriminator. Each third step updates the image discriminators before it, and after it
        the encoders and generators, twice.
        """
        if batch.step % self.period < self.period - 1:
            with torch.no_grad():
                contents = self._contents(batch)
            self._update_content_discriminator(*contents, phase)
            return
        a, b, config = batch.a, batch.b, self.config
        content_a, content_b = self._contents(batch)
        (style_a, prior_a), (style_b, prior_b) = self._style(a, "a", batch), self._style(b, "b", batch)
        # All layers treat each sample alone, so one forward pass makes images with the contents of both domains.
        fake_a, same_a = self.generator(torch.cat((content_b, content_a)), style_a.repeat(2, 1), "a").chunk(2)
        fake_b, same_b = self.generator(torch.cat((content_a, content_b)), style_b.repeat(2, 1), "b").chunk(2)
        with torch.no_grad():
            random_a, random_b = self._random_fakes(content_a, content_b, batch)

        with phase("discriminators") as loss:
            for name, discriminator, real, fake in (
                ("a", self.discriminator_a, a, fake_a.detach()),
                ("random_a", self.random_discriminator_a, a, random_a),
                ("b", self.discriminator_b, b, fake_b.detach()),
                ("random_b", self.random_discriminator_b, b, random_b),
            ):
                scales = discriminator(torch.cat((real, fake)))
                styles_per_image = len(fake) // len(real)  # the losses of each style are added, also those of `real`
                real_loss = summed_cross_entropy([logits[: len(real)] for logits in scales], 1.0)
                fake_loss = summed_cross_entropy([logits[len(real) :] for logits in scales], 0.0)
                loss[f"real_{name}"], loss[f"fake_{name}"] = styles_per_image * real_loss, styles_per_image * fake_loss
        self._update_content_discriminator(content_a.detach(), content_b.detach(), phase)

        with phase("generators", "attribute_encoder") as loss:
            # Contents and attributes are exchanged a second time, so that the images must become themselves again.
            code_a = self.content_encoder(fake_b, "b") + batch.draws["noise_fake_b"]
            code_b = self.content_encoder(fake_a, "a") + batch.draws["noise_fake_a"]
            cycle_a = self.generator(code_a, self._style(fake_a, "fake_a", batch)[0], "a")
            cycle_b = self.generator(code_b, self._style(fake_b, "fake_b", batch)[0], "b")
            content_logits = self.content_discriminator(torch.cat((content_a, content_b))).chunk(2)
            for name, real, same, cycle, prior in (
                ("a", a, same_a, cycle_a, prior_a),
                ("b", b, same_b, cycle_b, prior_b),
            ):
                loss[f"cross_cycle_{name}"] = config.cross_cycle_weight * l1(cycle, real)
                loss[f"reconstruction_{name}"] = config.reconstruction_weight * l1(same, real)
                loss[f"attribute_prior_{name}"] = config.attribute_prior_weight * prior
            for name, content, logits in zip("ab", (content_a, content_b), content_logits, strict=True):
                loss[f"content_{name}"] = config.content_adversarial_weight * cross_entropy(logits, 0.5)
                loss[f"content_prior_{name}"] = config.content_prior_weight * content.square().mean()
            for name, scales in (("a", self.discriminator_a(fake_a)), ("b", self.discriminator_b(fake_b))):
                loss[f"adversarial_{name}"] = config.adversarial_weight * summed_cross_entropy(scales, 1.0)
        self._update_generators_on_random_fakes(batch, phase)

    def _update_content_discriminator(self, content_a: Tensor, content_b: Tensor, phase: Phase) -> None:
        """Update the content discriminator on content codes that have no gradient: A is 0 and B is 1."""
        with phase("content_discriminator") as loss:
            logits_a, logits_b = self.content_discriminator(torch.cat((content_a, content_b))).chunk(2)
            loss["a"] = cross_entropy(logits_a, 0.0)
            loss["b"] = cross_entropy(logits_b, 1.0)

    def _update_generators_on_random_fakes(self, batch: Batch, phase: Phase) -> None:
        """Update content encoder and generators on images with random attributes.

        Everything is computed again, with the same noise, because the phase before has changed the weights.
        """
        config, style = self.config, batch.draws["style"]
        with phase("generators") as loss:
            fakes = self._random_fakes(*self._contents(batch), batch)
            discriminators = (self.random_discriminator_a, self.random_discriminator_b)
            for domain, fake, discriminator in zip("ab", fakes, discriminators, strict=True):
                styles_per_image = len(fake) // len(style)
                loss[f"adversarial_{domain}"] = (
                    config.adversarial_weight * styles_per_image * summed_cross_entropy(discriminator(fake), 1.0)
                )
                first = fake[: len(style)]
                mean, *_ = self.attribute_encoder(first, domain)
                loss[f"latent_{domain}"] = config.latent_weight * l1(mean, style)
                if config.mode_seeking_weight:
                    second, second_style = fake[len(style) :], batch.draws["style_2"]
                    loss[f"mode_seeking_{domain}"] = config.mode_seeking_weight * mode_seeking(
                        first, second, style, second_style
                    )

    def _contents(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The content codes of a and b with noise."""
        return (
            self.content_encoder(batch.a, "a") + batch.draws["noise_a"],
            self.content_encoder(batch.b, "b") + batch.draws["noise_b"],
        )

    def _style(self, x: Tensor, image: str, batch: Batch) -> tuple[Tensor, Tensor]:
        """Attributes of images, and the loss of their prior without its weight.

        Args:
            image: "a", "b", "fake_a" or "fake_b"; its last letter is the domain.
        """
        mean, *log_variance = self.attribute_encoder(x, image[-1])
        if not log_variance:
            return mean, mean.square().mean()
        deviation = (0.5 * log_variance[0]).exp() * batch.draws[f"deviation_{image}"]
        return mean + deviation, gaussian_prior(mean, log_variance[0])

    def _random_fakes(self, content_a: Tensor, content_b: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Images of A and of B with random attributes, n each; with mode seeking 2 n, of two draws."""
        styles = [batch.draws[name] for name in ("style", "style_2") if name in batch.draws]
        of_a, of_b = (content.repeat(len(styles), 1, 1, 1) for content in (content_a, content_b))
        return self.generator(of_b, torch.cat(styles), "a"), self.generator(of_a, torch.cat(styles), "b")

    def inference(self) -> dict[str, nn.Module]:
        """Both encoders and the generator."""
        return {
            "content_encoder": self.content_encoder,
            "attribute_encoder": self.attribute_encoder,
            "generator": self.generator,
        }

    def translate(self, x: Tensor, direction: Direction, style: Tensor | None = None) -> Tensor:
        """Translate images (n, 3, h, w) in [-1, 1] with attributes (n, 8), without noise; h and w: multiples of 4."""
        source, target = direction.lower().split("2")
        y: Tensor = self.generator(self.content_encoder(x, source), style, target)
        return y

    def encode_style(self, x: Tensor, direction: Direction) -> Tensor:
        """The attributes (n, 8) of images of the target domain; in the form `concat` the means of their Gaussians."""
        mean: Tensor = self.attribute_encoder(x, direction[-1].lower())[0]
        return mean

    @classmethod
    def load_public_checkpoint(
        cls,
        tensors: Mapping[str, Any],
        revision: str | None = None,
        direction: Direction | None = None,  # noqa: ARG003
    ) -> tuple[MethodConfig, dict[str, Tensor]]:
        """Config and state dict of the encoders and generators of a `.pth` file, in either form.

        The tensors do not say the size of the images: 256 px is assumed, from which the authors' code crops.

        Args:
            tensors: the content of the file, with the networks enc_c, enc_a and gen.
            revision: must be None, because that code has one forward pass for each form.
            direction: ignored, because the file holds both directions.
        Raises:
            UsageError: a revision is given, a network is missing, or a key or shape is not of these networks.
        """
        refuse_revision(revision, "DRIT checkpoint")
        fields, state = convert_checkpoint(tensors)
        config = DRITConfig(**fields)
        message = (
            "DRIT checkpoint: {key} is {given}, expected {expected}; only networks of one form with attributes of 8 "
            "numbers and the same channels and residual blocks everywhere are read."
        )
        check_shapes(state, lambda: cls(config), message, ("content_encoder", "attribute_encoder", "generator"))
        return config, state
