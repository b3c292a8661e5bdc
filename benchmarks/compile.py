"""A training step with compiled networks against the same step with eager ones, in turns in one process.

    python benchmarks/compile.py                              light U-GAT-IT, 64 px, float32
    python benchmarks/compile.py --method cyclegan --size 64 --precision bf16 --rounds 9

`fault` says whether compiled gradients are wrong, which makes their time worth nothing; null: they are not.

The first compiled step makes all graphs; its time, less that of a later step, is what compiling takes. Graphs that an
earlier call stored are used again, so give an empty folder in TORCHINDUCTOR_CACHE_DIR to measure compiling.
"""

import os
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from measuring import machine, make_parser, print_figures

from ugbench import registry
from ugbench.device import Precision
from ugbench.errors import UgbenchError
from ugbench.training.compiled_gradients import check_gradients
from ugbench.training.compiling import CompiledNetworks
from ugbench.training.ready import made_ready, random_batches
from ugbench.training.step import train_step

CPU = torch.device("cpu")


def step_of(
    name: str, preset: str, fields: dict[str, Any], precision: Precision, backend: str | None
) -> tuple[Callable[[], None], Callable[[], str | None]]:
    """A training step as a call without arguments, and a check of it. Without a backend it is eager.

    Each call of the step trains the next one. The check returns what is wrong with the compiled gradients, if anything.
    """
    torch.manual_seed(0)
    method_class = registry.load_method(name)
    method = method_class(method_class.make_config(preset, None, fields).resolved(1000, 1000)).train()
    phases = made_ready(method, CPU, precision)
    compiled = CompiledNetworks(method, backend) if backend else None
    batches = random_batches(method, CPU)
    numbers = iter(range(1_000_000))

    def step() -> None:
        with nullcontext() if compiled is None else compiled.in_use():
            train_step(method, phases, batches.at(next(numbers)))

    def fault() -> str | None:
        try:
            if compiled is not None:
                check_gradients(method, phases, batches.at(0), compiled)
        except UgbenchError as error:
            return str(error)
        return None

    return step, fault


def timed(step: Callable[[], None]) -> float:
    """The wall time of a step in seconds."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--method", default="ugatit")
    parser.add_argument("--preset", default="light")
    parser.add_argument("--size", type=int, default=64, help="image size in px")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds after the first steps")
    parser.add_argument("--backend", default="inductor", help="backend of torch.compile")
    options = parser.parse_args()
    fields = {"size": options.size, "batch_size": options.batch_size, "steps": 1_000}
    (eager, _), (compiled, fault) = (
        step_of(options.method, options.preset, fields, options.precision, backend)
        for backend in (None, options.backend)
    )
    first_eager, first_compiled = timed(eager), timed(compiled)
    seconds = [(timed(eager), timed(compiled)) for _ in range(options.rounds)]
    medians = [statistics.median(side) for side in zip(*seconds, strict=True)]
    figures = {
        "method": options.method,
        "preset": options.preset,
        "size": options.size,
        "batch_size": options.batch_size,
        "precision": options.precision,
        "first_step": {"eager": first_eager, "compiled": first_compiled},
        "seconds_per_step": {"eager": medians[0], "compiled": medians[1]},
        "eager_over_compiled": statistics.median(before / after for before, after in seconds),
        "compile_seconds": first_compiled - medians[1],
        "rounds": seconds,
        "fault": fault(),
        "load_average": os.getloadavg(),
        **machine(),
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
