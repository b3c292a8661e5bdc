"""A plain reference for the training of CUT: one image, one layer and one patch at a time, and nothing is reused.

It is given the networks of the method; what it checks is the step: losses, order, patches, flips, Adams, rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

NCE_LAYERS = (0, 4, 8, 12, 16)


def features(generator: nn.Sequential, image: Tensor) -> list[Tensor]:
    """The outputs of layers 0, 4, 8, 12 and 16 for an image (1, 3, h, w)."""
    features_of_layers = []
    for position in NCE_LAYERS:
        x = image
        for layer in list(generator)[: position + 1]:
            x = layer(x)
        features_of_layers.append(x)
    return features_of_layers


def point(mlp: nn.Sequential, features: Tensor, place: int) -> Tensor:
    """The projection of one patch: (1, c, h, w) at a row-major place to a vector of norm 1."""
    row, column = divmod(place, features.shape[3])
    vector = mlp[2](torch.relu(mlp[0](features[0, :, row, column])))
    return vector / (vector.pow(2).sum().sqrt() + 1e-7)


def contrast(queries: list[Tensor], keys: list[Tensor], temperature: float) -> Tensor:
    """Mean of -log softmax of each query's positive, listed first, among it and the other patches' keys."""
    losses = []
    for i, query in enumerate(queries):
        logits = [query @ keys[i]] + [query @ key for j, key in enumerate(keys) if j != i]
        losses.append(-torch.log_softmax(torch.stack(logits) / temperature, 0)[0])
    return torch.stack(losses).mean()


def nce(networks: Mapping[str, Any], source: Tensor, output: Tensor, ids: list[list[int]], flipped: bool) -> Tensor:
    """Mean over images and layers of the contrast of an output's patches with its source's."""
    losses = []
    for image, translated in zip(source.split(1), output.split(1), strict=True):
        key_maps = features(networks["generator"], image)
        query_maps = features(networks["generator"], translated)
        for layer, places in enumerate(ids):
            mlp = networks["projection"][layer]
            query_map = query_maps[layer].flip(3) if flipped else query_maps[layer]
            keys = [point(mlp, key_maps[layer], place).detach() for place in places]
            queries = [point(mlp, query_map, place) for place in places]
            losses.append(contrast(queries, keys, 0.07))
    return torch.stack(losses).mean()


def train(
    networks: Mapping[str, Any],
    batches: Iterable[tuple[Tensor, Tensor, dict[str, list[list[int]]], bool]],
    *,
    steps: int,
    lr: float,
    constant: float,
    fast: bool,
) -> list[dict[str, float]]:
    """Train `networks` in place; returns the losses of each step.

    Args:
        networks: generator, projection, discriminator.
        batches: images of A and B, the patches' places by loss and layer, and whether the step is flipped.
        steps: of the whole run, `constant` of them at the full rate.
        fast: FastCUT's losses instead of CUT's.
    """
    generator, discriminator = networks["generator"], networks["discriminator"]
    adams = {name: torch.optim.Adam(network.parameters(), lr, betas=(0.5, 0.999)) for name, network in networks.items()}
    history = []
    for step, (a, b, ids, flipped) in enumerate(batches):
        for adam in adams.values():
            adam.param_groups[0]["lr"] = lr if step <= constant else lr * (steps - step) / (steps - constant)
        fake = generator(a.flip(3) if flipped else a)

        real_loss = ((discriminator(b) - 1) ** 2).mean() / 2
        fake_loss = (discriminator(fake.detach()) ** 2).mean() / 2
        adams["discriminator"].zero_grad()
        (real_loss + fake_loss).backward()
        adams["discriminator"].step()

        losses = {"adversarial": ((discriminator(fake) - 1) ** 2).mean()}
        if fast:
            losses["nce"] = 10 * nce(networks, a, fake, ids["nce"], flipped)
        else:
            losses["nce"] = nce(networks, a, fake, ids["nce"], flipped) / 2
            losses["nce_identity"] = nce(networks, b, generator(b), ids["nce_identity"], flipped) / 2
        for name in ("generator", "projection"):
            adams[name].zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        for name in ("generator", "projection"):
            adams[name].step()

        step_losses = {f"generators/{name}": loss.item() for name, loss in losses.items()}
        step_losses |= {"discriminators/real": real_loss.item(), "discriminators/fake": fake_loss.item()}
        history.append(step_losses)
    return history
