"""A plain reference for the training of U-GAT-IT, written from the paper, with its tensors in a dict.

Nothing is shared with the package but the names of tensors and options: fakes are made anew in each phase,
each set of images goes through a network by itself, norms are written from means and variances, and a
spectrally normalised weight is a copy of the weight divided by its norm.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-5


class Oracle:
    """The state of a training run: `tensors` by the package's names, of which `trained` have gradients."""

    def __init__(self, config: Any, tensors: dict[str, Tensor], trained: set[str]) -> None:
        self.config = config
        self.tensors = {k: v.detach().clone().requires_grad_(k in trained) for k, v in tensors.items()}
        self.training = True
        self.track = True  # whether batch norm's running statistics move
        self.normalised: dict[str, Tensor] = {}  # a phase's weights, where it has one power iteration
        self.adams = {
            side: torch.optim.Adam(
                [self._options(name) for name in tensors if name in trained and name.startswith(prefixes)],
                lr=config.lr,
                betas=(0.5, 0.999),
            )
            for side, prefixes in (("generators", ("generator",)), ("discriminators", ("global", "local")))
        }

    def _options(self, name: str) -> dict[str, Any]:
        tensor, config = self.tensors[name], self.config
        is_rho = name.split(".")[-1] == "rho"
        decay = config.weight_decay
        if config.decay_scope == "kernels" and name.split(".")[-1] != "weight":
            decay = 0.0
        if is_rho and not config.rho_decay:
            decay = 0.0
        return {"params": [tensor], "weight_decay": decay, "factor": config.rho_lr_factor if is_rho else 1.0}

    # layers

    def norm(self, name: str, x: Tensor, style: tuple[Tensor, Tensor] | None, other: str) -> Tensor:
        c = x.shape[1]
        rho = self.tensors.get(f"{name}.rho")
        rho = torch.tensor(float(self.config.rho), dtype=x.dtype) if rho is None else rho.view(1, c, 1, 1)
        if f"{name}.gamma" in self.tensors:
            gamma, beta = (self.tensors[f"{name}.{which}"].view(1, c, 1, 1) for which in ("gamma", "beta"))
        else:
            gamma, beta = style[0].view(-1, c, 1, 1), style[1].view(-1, c, 1, 1)
        instance = self.standardise(x, (2, 3))
        if other == "layer":
            mixed = self.standardise(x, (1, 2, 3))
        elif other == "group":
            groups = next(g for g in range(min(32, c), 0, -1) if c % g == 0)
            mixed = self.standardise(x.view(len(x), groups, -1), (2,)).view_as(x)
        else:
            mixed = self.batch_norm(name, x)
        return gamma * (rho * instance + (1 - rho) * mixed) + beta

    def standardise(self, x: Tensor, dims: tuple[int, ...]) -> Tensor:
        mean = x.mean(dims, keepdim=True)
        count = x.numel() // mean.numel()
        if self.config.variance == "nested":
            variance = x
            for dim in dims:
                centred = variance - variance.mean(dim, keepdim=True)
                variance = (centred**2).sum(dim, keepdim=True) / (variance.shape[dim] - 1)
            return (x - mean) / torch.sqrt(variance + EPS)
        squares = ((x - mean) ** 2).sum(dims, keepdim=True)
        variance = squares / (count - 1 if self.config.variance == "unbiased" else count)
        return (x - mean) / torch.sqrt(variance + EPS)

    def batch_norm(self, name: str, x: Tensor) -> Tensor:
        mean, variance = self.tensors[f"{name}.running_mean"], self.tensors[f"{name}.running_variance"]
        if self.training:
            batch_mean = x.mean((0, 2, 3))
            batch_variance = x.var((0, 2, 3), unbiased=self.config.variance == "unbiased")
            if self.track:
                with torch.no_grad():
                    mean.copy_(0.9 * mean + 0.1 * batch_mean)
                    variance.copy_(0.9 * variance + 0.1 * batch_variance)
            mean, variance = batch_mean, batch_variance
        mean, variance = mean.view(1, -1, 1, 1), variance.view(1, -1, 1, 1)
        return (x - mean) / torch.sqrt(variance + EPS)

    def conv(self, name: str, x: Tensor, pad: int, stride: int = 1) -> Tensor:
        x = F.pad(x, (pad, pad, pad, pad), mode="reflect")
        return F.conv2d(x, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"), stride=stride)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.tensors[f"{name}.weight"].T + self.tensors.get(f"{name}.bias", 0)

    def instance(self, name: str, x: Tensor) -> Tensor:
        return F.instance_norm(x, weight=self.tensors.get(f"{name}.gamma"), bias=self.tensors.get(f"{name}.beta"))

    def spectral(self, name: str) -> Tensor:
        """A copy of the weight divided by its spectral norm, after a power iteration in training."""
        once = self.training and self.config.spectral_iterations == "phase"
        if once and name in self.normalised:
            return self.normalised[name]
        weight = self.tensors[f"{name}.weight"]
        matrix = weight.reshape(len(weight), -1)
        u, v = self.tensors[f"{name}.u"], self.tensors[f"{name}.v"]
        if self.training:
            with torch.no_grad():
                v.copy_(matrix.T @ u / torch.clamp((matrix.T @ u).norm(), min=1e-12))
                u.copy_(matrix @ v / torch.clamp((matrix @ v).norm(), min=1e-12))
        copy = weight / (u.clone() @ matrix @ v.clone())
        if once:
            self.normalised[name] = copy
        return copy

    # networks

    def attend(self, name: str, x: Tensor, spectral: bool) -> tuple[Tensor, Tensor | None]:
        logits = None
        if f"{name}.average.weight" in self.tensors:
            maps, heads = [], []
            for pool, which in ((F.adaptive_avg_pool2d, "average"), (F.adaptive_max_pool2d, "maximum")):
                plain = self.tensors[f"{name}.{which}.weight"]
                weight = self.spectral(f"{name}.{which}") if spectral else plain
                heads.append(pool(x, 1).flatten(1) @ weight.T)
                normalised = self.config.discriminator_cam_weight == "normalised"
                maps.append(x * (weight if normalised else plain).view(1, -1, 1, 1))
            x, logits = torch.cat(maps, 1), torch.cat(heads, 1)
        return F.conv2d(x, self.tensors[f"{name}.mix.weight"], self.tensors[f"{name}.mix.bias"]), logits

    def generator(self, name: str, x: Tensor) -> tuple[Tensor, Tensor | None]:
        config = self.config
        for layer, pad, stride in (("stem", 3, 1), ("down1", 1, 2), ("down2", 1, 2)):
            x = F.relu(self.instance(f"{name}.{layer}_norm", self.conv(f"{name}.{layer}", x, pad, stride)))
        for block in range(config.blocks):
            here = f"{name}.encoder.{block}"
            y = F.relu(self.instance(f"{here}.norm1", self.conv(f"{here}.conv1", x, 1)))
            x = x + self.instance(f"{here}.norm2", self.conv(f"{here}.conv2", y, 1))
        x, logits = self.attend(f"{name}.attention", x, spectral=False)
        x = F.relu(x)
        style = None
        if config.style:
            hidden = x.mean((2, 3)) if config.light else x.reshape(len(x), -1)
            for layer in ("fc1", "fc2"):
                hidden = F.relu(self.linear(f"{name}.style.{layer}", hidden))
            style = tuple(self.linear(f"{name}.style.{which}", hidden) for which in ("gamma", "beta"))
        for block in range(config.blocks):
            here = f"{name}.decoder.{block}"
            y = F.relu(self.norm(f"{here}.norm1", self.conv(f"{here}.conv1", x, 1), style, config.norm))
            y = self.norm(f"{here}.norm2", self.conv(f"{here}.conv2", y, 1), style, config.norm)
            x = x + y if config.decoder_skip else y
        for layer in ("up1", "up2"):
            x = self.conv(f"{name}.{layer}.conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3), 1)
            x = F.relu(self.norm(f"{name}.{layer}.norm", x, None, config.norm))
        return torch.tanh(self.conv(f"{name}.head", x, 3)), logits

    def discriminator(self, name: str, x: Tensor) -> list[Tensor]:
        """Patch logits, and CAM logits where there are any."""
        depth = self.config.global_depth if name.startswith("global") else self.config.local_depth
        for layer in range(depth + 1):
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
            bias = self.tensors[f"{name}.layers.{layer}.bias"]
            x = F.conv2d(x, self.spectral(f"{name}.layers.{layer}"), bias, stride=2 if layer < depth else 1)
            x = F.leaky_relu(x, 0.2)
        x, logits = self.attend(f"{name}.attention", x, spectral=True)
        x = F.pad(F.leaky_relu(x, 0.2), (1, 1, 1, 1), mode="reflect")
        patches = F.conv2d(x, self.spectral(f"{name}.last"))
        return [patches] if logits is None else [patches, logits]

    # training

    def step(self, a: Tensor, b: Tensor, step: int) -> dict[str, float]:
        """One step; the losses by their names in the package."""
        config = self.config
        half = config.steps / 2
        rate = config.lr if step <= half else config.lr * (config.steps - step) / half
        for adam in self.adams.values():
            for group in adam.param_groups:
                group["lr"] = rate * group["factor"]
        kinds = [
            kind
            for kind, is_used in (
                ("global", config.global_discriminator),
                ("local", config.local_discriminator),
            )
            if is_used
        ]
        names = ("", "_cam")

        losses: dict[str, Tensor] = {}
        self.normalised, self.track = {}, False
        with torch.no_grad():
            fake_b, fake_a = self.generator("generator_a2b", a)[0], self.generator("generator_b2a", b)[0]
        for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
            for kind in kinds:
                on_real = self.discriminator(f"{kind}_{domain}", real)
                on_fake = self.discriminator(f"{kind}_{domain}", fake)
                for name, of_real, of_fake in zip(names, on_real, on_fake, strict=False):
                    value = ((of_real - 1) ** 2).mean() + (of_fake**2).mean()
                    losses[f"discriminators/{kind}{name}_{domain}"] = config.adversarial_weight * value
        self._descend("discriminators", losses, "discriminators")

        self.normalised, self.track = {}, True
        fake_b, source_a = self.generator("generator_a2b", a)
        fake_a, source_b = self.generator("generator_b2a", b)
        same_b, target_b = self.generator("generator_a2b", b)
        same_a, target_a = self.generator("generator_b2a", a)
        back_a = self.generator("generator_b2a", fake_b)[0]
        back_b = self.generator("generator_a2b", fake_a)[0]
        for domain, fake in (("a", fake_a), ("b", fake_b)):
            for kind in kinds:
                for name, logits in zip(names, self.discriminator(f"{kind}_{domain}", fake), strict=False):
                    value = ((logits - 1) ** 2).mean()
                    losses[f"generators/{kind}{name}_{domain}"] = config.adversarial_weight * value
        for name, output, target, weight in (
            ("cycle_a", back_a, a, config.cycle_weight),
            ("cycle_b", back_b, b, config.cycle_weight),
            ("identity_a", same_a, a, config.identity_weight),
            ("identity_b", same_b, b, config.identity_weight),
        ):
            losses[f"generators/{name}"] = weight * (output - target).abs().mean()
        if config.generator_cam:
            for name, source, target in (("cam_a2b", source_a, target_b), ("cam_b2a", source_b, target_a)):
                entropy = -torch.log(torch.sigmoid(source)).mean() - torch.log(1 - torch.sigmoid(target)).mean()
                losses[f"generators/{name}"] = config.cam_weight * entropy
        self._descend("generators", losses, "generators")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                if name.endswith(".rho"):
                    tensor.clamp_(0, 1)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _descend(self, side: str, losses: dict[str, Tensor], phase: str) -> None:
        self.adams[side].zero_grad()
        sum(value for name, value in losses.items() if name.startswith(phase)).backward()
        self.adams[side].step()
