"""`ugbench eval` of many image files, from the start of the command to its scores.

    PYTHONPATH=benchmarks python benchmarks/many_scores.py                     two folders of 50,000 images of 64 px
    PYTHONPATH=benchmarks python benchmarks/many_scores.py --extractor alexnet --weights alexnet=FILE

The command runs twice: with an empty cache, and once more with all features in the cache. The images are noise in a
random colour, and those of one folder are darker, so the values say nothing. With `--brightness 1` the two folders have
one distribution, and KID tests whether they are equal. `peak_bytes` is the peak of the command's resident memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from evaluation import draw, processor_seconds
from measuring import machine, make_parser, print_figures


def evaluate(place: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of the command in a process of its own, with its wall time, processor time and peak memory."""
    words = ["-m", "ugbench", "eval", "--real", place / "real", "--fake", place / "fake", "--json"]
    words += ["--metric", options.metric, "--extractor", options.extractor, "--cache", place / "cache"]
    words += ["--weights", options.weights] if options.weights else []
    start, start_processor = time.perf_counter(), processor_seconds()
    process = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.PIPE, text=True)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    if process.returncode:
        sys.exit(process.returncode)
    return {
        "wall": time.perf_counter() - start,
        "processor": processor_seconds() - start_processor,
        "peak_bytes": peak[0],
        "scores": {record["metric"]: record["value"] for record in json.loads(output)},
    }


def _watch(process: subprocess.Popen[str], peak: list[int]) -> None:
    """Keep the highest resident memory that Linux has seen of a process."""
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = status.read_text(encoding="utf-8").splitlines()
        except OSError:  # it has just ended
            return
        peak[0] = max([peak[0], *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))])
        time.sleep(0.2)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--images", type=int, default=50_000, help="images of each folder")
    parser.add_argument(
        "--brightness", type=float, default=0.8, help="of the outputs, as a share of that of the others"
    )
    parser.add_argument("--metric", default="kid,fid")
    parser.add_argument("--extractor", default="random")
    parser.add_argument("--weights", help="NAME=FILE of the extractor")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for seed, (name, brightness) in enumerate({"real": 1.0, "fake": options.brightness}.items()):
            draw(place / name, options.images, seed, brightness)
        load = os.getloadavg()[0]
        figures = {
            "images": options.images,
            "extractor": options.extractor,
            "brightness": options.brightness,
            **machine(),
            "load_average": load,
            "computed": evaluate(place, options),
            "cached": evaluate(place, options),
        }
    print_figures(figures, options.output)


if __name__ == "__main__":
    main()
