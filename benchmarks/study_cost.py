"""What a run of a method takes, from the shapes of its networks alone: nothing is computed.

    python benchmarks/study_cost.py ugatit [--preset paper] [--size 256] [--set KEY=VALUE …]

Prints the parameters of all trained networks; the FLOPs (multiplications and additions of convolutions and matrix
products) of the translation of an image and of a training step with an image per domain, the mean over a period; and
the bytes of a checkpoint (the networks and image pools, and two numbers of Adam for each trained parameter) and of
generators.safetensors. The headers of the files, a few kB, are left out.
"""

from __future__ import annotations

import argparse
import json

import torch
from torch import Tensor

from ugbench import registry
from ugbench.method import Method
from ugbench.runs import checkpoint
from ugbench.training.counts import count
from ugbench.training.flops import flop_counter
from ugbench.training.shapes import on_shapes


def costs(name: str, preset: str, size: int, settings: dict[str, str]) -> dict[str, int | None]:
    """The figures of a method; see the docstring of this module."""
    fields = {"size": size, "batch_size": 1, "steps": 1, **settings}
    config = registry.load_method(name).make_config(preset, None, fields)
    with on_shapes(name, config) as (method, optimizers):
        trained = {id(parameter): parameter for group in optimizers.values() for parameter in group.group.parameters}
        moments = 2 * sum(parameter.nbytes for parameter in trained.values())
        state = sum(tensor.nbytes for tensor in method.state_dict().values() if isinstance(tensor, Tensor))
        generators = sum(tensor.nbytes for tensor in checkpoint.inference_state(method).values())
        translation = translation_flops(method)
    return {
        "parameters": sum(parameter.numel() for parameter in trained.values()),
        "flops_per_translation": translation,
        "flops_per_step": count(name, config).flops_per_step,
        "networks_and_pools": state,
        "adam": moments,
        "checkpoint": state + moments,
        "generators": generators,
    }


def translation_flops(method: Method) -> int:
    """The FLOPs of the translation of one image, with a given style if the method has one."""
    image = torch.zeros(1, 3, *method.config.image_shape)
    style = torch.zeros(1, method.style_dim) if method.style_dim else None
    with torch.no_grad(), flop_counter() as counter:
        method.eval().translate(image, method.directions[0], style)
    return int(counter.get_total_flops())


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a field of the config")
    options = parser.parse_args()
    settings = dict(text.split("=", 1) for text in options.set)
    print(json.dumps(costs(options.method, options.preset, options.size, settings)))


if __name__ == "__main__":
    main()
