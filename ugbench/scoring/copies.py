"""Outputs that are copies, in words; `ugbench.data.copies` finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ugbench.scoring.record import Originals

IN_WORDS: Mapping[Originals, str] = MappingProxyType(
    {"references": "references", "training": "training images", "inputs": "their own inputs"}
)
EXAMPLES = 3


def describe_copies(copies: Mapping[Originals, Mapping[Path, Path]]) -> Iterator[str]:
    """A sentence for each kind of which there are copies, with the first ones.

    Args:
        copies: the original of each output that is a copy.
    """
    for kind, pairs in copies.items():
        if pairs:
            examples = [f"{output.name} of {original}" for output, original in list(pairs.items())[:EXAMPLES]]
            more = f" and {len(pairs) - EXAMPLES} more" if len(pairs) > EXAMPLES else ""
            noun = "output is a copy" if len(pairs) == 1 else "outputs are copies"
            yield f"{len(pairs)} {noun} of {IN_WORDS[kind]}: {', '.join(examples)}{more}."
