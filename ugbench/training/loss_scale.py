"""The scale of the losses of a training in float16, whose range is short: small gradients would become 0 in it.

Micikevicius et al., "Mixed Precision Training", ICLR 2018, section 3.2. The total loss of a phase is multiplied by the
scale before the backward pass, and its gradients are divided by it afterwards, so that the update is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ugbench.nn.across_ranks import ALONE, Ranks
from ugbench.nn.factored_linear import FactoredLinear
from ugbench.training.gradients import Gradient, gradients_of, norms_of, scaled
from ugbench.training.ranks import agreed

ATTEMPTS = 10
"""The most backward passes of one phase, each with half the scale of the one before. If the gradients of the last one
are not finite either, they are returned as they are."""
GROWTH_INTERVAL = 2000
"""Phases without an overflow after which the scale is doubled, as in PyTorch's GradScaler."""
LARGEST = 2.0**24


@dataclass
class LossScale:
    """The scale, and the phases since it was last changed; a checkpoint has both.

    Unlike PyTorch's GradScaler it leaves out no update: where a gradient overflows, the scale is halved and the
    backward pass is done again. So the number of updates, and with it all schedules, are those of the steps. It waits
    for the device once per backward pass.
    """

    scale: float = 2.0**16
    phases: int = 0

    def gradients_of(
        self,
        total: Tensor,
        parameters: Sequence[nn.Parameter],
        factored: Iterable[FactoredLinear],
        phase: str,
        ranks: Ranks = ALONE,
    ) -> dict[nn.Parameter, Gradient]:
        """As `ugbench.training.gradients.gradients_of`; not finite if the loss is not, or no scale helps.

        Args:
            ranks: they change the scale together, where the gradient of one of them overflows.
        """
        factored = list(factored)
        for attempts_left in reversed(range(ATTEMPTS)):
            gradients = gradients_of(total * self.scale, parameters, factored, phase, keep_graph=attempts_left > 0)
            gradients = scaled(gradients, torch.tensor(1 / self.scale, dtype=total.dtype, device=total.device))
            overflows = not torch.isfinite(torch.stack(norms_of(gradients.values()))).all()
            is_lost = (overflows or ranks.count > 1) and not torch.isfinite(total)
            overflows, is_lost = map(bool, agreed(ranks, (int(overflows), int(is_lost))))
            if not overflows:
                break
            if is_lost:
                return gradients
            self.scale, self.phases = max(1.0, self.scale / 2), 0
        else:
            return gradients
        self.phases += 1
        if self.phases == GROWTH_INTERVAL:
            self.scale, self.phases = min(LARGEST, 2 * self.scale), 0
        return gradients
