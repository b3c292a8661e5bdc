"""What a study of many runs takes on disk, from the shapes of a method alone.

    python benchmarks/study_cost.py ugatit [--preset paper] [--size 256]

Prints the bytes of a checkpoint (the networks and image pools, and two numbers of Adam for each trained parameter), and
of generators.safetensors. The headers of the files, a few kB, are left out.
"""

from __future__ import annotations

import argparse
import json

from torch import Tensor

from ugbench import registry
from ugbench.runs import checkpoint
from ugbench.training.shapes import on_shapes


def bytes_of_a_checkpoint(name: str, preset: str, size: int) -> dict[str, int]:
    """The bytes of a checkpoint's tensors, and of those that translation needs."""
    config = registry.load_method(name).make_config(preset, None, {"size": size, "batch_size": 1, "steps": 1})
    with on_shapes(name, config) as (method, optimizers):
        trained = {id(parameter): parameter for group in optimizers.values() for parameter in group.group.parameters}
        moments = 2 * sum(parameter.nbytes for parameter in trained.values())
        state = sum(tensor.nbytes for tensor in method.state_dict().values() if isinstance(tensor, Tensor))
        generators = sum(tensor.nbytes for tensor in checkpoint.inference_state(method).values())
    return {"networks_and_pools": state, "adam": moments, "checkpoint": state + moments, "generators": generators}


def main() -> None:
    """Print the bytes as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method")
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--size", type=int, default=256)
    options = vars(parser.parse_args())
    print(json.dumps(bytes_of_a_checkpoint(options.pop("method"), **options)))


if __name__ == "__main__":
    main()
