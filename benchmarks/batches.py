"""What it gains to prepare batches ahead: steps whose batch is made when it is asked for, and ahead in a thread.

    python benchmarks/batches.py                                       UNIT at 64 px, smoke
    python benchmarks/batches.py --preset paper --size 128 --steps 5

`seconds_waiting` is how long a step waits for its batch, and `processor_seconds` what it computes for it itself, in the
thread that trains. On a busy machine the last figure is the one that other programs disturb least.
"""

import statistics
import time
from collections.abc import Callable

from gpu_training import config_of, training
from measuring import machine, make_parser, print_figures

from ugbench.arithmetic import computing_on
from ugbench.device import pick_device
from ugbench.method import Batch
from ugbench.training.bench import wait_for


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--method", default="unit")
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--size", type=int, default=64, help="image size in px")
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20, help="steps of each kind, after one that is not measured")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = pick_device(options.device)
    config = config_of(options.method, options.preset, {"size": options.size, "batch_size": options.batch_size})
    times: dict[str, list[tuple[float, float, float]]] = {"when asked": [], "ahead": []}
    with computing_on(device), training(options.method, config, device) as trained:
        kinds: dict[str, Callable[[int], Batch]] = {
            "when asked": trained.batch_at,
            "ahead": trained.batches.at,
        }
        for step in range(1 + options.steps):
            for kind, batch_at in kinds.items():
                wait_for(device)
                began, began_processor = time.perf_counter(), time.thread_time()
                batch = batch_at(step)
                waited, processor = time.perf_counter() - began, time.thread_time() - began_processor
                trained.advance(batch)
                wait_for(device)
                times[kind].append((waited, processor, time.perf_counter() - began))
    measured = {kind: of[1:] for kind, of in times.items()}
    figures = {
        "device": str(device),
        **machine(),
        "method": options.method,
        "size": options.size,
        "batch_size": options.batch_size,
        "kinds": {
            kind: {
                "seconds_waiting": statistics.median(waited for waited, _, _ in of),
                "processor_seconds": statistics.median(processor for _, processor, _ in of),
                "seconds_per_step": statistics.median(whole for _, _, whole in of),
            }
            for kind, of in measured.items()
        },
        "share_of_the_time": statistics.median(
            ahead / asked for (_, _, asked), (_, _, ahead) in zip(*measured.values(), strict=True)
        ),
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
