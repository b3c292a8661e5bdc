"""A plain reference for the training of DRIT: no joined batches, eight optimizers, sigmoids and logarithms written out.

It is given the networks of the method; what it checks is the step: losses, draws, order, clipping, Adam, rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

NAMES = (
    *("content_encoder", "attribute_encoder", "generator", "content_discriminator"),
    *("discriminator_a", "random_discriminator_a", "discriminator_b", "random_discriminator_b"),
)


def entropy(logits: Tensor, target: float) -> Tensor:
    p = 1 / (1 + torch.exp(-logits))
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()


def over_scales(scores: Iterable[Tensor], target: float) -> Tensor:
    return sum(entropy(score, target) for score in scores)


def train(
    nets: Mapping[str, Any],
    batches: Iterable[tuple[Tensor, Tensor, Mapping[str, Tensor]]],
    *,
    steps: int,
    lr: float,
    clip_norm: float,
    seeking: float = 0.0,
) -> list[dict[str, float]]:
    """Train `nets` in place, which have the names in NAMES; returns the losses of each step.

    Args:
        batches: images of A and of B, and draws as the method names them.
        steps: length of the schedule: a constant rate for half of them, then linear to 0.
        clip_norm: largest gradient of the content discriminator.
        seeking: weight of mode seeking.
    """
    content, attribute, generate, judge_content = (nets[name] for name in NAMES[:4])
    rates = {name: lr / 2.5 if name == "content_discriminator" else lr for name in NAMES}
    adams = {
        name: torch.optim.Adam(nets[name].parameters(), rates[name], (0.5, 0.999), 1e-8, weight_decay=1e-4)
        for name in NAMES
    }

    def update(loss: Tensor, *names: str) -> None:
        for adam in adams.values():
            adam.zero_grad()
        loss.backward()
        if "content_discriminator" in names:
            torch.nn.utils.clip_grad_norm_(judge_content.parameters(), clip_norm)
        for name in names:
            adams[name].step()

    history = []
    for step, (a, b, draws) in enumerate(batches):
        for name, adam in adams.items():
            late = max(0.0, step - steps / 2) / (steps / 2)
            adam.param_groups[0]["lr"] = rates[name] * (1 - late)
        images = {"a": a, "b": b}
        other = {"a": "b", "b": "a"}
        losses: dict[str, Tensor] = {}

        def judge_contents(contents: Mapping[str, Tensor], losses: dict[str, Tensor]) -> None:
            zero = entropy(judge_content(contents["a"].detach()), 0)
            one = entropy(judge_content(contents["b"].detach()), 1)
            losses |= {"content_discriminator/a": zero, "content_discriminator/b": one}
            update(zero + one, "content_discriminator")

        def encoded(x: Tensor, name: str, draws: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
            """Attributes and their prior's loss."""
            numbers = attribute(x, name[-1])
            if len(numbers) == 1:
                return numbers[0], (numbers[0] ** 2).mean()
            mean, log_variance = numbers
            kl = -0.5 * (1 + log_variance - mean**2 - torch.exp(log_variance))
            return mean + torch.exp(log_variance / 2) * draws[f"deviation_{name}"], kl.sum() / len(x)

        codes = {d: content(images[d], d) + draws[f"noise_{d}"] for d in "ab"}
        if step % 3 != 2:
            judge_contents(codes, losses)
            history.append({name: loss.item() for name, loss in losses.items()})
            continue
        attributes = {d: encoded(images[d], d, draws) for d in "ab"}
        fakes = {d: generate(codes[other[d]], attributes[d][0], d) for d in "ab"}
        sames = {d: generate(codes[d], attributes[d][0], d) for d in "ab"}
        zs = [draws["style"], draws["style_2"]] if seeking else [draws["style"]]
        for d in "ab":
            judge = nets[f"discriminator_{d}"]
            real, fake = over_scales(judge(images[d]), 1), over_scales(judge(fakes[d].detach()), 0)
            losses |= {f"discriminators/real_{d}": real, f"discriminators/fake_{d}": fake}
            update(real + fake, f"discriminator_{d}")
            judge = nets[f"random_discriminator_{d}"]
            real = sum(over_scales(judge(images[d]), 1) for _ in zs)
            fake = sum(over_scales(judge(generate(codes[other[d]], z, d).detach()), 0) for z in zs)
            losses |= {f"discriminators/real_random_{d}": real, f"discriminators/fake_random_{d}": fake}
            update(real + fake, f"random_discriminator_{d}")
        judge_contents(codes, losses)

        # Contents go back to their own domain, and so do attributes.
        again = {d: content(fakes[other[d]], other[d]) + draws[f"noise_fake_{other[d]}"] for d in "ab"}
        cycles = {d: generate(again[d], encoded(fakes[d], f"fake_{d}", draws)[0], d) for d in "ab"}
        first = {}
        for d in "ab":
            first[f"adversarial_{d}"] = over_scales(nets[f"discriminator_{d}"](fakes[d]), 1)
            first[f"content_{d}"] = entropy(judge_content(codes[d]), 0.5)
            first[f"cross_cycle_{d}"] = 10 * (cycles[d] - images[d]).abs().mean()
            first[f"reconstruction_{d}"] = 10 * (sames[d] - images[d]).abs().mean()
            first[f"attribute_prior_{d}"] = 0.01 * attributes[d][1]
            first[f"content_prior_{d}"] = 0.01 * (codes[d] ** 2).mean()
        losses |= {f"generators+attribute_encoder/{name}": loss for name, loss in first.items()}
        update(sum(first.values()), "content_encoder", "attribute_encoder", "generator")

        codes = {d: content(images[d], d) + draws[f"noise_{d}"] for d in "ab"}
        second = {}
        for d in "ab":
            made = [generate(codes[other[d]], z, d) for z in zs]
            second[f"adversarial_{d}"] = sum(over_scales(nets[f"random_discriminator_{d}"](x), 1) for x in made)
            second[f"latent_{d}"] = 10 * (attribute(made[0], d)[0] - zs[0]).abs().mean()
            if seeking:
                ratios = [(x - y).abs().mean() / (v - w).abs().mean() for x, y, v, w in zip(*made, *zs, strict=True)]
                second[f"mode_seeking_{d}"] = seeking * sum(1 / (ratio + 1e-5) for ratio in ratios) / len(ratios)
        losses |= {f"generators/{name}": loss for name, loss in second.items()}
        update(sum(second.values()), "content_encoder", "generator")
        history.append({name: loss.item() for name, loss in losses.items()})
    return history
