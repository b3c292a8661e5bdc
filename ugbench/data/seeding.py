"""One random generator for each use of randomness, so that no draw depends on the draws before it."""

from __future__ import annotations

import hashlib

import torch


def generator_for(seed: int, *key: object) -> torch.Generator:
    """A new CPU generator for a seed and a key, for example generator_for(0, step, "crop_a").

    Its own seed is the first 7 bytes of the SHA-256 of "seed/key/…". Equal arguments give equal generators, and
    different keys give generators that are independent of each other.
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *key))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
