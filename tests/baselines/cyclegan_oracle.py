"""A plain reference for the training of CycleGAN: no joined batches, nothing is reused, and a pool is a list.

It is given the networks of the method; what it checks is the step: losses, order, pools, Adam, rates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def ask_pool(kept: list[Tensor], capacity: int, new: Tensor, coin: float, place: float) -> Tensor:
    """What the discriminator sees in place of `new` (1, 3, h, w); `kept` is changed."""
    if len(kept) < capacity:
        kept.append(new)
        return new
    if coin > 0.5:
        slot = int(place * capacity)
        old = kept[slot]
        kept[slot] = new
        return old
    return new


def train(
    networks: dict[str, nn.Module],
    batches: Iterable[tuple[Tensor, Tensor, Tensor, Tensor]],
    *,
    steps: int,
    lr: float,
    pool_size: int,
    cycle: float = 10.0,
    identity: float = 0.5,
) -> tuple[list[dict[str, float]], dict[str, list[Tensor]]]:
    """Train `networks` in place.

    Args:
        networks: a2b and b2a, the generators; a and b, the discriminators of these domains.
        batches: images of A and of B, and (n, 2) uniforms for the pools of A's and of B's fakes.
        steps: of the whole run; the rate is constant for half of them, then falls linearly to 0.
    Returns:
        The losses of each step, and what the pools hold at the end.
    """
    a2b, b2a, discriminator_a, discriminator_b = (networks[name] for name in ("a2b", "b2a", "a", "b"))
    generators = torch.optim.Adam([*a2b.parameters(), *b2a.parameters()], lr, betas=(0.5, 0.999))
    discriminators = torch.optim.Adam(
        [*discriminator_a.parameters(), *discriminator_b.parameters()], lr, betas=(0.5, 0.999)
    )
    pools: dict[str, list[Tensor]] = {"a": [], "b": []}
    history = []
    for step, (a, b, draws_a, draws_b) in enumerate(batches):
        rate = lr if step <= steps / 2 else lr * (steps - step) / (steps / 2)
        for optimizer in (generators, discriminators):
            optimizer.param_groups[0]["lr"] = rate

        fake_b = a2b(a)
        fake_a = b2a(b)
        generator_losses = {
            "adversarial_a": ((discriminator_a(fake_a) - 1) ** 2).mean(),
            "adversarial_b": ((discriminator_b(fake_b) - 1) ** 2).mean(),
            "cycle_a": cycle * (b2a(fake_b) - a).abs().mean(),
            "cycle_b": cycle * (a2b(fake_a) - b).abs().mean(),
            "identity_a": identity * cycle * (b2a(a) - a).abs().mean(),
            "identity_b": identity * cycle * (a2b(b) - b).abs().mean(),
        }
        generators.zero_grad()
        sum(generator_losses.values(), torch.zeros(())).backward()
        generators.step()

        shown_a = _shown(pools["a"], pool_size, fake_a.detach(), draws_a)
        shown_b = _shown(pools["b"], pool_size, fake_b.detach(), draws_b)
        discriminator_losses = {
            "real_a": 0.5 * ((discriminator_a(a) - 1) ** 2).mean(),
            "fake_a": 0.5 * (discriminator_a(shown_a) ** 2).mean(),
            "real_b": 0.5 * ((discriminator_b(b) - 1) ** 2).mean(),
            "fake_b": 0.5 * (discriminator_b(shown_b) ** 2).mean(),
        }
        discriminators.zero_grad()
        sum(discriminator_losses.values(), torch.zeros(())).backward()
        discriminators.step()

        losses: dict[str, Any] = {f"generators/{name}": loss for name, loss in generator_losses.items()}
        losses |= {f"discriminators/{name}": loss for name, loss in discriminator_losses.items()}
        history.append({name: loss.item() for name, loss in losses.items()})
    return history, pools


def _shown(kept: list[Tensor], capacity: int, fakes: Tensor, draws: Tensor) -> Tensor:
    pairs = zip(fakes, draws.tolist(), strict=True)
    return torch.cat([ask_pool(kept, capacity, fake[None], coin, place) for fake, (coin, place) in pairs])
