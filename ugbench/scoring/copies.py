"""Outputs that are copies, in words; `ugbench.data.copies` finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from ugbench.scoring.record import Originals

IN_WORDS: Mapping[Originals, str] = MappingProxyType(
    {"references": "references", "training": "training images", "inputs": "their own inputs"}
)
EXAMPLES = 3


Copies: TypeAlias = Mapping[Originals, Mapping[Path, Path]]
"""The original of each output that is a copy, by the kind of the original."""


def count_copies(copies: Copies) -> dict[Originals, int]:
    """How many outputs are copies of each kind of original, as score records state it."""
    return {kind: len(pairs) for kind, pairs in copies.items()}


def describe_copies(copies: Copies) -> Iterator[str]:
    """A sentence for each kind of original of which there are copies; it names the first ones."""
    for kind, pairs in copies.items():
        if pairs:
            examples = [f"{output.name} of {original}" for output, original in list(pairs.items())[:EXAMPLES]]
            more = f" and {len(pairs) - EXAMPLES} more" if len(pairs) > EXAMPLES else ""
            noun = "output is a copy" if len(pairs) == 1 else "outputs are copies"
            yield f"{len(pairs)} {noun} of {IN_WORDS[kind]}: {', '.join(examples)}{more}."
