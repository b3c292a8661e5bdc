"""The DINO structure distance between images, with its network from a local file.

Tumanyan et al., Splicing ViT Features for Semantic Appearance Transfer (CVPR 2022), section 3.2: the structure of an
image is the self-similarity of the keys of its tokens in the last attention layer of a DINO ViT (Caron et al., ICCV
2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ugbench.nn.image_transform import standardized
from ugbench.nn.weight_files import fill
from ugbench.scoring.networks.extractors import place
from ugbench.scoring.networks.perceptual import PerceptualDistance
from ugbench.scoring.networks.weights import another_network, plain_float32, read_weights, undisturbed

OTHERWISE = "or leave structure out of --metric"
HEAD = 64  # width of an attention head in every DINO ViT
# DINO's names of a block's layers, and torch's.
RENAMED = {"attn.qkv.": "self_attn.in_proj_", "attn.proj.": "self_attn.out_proj.", "mlp.fc": "linear"}


class Keys(nn.Module):
    """A DINO ViT up to the keys of its last attention layer, with all heads side by side.

    Args:
        dim: width of a token.
        depth: number of blocks.
        hidden: width of the blocks' perceptrons.
        patch: side of a patch, px.
        side: number of patches per side of the image.
    """

    def __init__(self, dim: int, depth: int, hidden: int, patch: int, side: int) -> None:
        super().__init__()
        self.size, self.dim, self.patch = patch * side, dim, patch
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, dim, patch, patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, side**2 + 1, dim))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, dim // HEAD, hidden, 0.0, F.gelu, 1e-6, batch_first=True, norm_first=True)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)  # unused, but in the file

    def forward(self, images: Tensor) -> Tensor:
        """Keys (n, 1 + side^2, dim), the class token first, of images (n, 3, h, w) in [-1, 1]."""
        x = self.patch_embed["proj"](standardized(images.add(1).div(2), self.size)).flatten(2).mT
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        *blocks, last = self.blocks
        for block in blocks:
            x = block(x)
        keys = slice(self.dim, 2 * self.dim)  # one matrix holds queries, keys and values
        weight, bias = (last.get_parameter(f"self_attn.in_proj_{kind}")[keys] for kind in ("weight", "bias"))
        return F.linear(last.get_submodule("norm1")(x), weight, bias)


def load_structure(weights: Mapping[str, Path], device: torch.device | str = "cpu") -> PerceptualDistance:
    """The structure distance, computed on `device`.

    It is the mean over all pairs of tokens, including the class token, of the squared difference between the two
    images' cosines between keys.

    Args:
        weights: given or found files by name; dino is any DINO ViT; the paper uses ViT-B/8.
    Raises:
        WeightsError: the file is missing, refused, or of another network.
    """
    state = read_weights("dino", weights, OTHERWISE)
    given = f"--weights dino={weights['dino']}"
    network = _network(state, weights)
    sha256 = fill(network, {_torch_name(key): value for key, value in state.items()}, given)
    place(network, device)

    def distance(first: Tensor, second: Tensor) -> Tensor:
        with plain_float32():
            similarities = [_self_similarity(network(images.to(device))) for images in (first, second)]
        return (similarities[0] - similarities[1]).square().mean((1, 2))

    version = f"keys of block {len(network.blocks)}, {network.size} px bilinear antialiased, ImageNet mean and std"
    return PerceptualDistance(f"dino ViT {network.dim}/{network.patch}", sha256, version, distance)


def _self_similarity(keys: Tensor) -> Tensor:
    """Cosines (n, t, t) between keys (n, t, d)."""
    unit = F.normalize(keys, dim=-1)
    return unit @ unit.mT


def _network(state: Mapping[str, Tensor], weights: Mapping[str, Path]) -> Keys:
    """A network with the shapes of the file's tensors, without its weights."""
    try:
        _, tokens, dim = state["pos_embed"].shape
        patch = state["patch_embed.proj.weight"].shape[-1]
        hidden = len(state["blocks.0.mlp.fc1.bias"])
        depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
    except (KeyError, ValueError) as error:
        raise another_network("dino", weights, f"its tensors are not those of a ViT ({error})") from None
    side = isqrt(tokens - 1)
    if side**2 != tokens - 1 or dim % HEAD:
        raise another_network("dino", weights, f"no DINO ViT has {tokens} tokens of {dim} numbers")
    with undisturbed():
        return Keys(dim, depth, hidden, patch, side)


def _torch_name(key: str) -> str:
    for dino_part, torch_part in RENAMED.items():
        key = key.replace(dino_part, torch_part)
    return key
