"""The suffixes that other tools add to the stem of a source, and which of their files are outputs.

`test.py` of the PyTorch code of CycleGAN and pix2pix writes 7_fake_B.png beside 7_real_A.png and 7_rec_A.png, or
7_fake.png beside 7_real.png; pix2pixHD writes 7_synthesized_image.jpg beside 7_input_label.jpg, and the TensorFlow code
of pix2pix 7-outputs.png beside 7-inputs.png.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ugbench.direction import Direction

OUTPUTS = ("_fake", "_synthesized_image", "-outputs")
NO_OUTPUTS = ("_real", "_input_label", "-inputs", "-targets")
# CycleGAN's code names the files of both directions after the sources of A2B, so the sources of B2A are not known.
OUTPUTS_OF: dict[Direction, tuple[str, ...]] = {"A2B": (*OUTPUTS, "_fake_B"), "B2A": (*OUTPUTS, "_fake_A")}
NO_OUTPUTS_OF: dict[Direction, tuple[str, ...]] = {
    "A2B": (*NO_OUTPUTS, "_real_A", "_rec_A", "_real_B", "_fake_A", "_rec_B"),
    "B2A": NO_OUTPUTS,
}


@dataclass(frozen=True)
class SuffixedFiles:
    """The files of a tool that adds suffixes to the stems of sources.

    Attributes:
        suffix: the suffix of the outputs.
        outputs: the files with it.
        others: files of the tool with other suffixes, which are no outputs.
    """

    suffix: str
    outputs: tuple[Path, ...]
    others: tuple[Path, ...]


def suffixed_files(images: Sequence[Path], source_stems: Collection[str], direction: Direction) -> SuffixedFiles | None:
    """The outputs of a direction among images, if their stems are those of sources with one of the known suffixes.

    None where that is not certain: a stem is that of a source as it is, or is not that of a source even without a known
    suffix, or outputs have several suffixes.
    """
    by_suffix: dict[str, list[Path]] = {}
    outputs, known = OUTPUTS_OF[direction], (*OUTPUTS_OF[direction], *NO_OUTPUTS_OF[direction])
    for image in images:
        suffix = next((suffix for suffix in known if image.stem.endswith(suffix)), None)
        if suffix is None or image.stem in source_stems or image.stem.removesuffix(suffix) not in source_stems:
            return None
        by_suffix.setdefault(suffix, []).append(image)
    found = [suffix for suffix in by_suffix if suffix in outputs]
    if len(found) != 1:
        return None
    others = [image for suffix, files in by_suffix.items() if suffix not in outputs for image in files]
    return SuffixedFiles(found[0], tuple(by_suffix[found[0]]), tuple(others))
