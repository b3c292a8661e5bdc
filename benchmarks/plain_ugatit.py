"""U-GAT-IT light as a plain PyTorch program that works in the order of the public code; the baseline of step.py.

It is written from the paper and the facts in docs/fidelity.md. Fakes are computed again for the generators' update.
Each norm computes its own statistics. Spectral norm is PyTorch's. Real and fake images go through a discriminator in
two forward passes. The discriminators require gradients during the whole step. Adam is not fused.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm


class AdaLIN(nn.Module):
    """rho * IN + (1 - rho) * LN, with separate statistics; gamma and beta are given or are parameters of the layer."""

    def __init__(self, channels: int, rho: float, affine: bool) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, channels, 1, 1), rho))
        initial = [torch.ones(1, channels, 1, 1), torch.zeros(1, channels, 1, 1)]
        self.affine = nn.ParameterList(initial if affine else [])

    def forward(self, x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
        instance_mean, instance_var = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True)
        instance_norm = (x - instance_mean) / torch.sqrt(instance_var + 1e-5)
        layer_mean, layer_var = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True)
        layer_norm = (x - layer_mean) / torch.sqrt(layer_var + 1e-5)
        mixed = self.rho * instance_norm + (1 - self.rho) * layer_norm
        if gamma is None or beta is None:
            gamma, beta = self.affine
            return mixed * gamma + beta
        return mixed * gamma[..., None, None] + beta[..., None, None]


class Block(nn.Module):
    """Residual block of the encoder."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.InstanceNorm2d(channels),
            nn.ReLU(True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


class AdaBlock(nn.Module):
    """Residual block of the decoder."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, bias=False) for _ in range(2))
        self.norm1, self.norm2 = (AdaLIN(channels, 1.0, affine=False) for _ in range(2))

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(self.pad(x)), gamma, beta))
        out: Tensor = x + self.norm2(self.conv2(self.pad(y)), gamma, beta)
        return out


class Generator(nn.Module):
    """Light generator: (n, 3, s, s) -> image and two CAM logits (n, 2)."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        wide = channels * 4
        down: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, channels, 7, bias=False)]
        down += [nn.InstanceNorm2d(channels), nn.ReLU(True)]
        for width in (channels, channels * 2):
            down += [nn.ReflectionPad2d(1), nn.Conv2d(width, width * 2, 3, stride=2, bias=False)]
            down += [nn.InstanceNorm2d(width * 2), nn.ReLU(True)]
        self.down = nn.Sequential(*down, *(Block(wide) for _ in range(blocks)))
        self.average, self.maximum = (nn.Linear(wide, 1, bias=False) for _ in range(2))
        self.merge = nn.Conv2d(wide * 2, wide, 1)
        self.style = nn.Sequential(
            nn.Linear(wide, wide, bias=False), nn.ReLU(True), nn.Linear(wide, wide, bias=False), nn.ReLU(True)
        )
        self.gamma, self.beta = (nn.Linear(wide, wide, bias=False) for _ in range(2))
        self.blocks = nn.ModuleList(AdaBlock(wide) for _ in range(blocks))
        up: list[nn.Module] = []
        for width in (wide, wide // 2):
            up += [nn.Upsample(scale_factor=2), nn.ReflectionPad2d(1), nn.Conv2d(width, width // 2, 3, bias=False)]
            up += [AdaLIN(width // 2, 0.0, affine=True), nn.ReLU(True)]
        self.up = nn.Sequential(*up, nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7, bias=False), nn.Tanh())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.down(x)
        x, logits = _cam(x, self.average, self.maximum, self.average.weight, self.maximum.weight)
        x = F.relu(self.merge(x))
        style = self.style(F.adaptive_avg_pool2d(x, 1).flatten(1))
        gamma, beta = self.gamma(style), self.beta(style)
        for block in self.blocks:
            x = block(x, gamma, beta)
        return self.up(x), logits


class Discriminator(nn.Module):
    """(n, 3, s, s) -> patch logits and two CAM logits; `downs` convolutions of stride 2."""

    def __init__(self, channels: int, downs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width, in_channels = channels, 3
        for index in range(downs + 1):
            stride = 2 if index < downs else 1
            layers += [nn.ReflectionPad2d(1), spectral_norm(nn.Conv2d(in_channels, width, 4, stride))]
            layers += [nn.LeakyReLU(0.2, True)]
            in_channels, width = width, width * 2
        self.layers = nn.Sequential(*layers)
        self.average, self.maximum = (spectral_norm(nn.Linear(in_channels, 1, bias=False)) for _ in range(2))
        self.merge = nn.Conv2d(in_channels * 2, in_channels, 1)
        self.last = nn.Sequential(nn.ReflectionPad2d(1), spectral_norm(nn.Conv2d(in_channels, 1, 4, bias=False)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.layers(x)
        weights = (layer.get_parameter("weight_orig") for layer in (self.average, self.maximum))
        x, logits = _cam(x, self.average, self.maximum, *weights)
        return self.last(F.leaky_relu(self.merge(x), 0.2)), logits


def _cam(x: Tensor, average: nn.Module, maximum: nn.Module, *weights: Tensor) -> tuple[Tensor, Tensor]:
    logits = [average(F.adaptive_avg_pool2d(x, 1).flatten(1)), maximum(F.adaptive_max_pool2d(x, 1).flatten(1))]
    maps = [x * weight[..., None, None] for weight in weights]
    return torch.cat(maps, 1), torch.cat(logits, 1)


class PlainUGATIT:
    """The training program; `step(a, b)` updates all networks.

    Args:
        detach: False as in the public PyTorch code, which does not detach the fakes in the discriminators' update.
            That changes no result but costs a backward pass through both generators. True detaches them.
    """

    def __init__(self, detach: bool = False, channels: int = 64, blocks: int = 4, lr: float = 1e-4) -> None:
        self.detach = detach
        self.to_b, self.to_a = Generator(channels, blocks), Generator(channels, blocks)
        self.discriminators = {"a": self._discriminators(channels), "b": self._discriminators(channels)}
        generators = [*self.to_b.parameters(), *self.to_a.parameters()]
        discriminators = [p for pair in self.discriminators.values() for network in pair for p in network.parameters()]
        self.g, self.d = (
            torch.optim.Adam(p, lr, (0.5, 0.999), weight_decay=1e-4, foreach=False)
            for p in (generators, discriminators)
        )

    @staticmethod
    def _discriminators(channels: int) -> list[Discriminator]:
        return [Discriminator(channels, 5), Discriminator(channels, 3)]

    def step(self, a: Tensor, b: Tensor) -> None:
        """One step on images (n, 3, s, s) in [-1, 1]."""
        self.d.zero_grad()
        fake_b, fake_a = self.to_b(a)[0], self.to_a(b)[0]
        if self.detach:
            fake_b, fake_a = fake_b.detach(), fake_a.detach()
        loss = torch.zeros(())
        for domain, real, fake in (("a", a, fake_a), ("b", b, fake_b)):
            for discriminator in self.discriminators[domain]:
                loss = loss + sum((out - 1).square().mean() for out in discriminator(real))
                loss = loss + sum(out.square().mean() for out in discriminator(fake))
        loss.backward()
        self.d.step()

        self.g.zero_grad()
        (fake_b, cam_ab), (fake_a, cam_ba) = self.to_b(a), self.to_a(b)
        back_a, back_b = self.to_a(fake_b)[0], self.to_b(fake_a)[0]
        (same_a, cam_aa), (same_b, cam_bb) = self.to_a(a), self.to_b(b)
        loss = 10 * (F.l1_loss(back_a, a) + F.l1_loss(back_b, b) + F.l1_loss(same_a, a) + F.l1_loss(same_b, b))
        for domain, fake in (("a", fake_a), ("b", fake_b)):
            for discriminator in self.discriminators[domain]:
                loss = loss + sum((out - 1).square().mean() for out in discriminator(fake))
        for source, target in ((cam_ab, cam_bb), (cam_ba, cam_aa)):
            ones, zeros = torch.ones_like(source), torch.zeros_like(target)
            loss = loss + 1000 * F.binary_cross_entropy_with_logits(source, ones)
            loss = loss + 1000 * F.binary_cross_entropy_with_logits(target, zeros)
        loss.backward()
        self.g.step()
        with torch.no_grad():
            for generator in (self.to_b, self.to_a):
                for layer in generator.modules():
                    if isinstance(layer, AdaLIN):
                        layer.rho.clamp_(0, 1)
