"""`ugbench report` of a large folder: how large the page is, and how long a browser takes to open it.

    python benchmarks/report.py                      10 methods, 100 images a direction, 256 px
    python benchmarks/report.py --methods 4 --runs 5

The folder is made here of 100 pictures, noise over gradients, under many names: the page holds each file, however
equal. Opening is timed in headless Chromium (the system's) from the call to go to the file until the load event, and
until the first pictures stand in the page, each time in a fresh profile. The processor's time of the page's process is
given beside the wall's, since only it leaves out what else the machine did.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from ugbench.report.contents import collect_report
from ugbench.report.html_page import render
from ugbench.runs.run import DatasetRecord, RunConfig, open_run
from ugbench.scoring import record
from ugbench.scoring.record import ScoreRecord

SIZE = 256


def picture(generator: np.random.Generator) -> bytes:
    """A PNG of smooth colours with noise of eight pixels and of one."""
    coarse = generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    middle = generator.integers(0, 256, (SIZE // 8, SIZE // 8, 3), dtype=np.uint8)
    layers = [
        np.asarray(Image.fromarray(layer).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for layer in (coarse, middle)
    ]
    pixels = 0.65 * layers[0] + 0.3 * layers[1] + generator.normal(0, 6, (SIZE, SIZE, 3))
    made = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(made, "PNG", compress_level=1)
    return made.getvalue()


def fill(folder: Path, pictures: list[bytes], images: int) -> None:
    """So many files, the pictures over and over."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(images):
        (folder / f"{place:05d}.png").write_bytes(pictures[place % len(pictures)])


def make(folder: Path, methods: int, images: int) -> Path:
    """A results folder of so many runs, each with outputs, overlays, a log of 1,000 lines and two scores a way."""
    generator = np.random.default_rng(0)
    pictures = [picture(generator) for _ in range(100)]
    root = folder / "data"
    for split in ("testA", "testB"):
        fill(root / split, pictures, images)
    results = folder / "results"
    for place in range(methods):
        config = RunConfig(
            method=f"method{place}",
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
                fill(run.path / "outputs" / direction / part, pictures, images)
        record.append(run.path / record.FILE, [score(run.id, place, way) for way in ("A2B", "B2A")])
    return results


def score(run: str, place: int, direction: str) -> ScoreRecord:
    """A KID that rises with the method's place."""
    value = 0.01 * (place + 1)
    fields = {"run": run, "dataset": "data", "direction": direction, "method": f"method{place}", "variant": None}
    numbers = {"value": value, "se": 0.001, "low": value - 0.002, "high": value + 0.002, "n_fake": 100, "n_real": 100}
    kind = {"metric": "kid", "higher_is_better": False, "comparable": True, "protocol_id": "made"}
    return ScoreRecord(**fields, **numbers, **kind, seed=0, step=100_000, protocol={"name": "target", "metric": "kid"})


def opened(file: Path, runs: int) -> dict[str, list[float]]:
    """Seconds to the load event, to the first pictures, and of the page's processor time till then, of each opening."""
    found: dict[str, list[float]] = {"load": [], "pictures": [], "pictures_of_processor": []}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(runs):
            page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
            protocol = page.context.new_cdp_session(page)
            protocol.send("Performance.enable")
            start = time.perf_counter()
            page.goto(file.as_uri(), wait_until="load")
            found["load"].append(time.perf_counter() - start)
            page.evaluate("document.querySelector('.gallery').scrollIntoView()")
            page.wait_for_function("document.querySelectorAll('.shot img').length > 0 && document.images[0].complete")
            found["pictures"].append(time.perf_counter() - start)
            metrics = {one["name"]: one["value"] for one in protocol.send("Performance.getMetrics")["metrics"]}
            found["pictures_of_processor"].append(metrics["ProcessTime"])
            page.context.close()
        chromium.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=int, default=10)
    parser.add_argument("--images", type=int, default=100, help="a direction")
    parser.add_argument("--runs", type=int, default=5, help="how often the page is opened")
    parser.add_argument("--output", type=Path, help="write the figures here as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = make(Path(folder), options.methods, options.images)
        start = time.perf_counter()
        file = Path(folder) / "report.html"
        file.write_text(render(collect_report(results)), encoding="utf-8", newline="\n")
        written = time.perf_counter() - start
        seconds = opened(file, options.runs)
        figures = {
            "methods": options.methods,
            "images": options.images,
            "megabytes": round(file.stat().st_size / 1e6, 2),
            "seconds_to_write": round(written, 1),
            **{f"seconds_to_{name}": [round(one, 2) for one in own] for name, own in seconds.items()},
            **{f"median_to_{name}": round(statistics.median(own), 2) for name, own in seconds.items()},
            "load_average": round(os.getloadavg()[0], 1),
        }
    print(json.dumps(figures, indent=2))
    if options.output is not None:
        options.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
