"""How strong a pull on rho the dial study could see: Adam on noise with a pull, at the study's rates.

The gradient of a channel is normal noise of variance 1 around a mean of `pull`, which is towards 1 if it is positive.
The simulation contains nothing else of training. Rates, betas, steps and the clamp to [0, 1] are those of the study.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

NETWORKS_RATE = 1e-3
BETAS = (0.5, 0.999)


def simulate(pulls: Sequence[float], rate: float, steps: int, channels: int) -> dict[str, Any]:
    """Where rho ends for each pull: means over the channels, their spread, and whether two starts agree.

    Args:
        pulls: means of the gradient, in units of its noise.
        rate: of rho, as a factor of the networks' rate.
    """
    torch.manual_seed(0)
    rows = []
    for pull in pulls:
        from_0, from_1 = (final_rho(start, torch.full((channels,), pull), rate, steps) for start in (0.0, 1.0))
        # Half of the channels are pulled up and half down, as if the data placed each channel differently.
        alternating = pull * (2 * (torch.arange(channels) % 2) - 1)
        apart = torch.stack([final_rho(start, alternating, rate, steps) for start in (0.0, 1.0)])
        rows.append(
            {
                "pull": pull,
                "mean_from_0": round(float(from_0.mean()), 3),
                "mean_from_1": round(float(from_1.mean()), 3),
                "sd_over_channels": round(float(from_0.std()), 3),
                "at_0_or_1": round(float(((from_0 == 0) | (from_0 == 1)).double().mean()), 3),
                "correlation_if_channels_differ": round(float(torch.corrcoef(apart)[0, 1]), 3),
            }
        )
    return {"rate": rate, "steps": steps, "rows": rows}


def final_rho(start: float, pull: Tensor, rate: float, steps: int) -> Tensor:
    """Final rho (n,) of channels that start at `start` and are pulled by (n,) means, in units of the noise."""
    rho = torch.full_like(pull, start).requires_grad_()
    adam = torch.optim.Adam([rho], lr=NETWORKS_RATE * rate, betas=BETAS)
    for step in range(steps):
        adam.param_groups[0]["lr"] = NETWORKS_RATE * rate * min(1.0, 2 * (steps - step) / steps)
        rho.grad = -pull - torch.randn_like(pull)
        adam.step()
        with torch.no_grad():
            rho.clamp_(0, 1)
    return rho.detach()
