"""A plain reference for the training of UNIT: no joined batches, nothing is reused, each image is encoded again.

It is given the networks of the method; what it checks is the step: losses, noise, order, Adam, rates.
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
) -> list[dict[str, float]]:
    """Train `networks` in place; returns the losses of each step.

    Args:
        networks: encoders enc_a and enc_b, decoders dec_a and dec_b, discriminators dis_a and dis_b.
        batches: images of A and of B, and six noises as the method names them.
        halve_every: steps after which the rate is halved.
    """
    enc_a, enc_b, dec_a, dec_b, dis_a, dis_b = (
        networks[name] for name in ("enc_a", "enc_b", "dec_a", "dec_b", "dis_a", "dis_b")
    )
    adam = {"betas": (0.5, 0.999), "eps": 1e-8, "weight_decay": 1e-4}
    generators = torch.optim.Adam([p for net in (enc_a, dec_a, enc_b, dec_b) for p in net.parameters()], lr, **adam)
    discriminators = torch.optim.Adam([*dis_a.parameters(), *dis_b.parameters()], lr, **adam)
    history = []
    rate = lr
    for step, (a, b, noise) in enumerate(batches):
        if step > 0 and step % halve_every == 0:
            rate = rate / 2
        for optimizer in (generators, discriminators):
            optimizer.param_groups[0]["lr"] = rate

        fake_b = dec_b(enc_a(a) + noise["noise_discriminators_a"]).detach()
        fake_a = dec_a(enc_b(b) + noise["noise_discriminators_b"]).detach()
        discriminator_losses = {
            "real_a": sum(((score - 1) ** 2).mean() for score in dis_a(a)),
            "fake_a": sum((score**2).mean() for score in dis_a(fake_a)),
            "real_b": sum(((score - 1) ** 2).mean() for score in dis_b(b)),
            "fake_b": sum((score**2).mean() for score in dis_b(fake_b)),
        }
        discriminators.zero_grad()
        sum(discriminator_losses.values()).backward()
        discriminators.step()

        code_a, code_b = enc_a(a), enc_b(b)
        noisy_a, noisy_b = code_a + noise["noise_a"], code_b + noise["noise_b"]
        fake_b, fake_a = dec_b(noisy_a), dec_a(noisy_b)
        code_of_fake_b, code_of_fake_a = enc_b(fake_b), enc_a(fake_a)
        there_and_back_a = dec_a(code_of_fake_b + noise["noise_fake_b"])
        there_and_back_b = dec_b(code_of_fake_a + noise["noise_fake_a"])
        made = {
            "reconstruction_a": 10 * (dec_a(noisy_a) - a).abs().mean(),
            "reconstruction_b": 10 * (dec_b(noisy_b) - b).abs().mean(),
            "kl_a": 0.01 * (code_a**2).mean(),
            "kl_b": 0.01 * (code_b**2).mean(),
            "cycle_a": 10 * (there_and_back_a - a).abs().mean(),
            "cycle_b": 10 * (there_and_back_b - b).abs().mean(),
            "cycle_kl_a": 0.01 * (code_of_fake_b**2).mean(),
            "cycle_kl_b": 0.01 * (code_of_fake_a**2).mean(),
            "adversarial_a": sum(((score - 1) ** 2).mean() for score in dis_a(fake_a)),
            "adversarial_b": sum(((score - 1) ** 2).mean() for score in dis_b(fake_b)),
        }
        generators.zero_grad()
        sum(made.values()).backward()
        generators.step()

        losses = {f"discriminators/{name}": loss for name, loss in discriminator_losses.items()}
        losses |= {f"generators/{name}": loss for name, loss in made.items()}
        history.append({name: loss.item() for name, loss in losses.items()})
    return history
