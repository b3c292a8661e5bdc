"""Two parts of U-GAT-IT's loss: the logits that enter the adversarial loss, and the CAM loss.

Kim et al. 2020, section 2.2. `UGATIT.step` in ugatit/method.py adds up all loss terms.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ugatit.discriminator import DiscriminatorOutput
from ugatit.generator import GeneratorOutput


def adversarial_logits(kind: str, domain: str, output: DiscriminatorOutput) -> Iterator[tuple[str, Tensor]]:
    """The logits that enter the least-squares adversarial loss, each with the name of its loss term.

    They are those of the patches and, if the discriminator has an auxiliary classifier, those of the classifier.

    Args:
        kind: "global" or "local".
        domain: "a" or "b".
    """
    yield f"{kind}_{domain}", output.logits
    if output.cam_logits is not None:
        yield f"{kind}_cam_{domain}", output.cam_logits


def cam_loss(source: GeneratorOutput, target: GeneratorOutput) -> Tensor:
    """Cross-entropy of a generator's auxiliary classifier, whose label is 1 for source and 0 for target images.

    Args:
        source: the generator's output for images of its source domain; has CAM logits.
        target: its output for images of its target domain; has CAM logits.
    """
    assert source.cam_logits is not None and target.cam_logits is not None
    source_logits, target_logits = source.cam_logits, target.cam_logits
    return F.binary_cross_entropy_with_logits(
        source_logits, torch.ones_like(source_logits)
    ) + F.binary_cross_entropy_with_logits(target_logits, torch.zeros_like(target_logits))
