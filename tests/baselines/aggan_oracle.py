"""A plain reference for the training of AGGAN: nothing is joined or reused, and each update computes all of it again.

It is given the networks of the method; what it checks is the step: losses, maps, pools, order, Adam, rates, the switch,
and the discriminators, of which only the parameters are used.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def judge(discriminator: nn.Module, x: Tensor, normalised: bool) -> Tensor:
    """The logits of a discriminator."""
    for conv, norm in zip(discriminator.convolutions, discriminator.norms, strict=True):
        x = F.conv2d(F.pad(x, (2, 2, 2, 2)), conv.weight, conv.bias, conv.stride)
        if normalised:
            deviation = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
            x = norm.weight.view(1, -1, 1, 1) * deviation + norm.bias.view(1, -1, 1, 1)
        x = torch.where(x > 0, x, 0.2 * x)
    return F.conv2d(F.pad(x, (2, 2, 2, 2)), discriminator.last.weight, discriminator.last.bias)


class Pool:
    """Pairs of a fake and its soft map, as a list."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.pairs = capacity, []

    def shown(self, image: Tensor, soft: Tensor, coin: float, place: float) -> tuple[Tensor, Tensor]:
        pair = image.clone(), soft.clone()
        if len(self.pairs) < self.capacity:
            self.pairs.append(pair)
            return pair
        if coin <= 0.5:
            return pair
        slot = int(place * self.capacity)
        old, self.pairs[slot] = self.pairs[slot], pair
        return old


class Training:
    """A training of networks in place.

    Args:
        networks: generators g_ab and g_ba, attention networks att_a and att_b, discriminators d_a and d_b.
        steps: the length that the rate falls over.
        switch: the number of steps before the switch.
    """

    def __init__(self, networks: Mapping[str, nn.Module], steps: int, lr: float, switch: int, pool_size: int) -> None:
        self.networks, self.steps, self.lr, self.switch = networks, steps, lr, switch
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), lr, betas=(0.5, 0.999), eps=1e-8)
            for name, network in networks.items()
        }
        self.pools = {"a": Pool(pool_size), "b": Pool(pool_size)}

    def translate(self, source: str, target: str, x: Tensor) -> tuple[Tensor, Tensor]:
        soft = self.networks[f"att_{source}"](x)
        return soft * self.networks[f"g_{source}{target}"](x) + (1 - soft) * x, soft

    def cycle(self, source: str, target: str, x: Tensor) -> Tensor:
        there, _ = self.translate(source, target, x)
        back, _ = self.translate(target, source, there)
        return 10 * (back - x).abs().mean()

    def judged(self, domain: str, image: Tensor, soft: Tensor) -> Tensor:
        hard = (soft.detach() >= self.threshold).to(image.dtype)
        return judge(self.networks[f"d_{domain}"], image * hard, normalised=not self.switched)

    def update(self, total: Tensor, *names: str) -> None:
        for network in self.networks.values():
            for parameter in network.parameters():
                parameter.grad = None
        total.backward()
        for name in names:
            for parameter in self.networks[name].parameters():
                if parameter.grad is None:  # norms that are left out; TensorFlow's cond gives them zeros too
                    parameter.grad = torch.zeros_like(parameter)
            self.optimizers[name].step()

    def update_generator(
        self, source: str, target: str, x: Tensor, y: Tensor
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        fake, soft = self.translate(source, target, x)
        losses = {
            "adversarial": ((self.judged(target, fake, soft) - 1) ** 2).mean(),
            f"cycle_{source}": self.cycle(source, target, x),
            f"cycle_{target}": self.cycle(target, source, y),
        }
        names = [f"g_{source}{target}"] if self.switched else [f"g_{source}{target}", f"att_{source}"]
        self.update(sum(losses.values()), *names)
        phase = f"generator_{source}2{target}+attention_{source}"
        return {f"{phase}/{name}": loss for name, loss in losses.items()}, fake.detach(), soft.detach()

    def update_discriminator(
        self, domain: str, real: Tensor, fakes: Tensor, softs: Tensor, numbers: Tensor
    ) -> dict[str, Tensor]:
        pairs = [
            self.pools[domain].shown(fake[None], soft[None], float(coin), float(place))
            for fake, soft, (coin, place) in zip(fakes, softs, numbers, strict=True)
        ]
        fake, soft = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        losses = {
            "real": 0.5 * ((self.judged(domain, real, self.networks[f"att_{domain}"](real)) - 1) ** 2).mean(),
            "fake": 0.5 * (self.judged(domain, fake, soft) ** 2).mean(),
        }
        self.update(losses["real"] + losses["fake"], f"d_{domain}")
        return {f"discriminator_{domain}/{name}": loss for name, loss in losses.items()}

    def step(self, number: int, a: Tensor, b: Tensor, draws: Mapping[str, Tensor]) -> dict[str, float]:
        self.switched = number >= self.switch
        self.threshold = 0.1 if self.switched else 0.0
        half = self.steps / 2
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = self.lr if number < half else self.lr * (self.steps - number) / half
        losses, fake_b, soft_a = self.update_generator("a", "b", a, b)
        losses |= self.update_discriminator("b", b, fake_b, soft_a, draws["pool_b"])
        of_other, fake_a, soft_b = self.update_generator("b", "a", b, a)
        losses |= of_other
        losses |= self.update_discriminator("a", a, fake_a, soft_b, draws["pool_a"])
        return {name: loss.item() for name, loss in losses.items()}
