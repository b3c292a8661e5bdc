"""A plain reference for the training of CartoonGAN: no joined batches, nothing is reused, the pool is a list.

It is given the networks of the method; what it checks is the step: losses, the pool, order, Adam, rates, phases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

Images = tuple[Tensor, Tensor, Tensor]


def train(
    networks: Mapping[str, nn.Module],
    batches: Iterable[tuple[Images, tuple[float, float]]],
    *,
    steps: int,
    init_steps: int,
    init_lr: float,
    lr: float,
    capacity: int,
) -> list[dict[str, float]]:
    """Train `networks` in place; returns the losses of each step.

    Args:
        networks: generator, discriminator, and content: from images in [-1, 1] to features.
        batches: photos, cartoons and smoothed cartoons; the pool's coin and the number of its slot's draw.
        capacity: batches that the pool holds.
    """
    generator, discriminator, content = (networks[name] for name in ("generator", "discriminator", "content"))
    adam = {"betas": (0.5, 0.999), "eps": 1e-8}
    of_generator = torch.optim.Adam(generator.parameters(), lr, **adam)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr, **adam)
    main_steps = steps - init_steps
    pool: list[Tensor] = []
    history = []
    for step, ((photos, cartoons, smooth), (coin, place)) in enumerate(batches):
        if step < init_steps:
            left = init_steps - step
            of_generator.param_groups[0]["lr"] = init_lr if 2 * left > init_steps else init_lr * left * 2 / init_steps
            loss = 10 * (content(generator(photos)) - content(photos)).abs().mean()
            of_generator.zero_grad()
            loss.backward()
            of_generator.step()
            history.append({"generators/content": loss.item()})
            continue

        left = steps - step
        for optimizer in (of_generator, of_discriminator):
            optimizer.param_groups[0]["lr"] = lr if 2 * left > main_steps else lr * left * 2 / main_steps
        shown = fake = generator(photos).detach()
        if len(pool) < capacity:
            pool.append(fake)
        elif coin > 0.5:
            slot = int(capacity * place)
            shown, pool[slot] = pool[slot], fake
        real_loss = ((discriminator(cartoons) - 1) ** 2).mean()
        edges_loss = (discriminator(smooth) ** 2).mean()
        fake_loss = (discriminator(shown) ** 2).mean()
        of_discriminator.zero_grad()
        (real_loss + edges_loss + fake_loss).backward()
        of_discriminator.step()

        fake = generator(photos)
        adversarial_loss = ((discriminator(fake) - 1) ** 2).mean()
        content_loss = 10 * (content(fake) - content(photos)).abs().mean()
        of_generator.zero_grad()
        (adversarial_loss + content_loss).backward()
        of_generator.step()
        history.append(
            {
                "discriminators/real": real_loss.item(),
                "discriminators/edges": edges_loss.item(),
                "discriminators/fake": fake_loss.item(),
                "generators/adversarial": adversarial_loss.item(),
                "generators/content": content_loss.item(),
            }
        )
    return history
