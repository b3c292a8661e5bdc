"""How large the page of `ugbench report` is for a large folder, and how long a browser takes to open it.

    python benchmarks/report.py                      10 methods, 100 images per direction, 256 px
    python benchmarks/report.py --methods 4 --runs 5

The results folder is made here. It holds 100 different pictures (noise over gradients) under many names; the page holds
every file, also equal ones. Opening is timed in the system's headless Chromium, from opening the file until the load
event, and until the first pictures are in the page, each time in a fresh profile. The processor time of the page's
process is measured too, since it does not depend on what else the machine does.
"""

import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import make_parser, print_figures
from PIL import Image
from playwright.sync_api import sync_playwright

from ugbench.report.contents import collect_report
from ugbench.report.html_page import write
from ugbench.runs.run import DatasetRecord, RunConfig, open_run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord

SIZE = 256


def picture(generator: np.random.Generator) -> bytes:
    """A PNG of smooth colours with noise at scales of eight pixels and of one pixel."""
    small = [generator.integers(0, 256, (side, side, 3), dtype=np.uint8) for side in (4, SIZE // 8)]
    gradient, noise = (
        np.asarray(Image.fromarray(layer).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for layer in small
    )
    pixels = 0.65 * gradient + 0.3 * noise + generator.normal(0, 6, (SIZE, SIZE, 3))
    content = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(content, "PNG", compress_level=1)
    return content.getvalue()


def fill(folder: Path, pictures: list[bytes], images: int) -> None:
    """Write this many image files, with the pictures in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(images):
        (folder / f"{index:05d}.png").write_bytes(pictures[index % len(pictures)])


def make_results(folder: Path, methods: int, images: int) -> Path:
    """A results folder with one run per method, each with outputs, overlays, a log of 1,000 lines and two scores."""
    generator = np.random.default_rng(0)
    pictures = [picture(generator) for _ in range(100)]
    root = folder / "data"
    for split in ("testA", "testB"):
        fill(root / split, pictures, images)
    results = folder / "results"
    for index in range(methods):
        config = RunConfig(
            method=f"method{index}",
            variant=None,
            preset="paper",
            config={"size": SIZE, "steps": 100_000},
            dataset=DatasetRecord(name="data", root=str(root), fingerprint="data", images={}),
            direction=None,
            seed=0,
            precision="fp32",
        )
        run = open_run(results / "data", config)
        rows = [
            {"step": 100 * (k + 1), **{f"generators/term{t}": float(generator.random()) for t in range(12)}}
            for k in range(1000)
        ]
        (run.path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        for direction in ("A2B", "B2A"):
            for part in (".", "attention"):
                fill(run.outputs(direction) / part, pictures, images)
        record.append(run.scores_file, [score(run.id, index, direction) for direction in ("A2B", "B2A")])
    return results


def score(run: str, index: int, direction: str) -> ScoreRecord:
    """A KID that rises with the index of the method."""
    value = 0.01 * (index + 1)
    fields = {"run": run, "dataset": "data", "direction": direction, "method": f"method{index}", "variant": None}
    numbers = {"value": value, "se": 0.001, "low": value - 0.002, "high": value + 0.002, "n_fake": 100, "n_real": 100}
    kind = {"metric": "kid", "higher_is_better": False, "comparable": True, "protocol_id": "made"}
    return ScoreRecord(**fields, **numbers, **kind, seed=0, step=100_000, protocol={"name": "target", "metric": "kid"})


def time_opening(file: Path, runs: int) -> dict[str, list[float]]:
    """Seconds to the load event, to the first pictures, and processor seconds to the first pictures, for each run."""
    seconds: dict[str, list[float]] = {"load": [], "pictures": [], "pictures_of_processor": []}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(runs):
            page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
            protocol = page.context.new_cdp_session(page)
            protocol.send("Performance.enable")
            start = time.perf_counter()
            page.goto(file.as_uri(), wait_until="load")
            seconds["load"].append(time.perf_counter() - start)
            page.evaluate("document.querySelector('.gallery').scrollIntoView()")
            page.wait_for_function("document.querySelectorAll('.shot img').length > 0 && document.images[0].complete")
            seconds["pictures"].append(time.perf_counter() - start)
            metrics = {metric["name"]: metric["value"] for metric in protocol.send("Performance.getMetrics")["metrics"]}
            seconds["pictures_of_processor"].append(metrics["ProcessTime"])
            page.context.close()
        chromium.close()
    return seconds


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--methods", type=int, default=10)
    parser.add_argument("--images", type=int, default=100, help="test images per direction")
    parser.add_argument("--shown", type=int, default=200, help="most test images that the page shows")
    parser.add_argument("--runs", type=int, default=5, help="how often the page is opened")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = make_results(Path(folder), options.methods, options.images)
        start = time.perf_counter()
        file = Path(folder) / "report.html"
        write(collect_report(results, images=options.shown), file)
        written = time.perf_counter() - start
        seconds = time_opening(file, options.runs)
        numbers = {
            "methods": options.methods,
            "images": options.images,
            "megabytes": round(file.stat().st_size / 1e6, 2),
            "seconds_to_write": round(written, 1),
            **{f"seconds_to_{name}": [round(value, 2) for value in values] for name, values in seconds.items()},
            **{f"median_to_{name}": round(statistics.median(values), 2) for name, values in seconds.items()},
            "load_average": round(os.getloadavg()[0], 1),
        }
    print_figures(numbers, options.output)


if __name__ == "__main__":
    main()
