"""Time from the start of `ugbench translate` to its end with one image, beside that of `import torch`, in turns.

    PYTHONPATH=benchmarks python benchmarks/first_image.py

Each command runs in a process of its own, on one thread. A tiny CycleGAN of two steps is trained first. The processor
time is the figure that other programs on the machine disturb least.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import make_parser, print_figures

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


def seconds(words: list[str]) -> dict[str, float]:
    """Wall time of `python WORDS` and its processor time."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=ONE_THREAD)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - began, "processor": processor}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--size", type=int, default=64, help="image size in px")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        data, results = Path(folder, "data"), Path(folder, "results")
        dataset = ["--dataset", f"dial:size={options.size},train=4,test=1", "--data-root", str(data)]
        config = ["--preset", "smoke", "--size", str(options.size), "--steps", "2", "--device", "cpu"]
        seconds(["-m", "ugbench", "train", "cyclegan", *dataset, *config, "--results", str(results)])
        run = next(results.rglob("generators.safetensors")).parent
        image = next(path for path in data.rglob("*.png") if path.parent.name == "testA")
        translate = ["translate", str(run), "--input", str(image), "--output", str(Path(folder, "out"))]
        commands = {
            "import torch": ["-c", "import torch"],
            "ugbench translate": ["-m", "ugbench", *translate, "--device", "cpu"],
        }
        rounds = [{name: seconds(words) for name, words in commands.items()} for _ in range(options.rounds)]
    figures = {
        "size": options.size,
        "rounds": options.rounds,
        **{
            name: {clock: statistics.median(times[name][clock] for times in rounds) for clock in ("wall", "processor")}
            for name in commands
        },
        "beyond_import_torch": {
            clock: statistics.median(
                times["ugbench translate"][clock] - times["import torch"][clock] for times in rounds
            )
            for clock in ("wall", "processor")
        },
    }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
