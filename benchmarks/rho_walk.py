"""How strong a pull on rho the dial study could see: Adam on noise with a pull, under the study's rates.

A channel's gradient is normal noise of variance 1 about a mean of `pull`, towards 1 where it is positive; nothing else
of training is in it. Rates, betas, steps and the clamp to [0, 1] are those of `ugbench ablate --dial`.

    python benchmarks/rho_walk.py
"""

import argparse
import json

import torch
from torch import Tensor

CHANNELS = 20_000
BETAS = (0.5, 0.999)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=100.0, help="times the networks' rate of 1e-3")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--pulls", default="0,0.02,0.05,0.1,0.2")
    parser.add_argument("--channels", type=int, default=CHANNELS)
    given = parser.parse_args()
    torch.manual_seed(0)
    rows = []
    for pull in map(float, given.pulls.split(",")):
        ends = [walk(start, torch.full((given.channels,), pull), given.rate, given.steps) for start in (0.0, 1.0)]
        # Half of the channels are pulled up and half down, as where each has a place of its own.
        own = pull * (2 * (torch.arange(given.channels) % 2) - 1)
        apart = torch.stack([walk(start, own, given.rate, given.steps) for start in (0.0, 1.0)])
        rows.append(
            {
                "pull": pull,
                "mean_from_0": round(float(ends[0].mean()), 3),
                "mean_from_1": round(float(ends[1].mean()), 3),
                "sd_over_channels": round(float(ends[0].std()), 3),
                "at_0_or_1": round(float(((ends[0] == 0) | (ends[0] == 1)).double().mean()), 3),
                "correlation_if_channels_differ": round(float(torch.corrcoef(apart)[0, 1]), 3),
            }
        )
    print(json.dumps({"rate": given.rate, "steps": given.steps, "rows": rows}, indent=2))


def walk(start: float, pull: Tensor, rate: float, steps: int) -> Tensor:
    """Where channels end, (n,), that started at `start` and are pulled with (n,) means in units of the noise."""
    rho = torch.full_like(pull, start).requires_grad_()
    adam = torch.optim.Adam([rho], lr=1e-3 * rate, betas=BETAS)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 1e-3 * rate * min(1.0, 2 * (steps - step) / steps)
        rho.grad = -pull - torch.randn_like(pull)
        adam.step()
        with torch.no_grad():
            rho.clamp_(0, 1)
    return rho.detach()


if __name__ == "__main__":
    main()
