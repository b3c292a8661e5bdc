"""The bytes that each rank gives to the others in a training step, from the shapes of a method alone.

    python benchmarks/bytes_between_ranks.py ugatit [--preset paper] [--size 256] [--batch-size 4] [--ranks 4]

Gradients in factors (ugbench.nn.factored_linear) are counted as factors, and beside them as the whole gradients that
would be sent without. The gradient of a parameter is counted once per phase that trains it; loss values are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from torch import Tensor, nn

from ugbench import registry
from ugbench.nn.factored_linear import FactoredGradient
from ugbench.training import step
from ugbench.training.gradients import Gradient, gradients_of
from ugbench.training.shapes import on_shapes, train_on_shapes


def bytes_of_a_step(name: str, preset: str, size: int, batch_size: int, ranks: int) -> dict[str, int]:
    """The bytes of a step by what is sent, with equal parts of the batch on all ranks."""
    overrides = {"size": size, "batch_size": batch_size // ranks, "steps": 1}
    config = registry.load_method(name).make_config(preset, None, overrides)
    sent = {"whole": 0, "factors": 0, "whole_in_place_of_factors": 0}

    def counting(*arguments: Any, **options: Any) -> Mapping[nn.Parameter, Gradient]:
        gradients = gradients_of(*arguments, **options)
        for parameter, gradient in gradients.items():
            if isinstance(gradient, FactoredGradient):
                sent["factors"] += gradient.outputs.nbytes + gradient.inputs.nbytes
                sent["whole_in_place_of_factors"] += parameter.nbytes
            elif isinstance(gradient, Tensor):
                sent["whole"] += gradient.nbytes
        return gradients

    with patch.object(step, "gradients_of", counting), on_shapes(name, config) as (method, optimizers):
        train_on_shapes(method, optimizers)
    return {key: number // method.period for key, number in sent.items()}


def main() -> None:
    """Print the bytes of a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--preset", default="paper")
    for option, default in (("--size", 256), ("--batch-size", 4), ("--ranks", 4)):
        parser.add_argument(option, type=int, default=default)
    options = vars(parser.parse_args())
    print(json.dumps(bytes_of_a_step(options.pop("method"), **options)))


if __name__ == "__main__":
    main()
