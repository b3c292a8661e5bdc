"""KID over subsets from given features: this package against torch-fidelity, in turns in one process.

    python benchmarks/kid.py                     5,000 x 5,000 x 2,048, 100 subsets of 1,000
    python benchmarks/kid.py --images 2000 --subset-size 400

Both take the same subsets of the same random features. Ratios are taken within each round, so that a busy machine is
busy for both. The processor time is given beside the wall time, since it leaves out what other programs ran meanwhile.
"""

import os
import statistics
import sys

import torch
from measuring import machine, make_parser, print_figures, timed
from torch import Tensor
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

from ugbench.metrics import kid


def features(images: int, dim: int) -> tuple[Tensor, Tensor]:
    """Two sets (images, dim) like Inception's: nonnegative, with a mean of about 0.4, and slightly different."""
    generator = torch.Generator().manual_seed(0)
    fake, real = (torch.randn(images, dim, generator=generator).square_().mul_(0.4) for _ in range(2))
    return fake.add_(0.02), real


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=5000, help="images in each of the two sets")
    parser.add_argument("--dim", type=int, default=2048, help="length of a feature")
    parser.add_argument("--subsets", type=int, default=100)
    parser.add_argument("--subset-size", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=2, help="number of rounds")
    options = parser.parse_args()
    fake, real = features(options.images, options.dim)

    def ours() -> float:
        return kid.compute(fake, real, subset_size=options.subset_size, subsets=options.subsets, seed=2020).value

    def theirs() -> float:
        sizes = {"kid_subset_size": options.subset_size, "kid_subsets": options.subsets}
        return float(kid_features_to_metric(real, fake, **sizes, rng_seed=2020, verbose=False)[KEY_METRIC_KID_MEAN])

    rounds = []
    for _ in range(options.runs):
        (value, seconds), (their_value, their_seconds) = timed(ours), timed(theirs)
        rounds.append({"ugbench": seconds, "torch_fidelity": their_seconds})
        print(f"ugbench {seconds['wall']:.1f} s  torch-fidelity {their_seconds['wall']:.1f} s", file=sys.stderr)
    figures = {
        **{name: getattr(options, name) for name in ("images", "dim", "subsets", "subset_size")},
        **machine(),
        "load_average": os.getloadavg()[0],
        "seconds": rounds,
        "times_faster": {
            clock: statistics.median(times["torch_fidelity"][clock] / times["ugbench"][clock] for times in rounds)
            for clock in ("wall", "processor")
        },
        "values": {"ugbench": value, "torch_fidelity": their_value},
        "values_differ_by": abs(value - their_value),
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
