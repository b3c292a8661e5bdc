"""A plain reference for the training of MUNIT: no joined batches, nothing is reused, each image is encoded again.

It is given the networks of the method; what it checks is the step: losses, styles, order, Adam, rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn


def train(
    networks: Mapping[str, nn.Module],
    batches: Iterable[tuple[Tensor, Tensor, Mapping[str, Tensor]]],
    *,
    lr: float,
    halve_every: int,
    cycle_weight: float,
) -> list[dict[str, float]]:
    """Train `networks` in place; returns the losses of each step.

    Args:
        networks: content encoders content_a and content_b, style encoders style_a and style_b, decoders dec_a and
            dec_b, which take a content and a style, and discriminators dis_a and dis_b.
        batches: images of A and of B, and four styles as the method names them.
        halve_every: steps after which the rate is halved.
        cycle_weight: of each cycle loss; 0 for none.
    """
    content_of_a, content_of_b, style_of_a, style_of_b, dec_a, dec_b, dis_a, dis_b = (
        networks[name] for name in ("content_a", "content_b", "style_a", "style_b", "dec_a", "dec_b", "dis_a", "dis_b")
    )
    adam = {"betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 1e-4}
    generating = (content_of_a, style_of_a, dec_a, content_of_b, style_of_b, dec_b)
    generators = torch.optim.Adam([p for net in generating for p in net.parameters()], lr, **adam)
    discriminators = torch.optim.Adam([*dis_a.parameters(), *dis_b.parameters()], lr, **adam)
    history = []
    rate = lr
    for step, (a, b, styles) in enumerate(batches):
        if step > 0 and step % halve_every == 0:
            rate = rate / 2
        for optimizer in (generators, discriminators):
            optimizer.param_groups[0]["lr"] = rate

        fake_a = dec_a(content_of_b(b), styles["style_discriminators_a"]).detach()
        fake_b = dec_b(content_of_a(a), styles["style_discriminators_b"]).detach()
        discriminator_losses = {
            "real_a": sum(((score - 1) ** 2).mean() for score in dis_a(a)),
            "fake_a": sum((score**2).mean() for score in dis_a(fake_a)),
            "real_b": sum(((score - 1) ** 2).mean() for score in dis_b(b)),
            "fake_b": sum((score**2).mean() for score in dis_b(fake_b)),
        }
        discriminators.zero_grad()
        sum(discriminator_losses.values()).backward()
        discriminators.step()

        fake_a = dec_a(content_of_b(b), styles["style_a"])
        fake_b = dec_b(content_of_a(a), styles["style_b"])
        made = {
            "reconstruction_a": 10 * (dec_a(content_of_a(a), style_of_a(a)) - a).abs().mean(),
            "reconstruction_b": 10 * (dec_b(content_of_b(b), style_of_b(b)) - b).abs().mean(),
            "style_a": (style_of_a(fake_a) - styles["style_a"]).abs().mean(),
            "style_b": (style_of_b(fake_b) - styles["style_b"]).abs().mean(),
            "content_a": (content_of_b(fake_b) - content_of_a(a)).abs().mean(),
            "content_b": (content_of_a(fake_a) - content_of_b(b)).abs().mean(),
            "adversarial_a": sum(((score - 1) ** 2).mean() for score in dis_a(fake_a)),
            "adversarial_b": sum(((score - 1) ** 2).mean() for score in dis_b(fake_b)),
        }
        if cycle_weight > 0:
            there_and_back_a = dec_a(content_of_b(fake_b), style_of_a(a))
            there_and_back_b = dec_b(content_of_a(fake_a), style_of_b(b))
            made["cycle_a"] = cycle_weight * (there_and_back_a - a).abs().mean()
            made["cycle_b"] = cycle_weight * (there_and_back_b - b).abs().mean()
        generators.zero_grad()
        sum(made.values()).backward()
        generators.step()

        losses = {f"discriminators/{name}": loss for name, loss in discriminator_losses.items()}
        losses |= {f"generators/{name}": loss for name, loss in made.items()}
        history.append({name: loss.item() for name, loss in losses.items()})
    return history
